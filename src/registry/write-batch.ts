/**
 * Writes that nobody waits for, made together: a commit costs more than what is written by it.
 *
 * @module
 */

/** How long a write waits for others to join it. */
const GATHER_MS = 100;

interface Waiting {
  write(now: number): void;
  written(): void;
  failed(error: unknown): void;
}

export class WriteBatch {
  readonly #transact: (change: (now: number) => void) => void;
  #waiting: Waiting[] = [];

  /** @param transact Makes a change in one transaction. */
  constructor(transact: (change: (now: number) => void) => void) {
    this.#transact = transact;
  }

  /**
   * Makes a change, a moment later, in one transaction with others. Where that fails each is made by itself, so
   * that one which can't be made fails no other.
   */
  add<T>(change: (now: number) => T): Promise<T> {
    return new Promise((resolve, reject) => {
      let result: T;
      this.#waiting.push({
        write: (now) => {
          result = change(now);
        },
        written: () => resolve(result),
        failed: reject,
      });
      if (this.#waiting.length === 1) setTimeout(() => this.write(), GATHER_MS);
    });
  }

  /** Makes what waits now, for someone who has to know of it. */
  write(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    if (waiting.length === 0) return;
    if (this.#writeAll(waiting) === null) return;
    for (const it of waiting) {
      const error = this.#writeAll([it]);
      if (error !== null) it.failed(error.cause);
    }
  }

  /** Null where it has been done, or why not. */
  #writeAll(waiting: readonly Waiting[]): { readonly cause: unknown } | null {
    try {
      this.#transact((now) => {
        for (const it of waiting) it.write(now);
      });
    } catch (cause) {
      return { cause };
    }
    for (const it of waiting) it.written();
    return null;
  }
}
