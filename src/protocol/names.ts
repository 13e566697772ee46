/**
 * How objects are named. The tenant is part of every name, so that no request can reach another's.
 *
 * @module
 */
import { sha256 } from './sha256.ts';

/** The name of a session's object. */
export const sessionObjectName = (tenant: string, sessionId: string): string => `${tenant}/${sessionId}`;

/** The tenant in an object's name. A tenant has no slash. */
export function tenantOf(objectName: string | undefined): string {
  const tenant = objectName?.split('/', 1)[0];
  if (!tenant) throw new Error('This object was reached without a name');
  return tenant;
}

/**
 * SHA-256 in hex of parts that may hold anything: each comes with its length, so that no two lists of parts
 * are alike. A name has to be hashed since the platform knows none above 1,024 bytes.
 */
function hashed(...parts: readonly string[]): Promise<string> {
  return sha256(parts.map((part) => `${part.length}:${part}`).join(''));
}

/** The name of a transcript's object. */
export async function transcriptObjectName(
  tenant: string,
  project: string,
  session: string,
): Promise<string> {
  return `${tenant}/${await hashed(project, session)}`;
}

/** The name of a project's object. */
export async function projectObjectName(tenant: string, project: string): Promise<string> {
  return `${tenant}/${await hashed(project)}`;
}
