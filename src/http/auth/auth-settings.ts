/**
 * The settings of authentication. The algorithm follows from them, never from a token.
 *
 * @module
 */
import { BadSetting, text, tryRead, type SettingsEnv, type SettingsResult } from '../../contract/settings.ts';

/** HS256 wants a key at least as long as its hash (RFC 7518, section 3.2), bytes. */
const MIN_SECRET_BYTES = 32;

/** How callers are known. */
export type AuthSettings =
  | { readonly kind: 'off' }
  | {
      readonly kind: 'secrets';
      /** The current key, and the one before it while it is being rotated. */
      readonly secrets: readonly Uint8Array[];
      readonly issuer: string | null;
      readonly audience: string | null;
    }
  | { readonly kind: 'jwks'; readonly url: URL; readonly issuer: string; readonly audience: string };

function secret(env: SettingsEnv, name: string): Uint8Array | null {
  const value = text(env, name, '');
  if (value === '') return null;
  const bytes = new TextEncoder().encode(value);
  if (bytes.byteLength < MIN_SECRET_BYTES)
    throw new BadSetting(name, `must have at least ${MIN_SECRET_BYTES} bytes`);
  return bytes;
}

const isLocal = (url: URL): boolean => ['localhost', '127.0.0.1', '[::1]'].includes(url.hostname);

function jwksUrl(value: string): URL {
  if (!URL.canParse(value)) throw new BadSetting('AUTH_JWKS_URL', 'must be a URL');
  const url = new URL(value);
  // Keys that come unprotected could be anyone's.
  if (url.protocol !== 'https:' && !(url.protocol === 'http:' && isLocal(url)))
    throw new BadSetting('AUTH_JWKS_URL', 'must be an https URL');
  return url;
}

function read(env: SettingsEnv): AuthSettings {
  const mode = text(env, 'AUTH', 'required');
  if (mode === 'off') return { kind: 'off' };
  if (mode !== 'required') throw new BadSetting('AUTH', 'must be "required" or "off"');
  const issuer = text(env, 'AUTH_ISSUER', '') || null;
  const audience = text(env, 'AUTH_AUDIENCE', '') || null;
  const jwks = text(env, 'AUTH_JWKS_URL', '');
  if (jwks !== '') {
    const url = jwksUrl(jwks);
    // An identity provider signs tokens for many services: without these, any of them would do.
    if (issuer === null) throw new BadSetting('AUTH_ISSUER', 'must be set with AUTH_JWKS_URL');
    if (audience === null) throw new BadSetting('AUTH_AUDIENCE', 'must be set with AUTH_JWKS_URL');
    return { kind: 'jwks', url, issuer, audience };
  }
  const current = secret(env, 'AUTH_JWT_SECRET');
  const previous = secret(env, 'AUTH_JWT_SECRET_PREVIOUS');
  if (current === null)
    throw new BadSetting('AUTH_JWT_SECRET', 'or AUTH_JWKS_URL must be set, since AUTH is "required"');
  return {
    kind: 'secrets',
    secrets: previous === null ? [current] : [current, previous],
    issuer,
    audience,
  };
}

/** Reads and checks how callers are known. Nothing set is an error: nothing is ever open by omission. */
export function readAuthSettings(env: SettingsEnv): SettingsResult<AuthSettings> {
  return tryRead(() => read(env));
}
