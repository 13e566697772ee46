/**
 * How objects are named. The tenant is part of every name, so that no request can reach another's.
 *
 * @module
 */

/** The name of a session's object. */
export const sessionObjectName = (tenant: string, sessionId: string): string => `${tenant}/${sessionId}`;

/** The tenant in an object's name. A tenant has no slash. */
export function tenantOf(objectName: string | undefined): string {
  const tenant = objectName?.split('/', 1)[0];
  if (!tenant) throw new Error('This object was reached without a name');
  return tenant;
}
