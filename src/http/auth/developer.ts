/**
 * `AUTH` = `off`, for development: everyone may do everything, so only this machine is answered.
 *
 * @module
 */
import { fail, ok, type Result } from '../../contract/errors.ts';
import { logWarning } from '../../log.ts';
import type { AppContext } from '../app-env.ts';
import { isForeignOrigin } from '../cross-origin.ts';
import { DEVELOPER, type Principal } from './principal.ts';

/** This machine itself, as a `Host`: with a port or without. */
const LOOPBACK_HOST = /^(?:localhost|\[::1\]|127(?:\.\d{1,3}){3})(?::\d{1,5})?$/i;

/**
 * Answers a loopback `Host` alone: another one means that a name was pointed here (DNS rebinding). A foreign
 * `Origin` means that a web page which the developer visits is calling.
 */
export function authenticateDeveloper(c: AppContext, corsOrigins: readonly string[]): Result<Principal> {
  const host = c.req.header('Host') ?? new URL(c.req.url).host;
  if (!LOOPBACK_HOST.test(host)) return fail('forbidden', 'With AUTH=off only a loopback host is answered.');
  if (isForeignOrigin(c, corsOrigins)) return fail('forbidden', 'With AUTH=off no other origin is answered.');
  return ok(DEVELOPER);
}

/** Says it where the operator looks first: that everyone who reaches this server may do everything. */
export function warnWhereOpen({ AUTH }: Pick<Env, 'AUTH'>): void {
  if (AUTH !== 'off') return;
  const message =
    'AUTH=off: WHOEVER REACHES THIS SERVER MAY DO EVERYTHING. For development on this machine only.';
  logWarning('auth.off', { message });
}
