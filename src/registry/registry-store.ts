/**
 * What the registry keeps, and the one way to change it.
 *
 * @module
 */
import { Schema } from '../storage/migrations.ts';
import { IdempotencyKeys } from './idempotency.ts';
import { Ledger, type Move } from './ledger.ts';
import { REGISTRY_MIGRATIONS } from './migrations.ts';
import { SessionIndex } from './session-index.ts';
import { Statistics } from './statistics.ts';

/** Rows deleted in one transaction. */
const PRUNE_BATCH = 500;
/** How many of those a caller of the statistics waits for. */
const MAX_PRUNE_BATCHES = 20;

/** What happens after a write. */
export interface WriteListener {
  /** Rows have changed. */
  changed(moves: readonly Move[]): void;
  /** Something was written, or was to be, which null stands for: what falls due next may have changed. */
  written(now: number, moves: readonly Move[] | null): void;
}

export class RegistryStore {
  readonly index: SessionIndex;
  readonly keys: IdempotencyKeys;
  readonly statistics: Statistics;
  readonly ledger: Ledger;
  readonly #storage: DurableObjectStorage;
  readonly #schema: Schema;
  readonly #listener: WriteListener;

  constructor(storage: DurableObjectStorage, listener: WriteListener) {
    this.#storage = storage;
    this.#listener = listener;
    this.#schema = new Schema(storage, REGISTRY_MIGRATIONS);
    this.index = new SessionIndex(storage.sql);
    this.keys = new IdempotencyKeys(storage.sql);
    this.statistics = new Statistics(storage);
    this.ledger = new Ledger(this.index, this.statistics);
  }

  /** Whether there are tables to read: a tenant that nobody used has none. */
  get isThere(): boolean {
    return this.#schema.isThere();
  }

  /** Makes a change in one transaction; where it throws, nothing of it is left, in memory either. */
  write<T>(change: (now: number) => T): T {
    const now = Date.now();
    this.#schema.ensure();
    const result = this.#transact(change, now);
    const moves = this.ledger.takeMoves();
    this.#listener.written(now, moves);
    this.#listener.changed(moves);
    return result;
  }

  #transact<T>(change: (now: number) => T, now: number): T {
    try {
      const result = this.#storage.transactionSync(() => change(now));
      this.statistics.committed();
      return result;
    } catch (error) {
      this.statistics.rolledBack();
      this.ledger.takeMoves();
      this.#listener.written(now, null);
      throw error;
    }
  }

  /** Writes refusals down that no other write has carried. */
  writeRefusals(): void {
    if (!this.statistics.hasUnwritten) return;
    this.write((now) => this.statistics.apply({ current: {}, happened: {}, tallies: [] }, now));
  }

  /** Deletes what is kept no longer, as far as one call should go. */
  pruneAll(now: number): void {
    for (let batch = 0; batch < MAX_PRUNE_BATCHES && this.prune(now); batch += 1);
  }

  /**
   * Deletes some of what is kept no longer.
   *
   * @returns whether there may be more of it.
   */
  prune(now: number): boolean {
    const outlived = this.index.outlived(now, PRUNE_BATCH);
    const nextKey = this.keys.nextDue();
    if (outlived.length === 0 && (nextKey === null || nextKey > now)) return false;
    this.write(() => {
      for (const row of outlived) this.ledger.move(row, null, null, now);
      this.keys.prune(now, PRUNE_BATCH);
    });
    return true;
  }

  /** When something next falls due, or null. */
  nextDue(): number | null {
    if (!this.isThere) return null;
    const times = [this.index.nextDue(), this.keys.nextDue()].filter((time) => time !== null);
    return times.length === 0 ? null : Math.min(...times);
  }
}
