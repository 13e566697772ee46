/**
 * Who is calling.
 *
 * @module
 */
import { fail, type Result } from '../../contract/errors.ts';
import { BEARER_SUBPROTOCOL_PREFIX } from '../../contract/live.ts';
import type { Settings } from '../../contract/settings.ts';
import { logError } from '../../log.ts';
import type { AppContext } from '../app-env.ts';
import { readAuthSettings, type AuthSettings } from './auth-settings.ts';
import { authenticateDeveloper } from './developer.ts';
import type { Principal } from './principal.ts';
import { createVerifier, type Verifier } from './verifier.ts';

type Authentication =
  | { readonly kind: 'off' }
  | { readonly kind: 'token'; readonly verify: Verifier }
  | { readonly kind: 'unusable' };

/** Settings are read, and keys kept, once for each environment, which lives as long as the isolate. */
const authenticationByEnv = new WeakMap<Env, Authentication>();

function prepare(env: Env): Authentication {
  const result = readAuthSettings({ ...env });
  if (!result.ok) {
    logError('settings.bad', new Error(`${result.name} ${result.problem}`), { setting: result.name });
    return { kind: 'unusable' };
  }
  const settings: AuthSettings = result.settings;
  return settings.kind === 'off' ? settings : { kind: 'token', verify: createVerifier(settings) };
}

/** Longer than any header with a token that is looked at. */
const MAX_HEADER_LENGTH = 12_000;

/** A token that is kept keeps the header that it was cut from: nothing of one that is too long is looked at. */
const bounded = (header: string): string => (header.length > MAX_HEADER_LENGTH ? '' : header);

/** The bearer token of a request, or null (RFC 6750, section 2.1; the scheme's case does not matter). */
function bearerToken(c: AppContext): string | null {
  const header = c.req.header('Authorization');
  if (header !== undefined) return /^Bearer +([\w\-.~+/]+=*) *$/i.exec(bounded(header))?.[1] ?? null;
  if (c.req.header('Upgrade')?.toLowerCase() !== 'websocket') return null;
  const protocols = bounded(c.req.header('Sec-WebSocket-Protocol') ?? '');
  const offered = protocols.split(',').map((name) => name.trim());
  const bearer = offered.find((name) => name.startsWith(BEARER_SUBPROTOCOL_PREFIX));
  return bearer === undefined ? null : bearer.slice(BEARER_SUBPROTOCOL_PREFIX.length);
}

/** Finds out on whose behalf a request is made. No object is called for it. */
export async function authenticate(c: AppContext, settings: Settings): Promise<Result<Principal>> {
  let authentication = authenticationByEnv.get(c.env);
  if (authentication === undefined) {
    authentication = prepare(c.env);
    authenticationByEnv.set(c.env, authentication);
  }
  if (authentication.kind === 'unusable')
    return fail('auth_not_configured', 'The operator has not configured authentication.');
  if (authentication.kind === 'off') return authenticateDeveloper(c, settings.corsOrigins);
  const token = bearerToken(c);
  if (token === null) return fail('unauthenticated', 'This needs a bearer token.');
  return authentication.verify(token);
}
