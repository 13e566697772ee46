/**
 * What clients know of their sessions: the registry and the sessions themselves are to say the same.
 *
 * @module
 */
import type { Session } from '../../src/client/index.ts';

/** How a session stands when nobody does anything to it any more. */
export type Fate =
  /** Its idle hour is an hour. */
  | 'kept'
  /** Nobody ended it. */
  | 'left'
  | 'ended'
  | 'erased';

export class Book {
  readonly fates = new Map<string, Fate>();
  /** Messages whose touch was answered. */
  messages = 0;
  /** Sessions that had expired and were made active again. */
  resumed = 0;
  /** Ends that were answered, those by erasing an active session too. */
  ends = 0;
  /** Sessions that had expired by themselves when they were erased. */
  #expiredAndErased = 0;

  created({ sessionId }: Session, fate: 'kept' | 'left'): void {
    this.fates.set(sessionId, fate);
  }

  ended(sessionId: string): void {
    this.fates.set(sessionId, 'ended');
    this.ends += 1;
  }

  /** `last` is the session as it was when it was erased; `wasEnded` whether it had been ended before. */
  purged(last: Session, wasEnded: boolean): void {
    this.fates.set(last.sessionId, 'erased');
    if (wasEnded) return;
    if (last.status === 'expired') this.#expiredAndErased += 1;
    else this.ends += 1;
  }

  /** How often a session has expired, once all that were left alone have. */
  get expiries(): number {
    return this.idsOf('left').length + this.#expiredAndErased + this.resumed;
  }

  idsOf(fate: Fate): string[] {
    return [...this.fates].filter(([, it]) => it === fate).map(([id]) => id);
  }
}
