/**
 * Sessions on paper: what a registry is told of sessions, where no session is needed.
 *
 * @module
 */
import { newSessionId } from '../../src/contract/session-id.ts';
import type { CreateSession } from '../../src/contract/session.ts';
import type { ReserveRequest, SessionReport } from '../../src/protocol/report.ts';
import * as lifecycle from '../../src/session/lifecycle.ts';
import type { SessionRecord, StoredSession } from '../../src/session/record.ts';
import { toReport } from '../../src/session/view.ts';
import { DEFAULTS, HOUR } from './tenant.ts';

export const RETENTION_MS = 24 * HOUR;

/** A session that goes through its life by the real rules, and is stored nowhere. */
export class PaperSession {
  #stored: StoredSession;

  constructor(input: CreateSession = {}, now = Date.now()) {
    this.#stored = lifecycle.create(newSessionId(), input, DEFAULTS, now);
  }

  get id(): string {
    return this.#stored.record.sessionId;
  }

  get report(): SessionReport {
    return toReport(this.#stored);
  }

  reservation(key?: string, bodyDigest = 'digest'): ReserveRequest {
    const idempotency = key === undefined ? {} : { idempotency: { key, bodyDigest } };
    return { sessionId: this.id, report: this.report, ...idempotency };
  }

  /** How it would ask for a slot to be resumed. */
  resumption(): ReserveRequest {
    const { record, details } = this.#stored;
    const report = toReport({ record: lifecycle.resume(record, Date.now()), details });
    return { sessionId: this.id, report, expired: this.report };
  }

  touch(messages = 1): SessionReport {
    const touched = lifecycle.touch(this.#stored.record, messages, null, Date.now());
    return touched.ok ? this.#become(touched.value) : this.report;
  }

  link(claudeSessionId: string): SessionReport {
    this.#stored = lifecycle.link(this.#stored, { claudeSessionId });
    return this.report;
  }

  resume(): SessionReport {
    return this.#become(lifecycle.resume(this.#stored.record, Date.now()));
  }

  /** Expires where that is due. */
  settle(): SessionReport {
    return this.#become(lifecycle.settle(this.#stored.record, Date.now(), RETENTION_MS));
  }

  end(): SessionReport {
    return this.#become(lifecycle.end(this.#stored.record, Date.now(), RETENTION_MS));
  }

  purge(): SessionReport {
    const { record } = this.#stored;
    return record.ending === null ? this.report : this.#become(lifecycle.purge(record, record.ending));
  }

  #become(record: SessionRecord): SessionReport {
    this.#stored = { ...this.#stored, record };
    return this.report;
  }
}
