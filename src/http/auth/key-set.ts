/**
 * An identity provider's public keys, fetched and kept.
 *
 * @module
 */
import { createLocalJWKSet, createRemoteJWKSet, customFetch, errors, type JWTVerifyGetKey } from 'jose';
import { logWarning } from '../../log.ts';

/** Keys are fetched anew after this. */
const MAX_AGE_MS = 600_000;
/** Keys go on being used this long where the provider can't be reached. */
const MAX_STALE_MS = 24 * 3_600_000;
/** An unknown key id, or a provider that is down, leads to one request in this time at most. */
const COOLDOWN_MS = 30_000;
const FETCH_TIMEOUT_MS = 5_000;

/** The keys can't be had, so a token can be found neither good nor bad. */
export class KeysUnavailable extends Error {}

/** Whether an error is about the set of keys, rather than about the token. */
function isAboutKeys(error: unknown): boolean {
  if (error instanceof errors.JWKSNoMatchingKey || error instanceof errors.JWKSMultipleMatchingKeys)
    return false;
  return (
    !(error instanceof errors.JOSEError) ||
    error.code === 'ERR_JOSE_GENERIC' ||
    error.code.startsWith('ERR_JWKS')
  );
}

/**
 * Finds the key that a token names.
 *
 * @throws {@link KeysUnavailable} where the provider doesn't answer and no keys are kept.
 */
export function keySet(url: URL): JWTVerifyGetKey {
  let failedAt = Number.NEGATIVE_INFINITY;
  let fetchedAt = Number.NEGATIVE_INFINITY;
  const remote = createRemoteJWKSet(url, {
    cacheMaxAge: MAX_AGE_MS,
    cooldownDuration: COOLDOWN_MS,
    timeoutDuration: FETCH_TIMEOUT_MS,
    // The library's own cool-down begins with a success; this one holds while the provider is down.
    [customFetch]: async (...request: Parameters<typeof fetch>) => {
      if (Date.now() < failedAt + COOLDOWN_MS)
        throw new KeysUnavailable('The provider was asked a moment ago');
      let response: Response | null = null;
      try {
        response = await fetch(...request);
        return response;
      } finally {
        const answered = response?.status === 200;
        failedAt = answered ? Number.NEGATIVE_INFINITY : Date.now();
        if (answered) fetchedAt = Date.now();
      }
    },
  });
  return async (header, token) => {
    try {
      return await remote(header, token);
    } catch (error) {
      if (!isAboutKeys(error)) throw error;
      const kept = remote.jwks();
      logWarning('auth.keys_unavailable', { message: String(error), kept: kept !== undefined });
      if (kept === undefined || Date.now() > fetchedAt + MAX_STALE_MS)
        throw new KeysUnavailable('The keys of the identity provider cannot be had');
      return createLocalJWKSet(kept)(header, token);
    }
  };
}
