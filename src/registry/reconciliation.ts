/**
 * What follows from what sessions say when they are asked.
 *
 * @module
 */
import { logError, logWarning } from '../log.ts';
import type { SessionReport } from '../protocol/report.ts';
import { rowOf } from './ledger.ts';
import type { RegistryStore } from './registry-store.ts';
import type { IndexRow } from './index-row.ts';
import type { Asked } from './sweeper.ts';

/** A session that did not answer is asked again after 1, 2, 4 … seconds, at most this many. */
const FIRST_ASK_RETRY_MS = 1_000;
const MAX_ASK_RETRY_MS = 15_000;

export class Reconciliation {
  readonly #store: RegistryStore;
  readonly #tenant: string;

  constructor(store: RegistryStore, tenant: string) {
    this.#store = store;
    this.#tenant = tenant;
  }

  /** Writes down what a session said. One whose answer can't be written is asked again later. */
  settle(asked: Asked): void {
    const { sessionId } = asked.row;
    try {
      this.#store.write((now) => this.#apply(asked, now));
    } catch (error) {
      logError('registry.settle_failed', error, { tenant: this.#tenant, sessionId });
      this.#store.write((now) => this.#askLater(sessionId, now));
    }
  }

  #apply({ row, answer }: Asked, now: number): void {
    const current = this.#store.index.find(row.sessionId);
    // What has moved on since the session was asked is left alone.
    if (current?.version !== row.version || current.due !== row.due || current.status !== row.status) return;
    if (answer === null) this.#vanished(current, now);
    else if (answer !== undefined) this.#answered(current, answer, now);
    this.#askLater(row.sessionId, now);
  }

  #answered(row: IndexRow, answer: SessionReport, now: number): void {
    if (answer.version >= row.version) {
      this.#store.ledger.takeOver(row, answer, now);
    } else if (row.reserved === 'resume' && answer.status !== 'active') {
      // The resume never came: the session stands as it did, and nothing happened.
      const before = rowOf(row, answer, now);
      this.#store.ledger.move(row, before, null, now);
      if (answer.summary === null) this.#store.ledger.move(before, null, null, now);
    }
  }

  /** There is no such session: it was never written, or nothing is left of it. */
  #vanished(row: IndexRow, now: number): void {
    const { ledger, keys } = this.#store;
    if (row.reserved === 'create') {
      if (row.idempotencyKey !== null) keys.forget(row.idempotencyKey);
      ledger.move(row, null, { kind: 'uncreated', createdAt: row.reportedAt }, now);
    } else if (row.reserved === 'resume') {
      ledger.move(row, null, null, now);
    } else {
      logWarning('registry.session_vanished', { tenant: this.#tenant, sessionId: row.sessionId });
      const livedMs = Date.parse(row.summary.expiresAt) - Date.parse(row.summary.createdAt);
      ledger.move(row, null, { kind: 'expired', durationMs: Math.max(0, livedMs) }, now);
    }
  }

  /** A session whose answer has settled nothing keeps its slot, and is asked again after a while. */
  #askLater(sessionId: string, now: number): void {
    const row = this.#store.index.find(sessionId);
    if (row?.status !== 'active' || row.due > now) return;
    const wait = Math.min(FIRST_ASK_RETRY_MS * 2 ** Math.min(row.asks, 10), MAX_ASK_RETRY_MS);
    this.#store.ledger.move(row, { ...row, due: now + wait, asks: row.asks + 1 }, null, now);
    logWarning('registry.session_silent', { tenant: this.#tenant, sessionId, asks: row.asks + 1 });
  }
}
