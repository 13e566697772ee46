/**
 * Who gets a slot. Counting and admitting stand in one synchronous block, so the limit is exact.
 *
 * @module
 */
import { fail, ok, type Failed, type Result } from '../contract/errors.ts';
import { MAX_RETRY_AFTER_S, MIN_RETRY_AFTER_S } from '../contract/limits.ts';
import type { SessionSummary } from '../contract/session.ts';
import type { Reservation, ReserveRequest, SessionReport } from '../protocol/report.ts';
import type { RegistryStore } from './registry-store.ts';
import type { IndexRow } from './index-row.ts';

/** How long a reservation may be used. */
const RESERVATION_LEASE_MS = 15_000;
/**
 * From when on an unused reservation is settled. The time between the two absorbs clocks that differ, so
 * that no session is written after its slot was given away.
 */
const RESERVATION_SETTLE_MS = 30_000;

export class Admission {
  readonly #store: RegistryStore;
  readonly #maxSessions: () => number;

  constructor(store: RegistryStore, maxSessions: () => number) {
    this.#store = store;
    this.#maxSessions = maxSessions;
  }

  /** Admits a session that is about to be created or resumed, or says why not. */
  admit(request: ReserveRequest): Result<Reservation> {
    const { report } = request;
    // A session that is to live has a summary; what has none was erased.
    if (report.summary === null) return fail('session_not_found', 'There is no session with this id.');
    if (this.#store.isThere) {
      const known = this.#alreadyReserved(request, Date.now());
      if (known !== null) return known;
      // What the session says of its expiry counts before its slot is taken anew.
      if (request.expired !== undefined) this.#applyExpiry(request.sessionId, request.expired);
    }
    const max = this.#maxSessions();
    if (this.#store.statistics.active >= max) return this.#full(max);
    return ok(this.#reserve(request, report.summary));
  }

  #reserve(
    { sessionId, report, expired, idempotency }: ReserveRequest,
    summary: SessionSummary,
  ): Reservation {
    const { index, keys, ledger } = this.#store;
    return this.#store.write((now) => {
      const resumed = expired !== undefined;
      const row: IndexRow = {
        sessionId,
        status: 'active',
        version: report.version,
        reserved: resumed ? 'resume' : 'create',
        due: now + RESERVATION_SETTLE_MS,
        asks: 0,
        messageCount: report.messageCount,
        reportedAt: now,
        idempotencyKey: idempotency?.key ?? null,
        summary,
      };
      // One that is to be created has no row: it was looked for, in this same block.
      const before = resumed ? index.find(sessionId) : null;
      ledger.move(before, row, resumed ? null : { kind: 'created' }, now);
      if (idempotency !== undefined)
        keys.remember(idempotency.key, { sessionId, bodyDigest: idempotency.bodyDigest }, now);
      return { sessionId, deadline: now + RESERVATION_LEASE_MS, repeat: false };
    });
  }

  /** A reservation that was made before by the same create or resume, or null: two for one id are one slot. */
  #alreadyReserved(request: ReserveRequest, now: number): Result<Reservation> | null {
    const { idempotency, report, expired } = request;
    const known = idempotency === undefined ? null : this.#store.keys.find(idempotency.key, now);
    if (known !== null && known.bodyDigest !== idempotency?.bodyDigest)
      return fail('idempotency_key_reused', 'This key was used to create a session with another body.');
    const repeat = known !== null;
    const sessionId = known?.sessionId ?? request.sessionId;
    const row = this.#store.index.find(sessionId);
    const unconfirmed =
      row?.status === 'active' && row.reserved === (expired === undefined ? 'create' : 'resume');
    if (unconfirmed && (repeat || row.version === report.version))
      return ok({ sessionId, deadline: this.#renew(row), repeat });
    if (repeat) return ok({ sessionId, deadline: null, repeat });
    if (row === null) return null;
    if (expired === undefined) return ok({ sessionId, deadline: null, repeat });
    return row.version >= report.version
      ? fail('conflict', 'The session has changed meanwhile. Try again.')
      : null;
  }

  /** Gives a reservation its full time again. */
  #renew(row: IndexRow): number {
    return this.#store.write((now) => {
      this.#store.ledger.move(row, { ...row, due: now + RESERVATION_SETTLE_MS }, null, now);
      return now + RESERVATION_LEASE_MS;
    });
  }

  #applyExpiry(sessionId: string, expired: SessionReport): void {
    const row = this.#store.index.find(sessionId);
    if (row?.status === 'active' && row.version <= expired.version)
      this.#store.write((now) => this.#store.ledger.takeOver(row, expired, now));
  }

  #full(max: number): Failed {
    const expiry = this.#store.isThere ? this.#store.index.nextExpiry() : null;
    const wait = expiry === null ? MAX_RETRY_AFTER_S : Math.ceil((expiry - Date.now()) / 1000);
    return fail('max_sessions_reached', `Maximum sessions limit reached: ${max}`, {
      retryAfterS: Math.min(Math.max(wait, MIN_RETRY_AFTER_S), MAX_RETRY_AFTER_S),
    });
  }
}
