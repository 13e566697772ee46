/**
 * Who is calling, and whether they may.
 *
 * @module
 */
import { fail, ok, type Result } from '../contract/errors.ts';
import type { Settings } from '../contract/settings.ts';
import type { AppContext, Principal } from './app-env.ts';

/** The tenant of callers without a token. */
const DEFAULT_TENANT = 'default';

const EVERYONE: Principal = { tenant: DEFAULT_TENANT, allows: () => true };

/** Whether a host, without its port, is this machine itself. */
export function isLoopback(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || /^127(\.\d{1,3}){3}$/.test(hostname);
}

/**
 * With `AUTH` = `off` everyone may do everything, so only this machine is answered: a `Host` that is not
 * loopback means that a name was pointed here (DNS rebinding), a foreign `Origin` that a web page calls.
 */
function developer(c: AppContext, settings: Settings): Result<Principal> {
  const url = new URL(c.req.url);
  const host = c.req.header('Host') ?? url.host;
  const hostname = URL.canParse(`http://${host}`) ? new URL(`http://${host}`).hostname : '';
  if (!isLoopback(hostname)) return fail('forbidden', 'With AUTH=off only a loopback host is answered.');
  const origin = c.req.header('Origin');
  const own = origin === undefined || origin === `http://${host}` || origin === `https://${host}`;
  if (!own && !settings.corsOrigins.includes(origin))
    return fail('forbidden', 'With AUTH=off no other origin is answered.');
  return ok(EVERYONE);
}

/** Finds out on whose behalf a request is made. */
export function authenticate(c: AppContext, settings: Settings): Result<Principal> {
  if (settings.auth === 'off') return developer(c, settings);
  return fail('auth_not_configured', 'The operator has not configured authentication.');
}
