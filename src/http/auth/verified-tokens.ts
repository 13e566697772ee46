/**
 * Tokens that were found good a moment ago: most requests bring one of those, and a signature takes longer to verify
 * than a session to read.
 *
 * @module
 */
import type { Principal } from './principal.ts';

/** How long a token is taken for good unseen: for as long a key that an identity provider withdraws still counts. */
const KEEP_MS = 30_000;
/** More callers than this at once verify some of their tokens each time. */
const MAX_KEPT = 1_000;

interface Kept {
  readonly principal: Principal;
  readonly verifiedAt: number;
}

export class VerifiedTokens {
  /** In the order in which they were verified. */
  readonly #kept = new Map<string, Kept>();

  /** On whose behalf a token speaks that was verified a moment ago and has not run out; null for any other. */
  find(token: string, now: number): Principal | null {
    const kept = this.#kept.get(token);
    if (kept === undefined) return null;
    const { principal, verifiedAt } = kept;
    // Where the clock was set back nothing is known of when that was.
    const fresh = now >= verifiedAt && now < verifiedAt + KEEP_MS;
    return fresh && now < (principal.expiresAt ?? 0) ? principal : null;
  }

  /** Keeps what a token that was just verified says. */
  keep(token: string, principal: Principal, now: number): void {
    this.#kept.delete(token);
    this.#kept.set(token, { principal, verifiedAt: now });
    const [oldest] = this.#kept.keys();
    if (this.#kept.size > MAX_KEPT && oldest !== undefined) this.#kept.delete(oldest);
  }
}
