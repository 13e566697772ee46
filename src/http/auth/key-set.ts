/**
 * An identity provider's public keys, fetched and kept.
 *
 * @module
 */
import { waitUntil } from 'cloudflare:workers';
import { createLocalJWKSet, errors, type JSONWebKeySet, type JWTVerifyGetKey } from 'jose';
import { logWarning } from '../../log.ts';
import { within } from '../../protocol/within.ts';

/** Keys are fetched anew after this. */
const MAX_AGE_MS = 600_000;
/** Keys go on being used this long where the provider can't be reached. */
const MAX_STALE_MS = 24 * 3_600_000;
/**
 * The provider is asked once in this time at most, whatever it answers and however many wait: anyone can
 * send tokens with key ids that nobody has.
 */
const COOLDOWN_MS = 30_000;
const FETCH_TIMEOUT_MS = 5_000;
/** Somewhat longer: who waits for a request that another one made hears of its timeout. */
const WAIT_TIMEOUT_MS = 6_000;

/** The keys can't be had, so a token can be found neither good nor bad. */
export class KeysUnavailable extends Error {}

/**
 * Finds the key that a token names.
 *
 * @throws {@link KeysUnavailable} where the provider doesn't answer and no keys are kept.
 */
export function keySet(url: URL): JWTVerifyGetKey {
  const provider = new Provider(url);
  return (header, token) => provider.find(header, token);
}

class Provider {
  readonly #url: URL;
  #keys: JWTVerifyGetKey | null = null;
  #fetchedAt = Number.NEGATIVE_INFINITY;
  #askedAt = Number.NEGATIVE_INFINITY;
  #asking: Promise<void> | null = null;
  /** Whether the last request for keys failed. */
  #isAway = false;

  constructor(url: URL) {
    this.#url = url;
  }

  readonly find: JWTVerifyGetKey = async (header, token) => {
    if (Date.now() >= this.#fetchedAt + MAX_AGE_MS) {
      const refreshed = this.#refresh();
      // One that was away may hang now: nobody is held up again while what is kept will do.
      if (!this.#isAway || Date.now() >= this.#fetchedAt + MAX_STALE_MS) await refreshed;
    }
    try {
      return await this.#kept(header, token);
    } catch (error) {
      if (!(error instanceof errors.JWKSNoMatchingKey)) throw error;
      await this.#refresh();
      return this.#kept(header, token);
    }
  };

  get #kept(): JWTVerifyGetKey {
    if (this.#keys !== null && Date.now() < this.#fetchedAt + MAX_STALE_MS) return this.#keys;
    throw new KeysUnavailable('The keys of the identity provider cannot be had');
  }

  /**
   * Fetches the keys, or waits for those that are on their way, which the cool-down outlasts. A failure
   * leaves what is kept.
   */
  async #refresh(): Promise<void> {
    if (Date.now() >= this.#askedAt + COOLDOWN_MS) {
      this.#askedAt = Date.now();
      const asking = this.#fetch().finally(() => {
        this.#asking = null;
      });
      this.#asking = asking;
      // Others wait for it too: it goes on when the caller that began it hangs up.
      waitUntil(asking);
    }
    if (this.#asking !== null) await within(WAIT_TIMEOUT_MS, this.#asking).catch(() => undefined);
  }

  async #fetch(): Promise<void> {
    try {
      const response = await fetch(this.#url, {
        headers: { Accept: 'application/json, application/jwk-set+json' },
        redirect: 'manual',
        signal: AbortSignal.timeout(FETCH_TIMEOUT_MS),
      });
      if (response.status !== 200) throw new Error(`The provider answered ${response.status}`);
      this.#keys = createLocalJWKSet(await response.json<JSONWebKeySet>());
      this.#fetchedAt = Date.now();
      this.#isAway = false;
    } catch (error) {
      this.#isAway = true;
      logWarning('auth.keys_unavailable', { message: String(error), kept: this.#keys !== null });
    }
  }
}
