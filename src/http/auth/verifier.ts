/**
 * Bearer tokens: JSON Web Tokens (RFC 7519), verified by `jose`.
 *
 * @module
 */
import { errors, jwtVerify, type JWTPayload, type JWTVerifyGetKey, type JWTVerifyOptions } from 'jose';
import { fail, ok, type Failed, type Result } from '../../contract/errors.ts';
import { SCOPES, type Scope } from '../../contract/scopes.ts';
import { parseSessionId } from '../../contract/session-id.ts';
import { logError } from '../../log.ts';
import { digest } from '../digest.ts';
import type { AuthSettings } from './auth-settings.ts';
import { keySet, KeysUnavailable } from './key-set.ts';
import { DEFAULT_TENANT, TENANT_PATTERN, type Principal } from './principal.ts';
import { VerifiedTokens } from './verified-tokens.ts';

/** How far this machine's clock and the issuer's may differ, seconds. */
const CLOCK_TOLERANCE_S = 5;
/** Longer ones are not looked at. */
const MAX_TOKEN_LENGTH = 8_192;
const KEYS_RETRY_AFTER_S = 30;
/** What is kept of a token's `jti` for the log. */
const MAX_TOKEN_ID_LENGTH = 64;

/** Asymmetric algorithms that are taken of an identity provider. HS256 with a public key is not among them. */
const PROVIDER_ALGORITHMS = ['RS256', 'ES256', 'EdDSA', 'Ed25519'];

/** Says on whose behalf a token speaks. */
export type Verifier = (token: string) => Promise<Result<Principal>>;

/** Tries one key after another; only a signature that does not fit leads to the next. */
async function verifyWithAny(
  token: string,
  keys: readonly (Uint8Array | CryptoKey | JWTVerifyGetKey)[],
  options: JWTVerifyOptions,
): Promise<JWTPayload> {
  let failure: unknown = new errors.JWSSignatureVerificationFailed();
  for (const key of keys) {
    try {
      const verified =
        typeof key === 'function'
          ? await jwtVerify(token, key, options)
          : await jwtVerify(token, key, options);
      return verified.payload;
    } catch (error) {
      if (!(error instanceof errors.JWSSignatureVerificationFailed)) throw error;
      failure = error;
    }
  }
  throw failure;
}

/** Makes the verifier for these settings. It keeps its keys and what it has verified, so make it once. */
export function createVerifier(settings: Exclude<AuthSettings, { kind: 'off' }>): Verifier {
  const verified = new VerifiedTokens();
  const keys = settings.kind === 'jwks' ? [keySet(settings.url)] : settings.secrets;
  const options: JWTVerifyOptions = {
    algorithms: settings.kind === 'jwks' ? PROVIDER_ALGORITHMS : ['HS256'],
    requiredClaims: ['exp'],
    clockTolerance: CLOCK_TOLERANCE_S,
    ...(settings.issuer === null ? {} : { issuer: settings.issuer }),
    ...(settings.audience === null ? {} : { audience: settings.audience }),
  };
  return async (token) => {
    if (token.length > MAX_TOKEN_LENGTH) return refused('it is too long');
    const known = verified.find(token, Date.now());
    if (known !== null) return ok(known);
    try {
      const principal = await principalOf(await verifyWithAny(token, keys, options), token);
      if (principal.ok) verified.keep(token, principal.value, Date.now());
      return principal;
    } catch (error) {
      if (error instanceof KeysUnavailable)
        return fail('overloaded', 'Tokens cannot be verified just now.', { retryAfterS: KEYS_RETRY_AFTER_S });
      if (error instanceof errors.JWTExpired) return refused('it has expired');
      if (error instanceof errors.JWTClaimValidationFailed)
        return refused(`its claim ${error.claim} does not hold`);
      if (error instanceof errors.JOSEError) return refused('it does not verify');
      logError('auth.unexpected', error, {});
      return refused('it does not verify');
    }
  };
}

function refused(why: string): Failed {
  return fail('unauthenticated', `The token is not valid: ${why}.`);
}

/** Reads the claims that are ours. A claim of the wrong form makes the whole token bad. */
async function principalOf(claims: JWTPayload, token: string): Promise<Result<Principal>> {
  const { tenant = DEFAULT_TENANT, scope = '', session, jti, exp } = claims;
  if (typeof tenant !== 'string' || !TENANT_PATTERN.test(tenant))
    return refused('its claim tenant does not hold');
  if (typeof scope !== 'string') return refused('its claim scope does not hold');
  const sessionId = typeof session === 'string' ? parseSessionId(session, Date.now()) : null;
  if (session !== undefined && sessionId === null) return refused('its claim session does not hold');
  return ok({
    tenant,
    scopes: new Set(scope.split(' ').filter((name): name is Scope => Object.hasOwn(SCOPES, name))),
    tokenId: typeof jti === 'string' ? jti.slice(0, MAX_TOKEN_ID_LENGTH) : null,
    sessionId,
    expiresAt: (exp ?? 0) * 1000,
    // Without its signature, which can be written in several ways.
    rateKey: `${tenant}/${await digest(token.slice(0, token.lastIndexOf('.')))}`,
  });
}
