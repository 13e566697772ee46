/**
 * A session's two rows, and the copy of them in memory: the object is their only writer.
 *
 * @module
 */
import type { SessionDetails, SessionRecord, StoredSession } from './record.ts';

const RECORD_KEY = 'record';
const DETAILS_KEY = 'details';

/** What is left of the details of a session that was erased. */
const NO_DETAILS: SessionDetails = {
  config: { cwd: '', permissionMode: 'default', maxTurns: 0, metadata: {} },
  claudeSessionIds: [],
};

/** Reads are synchronous and free after the first; writes become durable together, before any answer. */
export class SessionStore {
  readonly #storage: DurableObjectStorage;
  /** Undefined until it was read. */
  #cached: StoredSession | null | undefined;

  constructor(storage: DurableObjectStorage) {
    this.#storage = storage;
  }

  /** The session, or null where nothing is stored. Creates nothing. */
  load(): StoredSession | null {
    if (this.#cached !== undefined) return this.#cached;
    const record = this.#storage.kv.get<SessionRecord>(RECORD_KEY);
    this.#cached = record === undefined ? null : { record, details: this.#details() };
    return this.#cached;
  }

  #details(): SessionDetails {
    return this.#storage.kv.get<SessionDetails>(DETAILS_KEY) ?? NO_DETAILS;
  }

  /** Writes the record, and the details if they changed. */
  save(next: StoredSession): void {
    const before = this.#cached;
    // A write that throws leaves memory to be read again, never ahead of what is stored.
    this.#cached = undefined;
    if (before?.details !== next.details) this.#storage.kv.put(DETAILS_KEY, next.details);
    this.#storage.kv.put(RECORD_KEY, next.record);
    this.#cached = next;
  }

  /** Writes the record alone and deletes the details: what an erased session leaves for the registry. */
  saveMark(record: SessionRecord): void {
    this.#cached = undefined;
    this.#storage.kv.delete(DETAILS_KEY);
    this.#storage.kv.put(RECORD_KEY, { ...record, touchKeys: [] });
    this.#cached = { record, details: NO_DETAILS };
  }

  /** Notes something about the record in memory, to be stored with the next write. */
  remember(record: SessionRecord): void {
    if (this.#cached) this.#cached = { ...this.#cached, record };
  }

  /** Deletes everything, the alarm included. */
  async erase(): Promise<void> {
    this.#cached = null;
    await this.#storage.deleteAll();
  }
}
