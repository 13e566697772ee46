/**
 * Asks sessions whose lease has lapsed how they stand: in batches, one batch at a time, at a bounded rate.
 *
 * @module
 */
import type { SettleAnswer } from '../protocol/report.ts';
import { within } from '../protocol/within.ts';
import type { IndexRow } from './session-index.ts';

/** How many sessions are asked at once. */
export const SWEEP_BATCH = 50;
/** The least time from one batch to the next: at most 200 sessions a second are asked. */
const BATCH_INTERVAL_MS = 250;
/** A session that has not answered by then keeps its slot, and is asked again later. */
const ASK_TIMEOUT_MS = 5_000;

/** What came of asking: an answer, or undefined where there was none. */
export interface Asked {
  readonly row: IndexRow;
  readonly answer: SettleAnswer | undefined;
}

/** How the sweeper reaches the registry's rows and the sessions. */
export interface SweeperHost {
  /** Asks one session. */
  ask(sessionId: string): Promise<SettleAnswer>;
  /** Which rows to ask about next. */
  choose(scope: 'lapsed' | 'suspect', limit: number): readonly IndexRow[];
  /** Writes down what the sessions said. */
  settle(asked: readonly Asked[]): void;
}

export class Sweeper {
  readonly #host: SweeperHost;
  #running: Promise<number> | null = null;
  #startedAt = 0;

  constructor(host: SweeperHost) {
    this.#host = host;
  }

  /**
   * Asks one batch; a caller that comes while one is under way shares its outcome.
   *
   * @returns how many sessions were asked.
   */
  batch(scope: 'lapsed' | 'suspect'): Promise<number> {
    this.#running ??= this.#run(scope).finally(() => {
      this.#running = null;
    });
    return this.#running;
  }

  async #run(scope: 'lapsed' | 'suspect'): Promise<number> {
    const wait = this.#startedAt + BATCH_INTERVAL_MS - Date.now();
    if (wait > 0) await new Promise((resolve) => setTimeout(resolve, Math.min(wait, BATCH_INTERVAL_MS)));
    this.#startedAt = Date.now();
    const rows = this.#host.choose(scope, SWEEP_BATCH);
    if (rows.length === 0) return 0;
    const asked = await Promise.all(
      rows.map(async (row) => {
        const asking = within(ASK_TIMEOUT_MS, this.#host.ask(row.sessionId));
        return { row, answer: await asking.catch(() => undefined) };
      }),
    );
    this.#host.settle(asked);
    return rows.length;
  }
}
