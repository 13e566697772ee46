/**
 * The idempotency keys of creates, each with the id that it made.
 *
 * @module
 */
import { IDEMPOTENCY_KEY_LIFETIME_MS } from '../contract/limits.ts';

/** What is kept of a create that came with a key. */
export interface KnownCreate {
  readonly sessionId: string;
  readonly bodyDigest: string;
}

export class IdempotencyKeys {
  readonly #sql: SqlStorage;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
  }

  /** The create that came with this key in the last 24 hours, or null. */
  find(key: string, now: number): KnownCreate | null {
    const [row] = this.#sql
      .exec<{ body_digest: string; session_id: string }>(
        'SELECT body_digest, session_id FROM idempotency_keys WHERE key = ? AND expires_at > ?',
        key,
        now,
      )
      .toArray();
    return row === undefined ? null : { sessionId: row.session_id, bodyDigest: row.body_digest };
  }

  remember(key: string, create: KnownCreate, now: number): void {
    this.#sql.exec(
      'INSERT OR REPLACE INTO idempotency_keys VALUES (?, ?, ?, ?)',
      key,
      create.bodyDigest,
      create.sessionId,
      now + IDEMPOTENCY_KEY_LIFETIME_MS,
    );
  }

  forget(key: string): void {
    this.#sql.exec('DELETE FROM idempotency_keys WHERE key = ?', key);
  }

  /** Deletes keys whose time is over, at most `limit` of them. */
  prune(now: number, limit: number): void {
    this.#sql.exec(
      `DELETE FROM idempotency_keys WHERE key IN (
        SELECT key FROM idempotency_keys WHERE expires_at <= ? ORDER BY expires_at LIMIT ?)`,
      now,
      limit,
    );
  }

  /** When the next key's time is over, or null. */
  nextDue(): number | null {
    return this.#sql.exec<{ due: number | null }>('SELECT min(expires_at) AS due FROM idempotency_keys').one()
      .due;
  }
}
