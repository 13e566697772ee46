/**
 * What a handler needs to know of the one who calls.
 *
 * @module
 */
import { fail, ok, type Result } from '../contract/errors.ts';
import type { PermissionMode } from '../contract/session.ts';
import { parseSessionId } from '../contract/session-id.ts';
import { partsOf, type SessionRepresentation } from '../protocol/session-representation.ts';
import type { SessionDefaults } from '../session/lifecycle.ts';
import type { AppContext } from './app-env.ts';
import { Objects } from './objects.ts';
import { problem } from './problem.ts';
import { respondJson } from './respond.ts';

/** The objects that this caller can reach: those of its tenant. */
export function objectsOf(c: AppContext): Objects {
  return new Objects(c.env, c.get('principal').tenant);
}

/** What a session gets where its creator names nothing. */
export function defaultsOf(c: AppContext): SessionDefaults {
  const { defaultCwd, sessionTimeoutMs, maxLifetimeMs } = c.get('settings');
  return { cwd: defaultCwd, sessionTimeoutMs, maxLifetimeMs };
}

/**
 * Calls the session in the path, and answers it with its revision as the entity tag. An id that can't be one
 * of ours is not looked up anywhere.
 */
export async function onSession(
  c: AppContext,
  call: (objects: Objects, sessionId: string) => Promise<Result<SessionRepresentation>>,
): Promise<Response> {
  const id = parseSessionId(c.req.param('id') ?? '', Date.now());
  if (id === null)
    return problem(c, { code: 'session_not_found', detail: 'There is no session with this id.' });
  c.set('sessionId', id);
  return answerSession(c, await call(objectsOf(c), id));
}

/** `bypassPermissions` lets Claude do anything on its host: a scope of its own guards it. */
export function bypassAllowed(c: AppContext, mode: PermissionMode | null | undefined): Result<null> {
  return mode !== 'bypassPermissions' || c.get('principal').scopes.has('sessions:bypass')
    ? ok(null)
    : fail('forbidden', 'bypassPermissions needs the scope sessions:bypass.');
}

/** Answers a value as JSON, or the failure as a problem. */
export function answer(c: AppContext, result: Result<object>): Response {
  return result.ok ? respondJson(c, JSON.stringify(result.value)) : problem(c, result.error);
}

/**
 * Answers a session with its revision as the entity tag, or the failure as a problem. `createdAt` is the
 * address of one that was just created.
 */
export function answerSession(
  c: AppContext,
  result: Result<SessionRepresentation>,
  createdAt?: string,
): Response {
  if (!result.ok) return problem(c, result.error);
  const { json, revision } = partsOf(result.value);
  const headers = { ETag: `"${revision}"` };
  if (createdAt === undefined) return respondJson(c, json, 200, headers);
  return respondJson(c, json, 201, { ...headers, Location: createdAt });
}
