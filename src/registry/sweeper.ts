/**
 * Asks sessions how they stand: so many at once, so many a second, and each answer counts by itself, so that
 * one session that does not answer holds up no other.
 *
 * @module
 */
import type { SettleAnswer } from '../protocol/report.ts';
import { TimeoutError, within } from '../protocol/within.ts';
import type { IndexRow } from './index-row.ts';

/** How many sessions are asked at once. */
const MAX_ASKING = 50;
/** The least time from one start to the next: at most 200 sessions a second are asked. */
const START_INTERVAL_MS = 250;
/** A session that has not answered by then keeps its slot, and is asked again later. */
const ASK_TIMEOUT_MS = 5_000;
/** How long those who wait for a round wait for its answers. */
const ROUND_WAIT_MS = 1_000;

/** Whom to ask: those whose lease has lapsed, or all that by their last report should have expired. */
export type SweepScope = 'lapsed' | 'suspect';

/** What came of asking: an answer, or undefined where there was none. */
export interface Asked {
  readonly row: IndexRow;
  readonly answer: SettleAnswer | undefined;
}

/** How the sweeper reaches the registry's rows and the sessions. */
export interface SweeperHost {
  /** Asks one session. */
  ask(sessionId: string): Promise<SettleAnswer>;
  /** Which rows to ask about, at most `limit`. */
  choose(scope: SweepScope, limit: number): readonly IndexRow[];
  /** Writes down what a session said. */
  settle(asked: Asked): void;
}

export class Sweeper {
  readonly #host: SweeperHost;
  /** Those who are being asked, by id. */
  readonly #asking = new Map<string, Promise<void>>();
  #lastStart: Promise<unknown> = Promise.resolve();
  #startedAt = 0;
  #round: Promise<void> | null = null;
  /** Of an answer that could not be written: the alarm hears of it. */
  #failure: Error | null = null;

  constructor(host: SweeperHost) {
    this.#host = host;
  }

  /**
   * Begins to ask some, when it is time to.
   *
   * @returns their askings; none where all are being asked that are to be.
   * @throws what kept the answer of one who was asked before from being written.
   */
  start(scope: SweepScope): Promise<readonly Promise<void>[]> {
    return this.#startInTurn(scope, () => this.#throwFailure());
  }

  /** Waits until everyone who is being asked has answered, or has not in time. */
  async finished(): Promise<void> {
    await Promise.all(this.#asking.values());
    this.#throwFailure();
  }

  /**
   * Asks some, and waits a moment for what they say, or for their turn; whoever comes meanwhile shares the
   * round. That an answer could not be written is for the alarm to deal with.
   */
  async round(scope: SweepScope): Promise<void> {
    this.#round ??= this.#askRound(scope).finally(() => {
      this.#round = null;
    });
    await atMost(ROUND_WAIT_MS, this.#round);
  }

  async #askRound(scope: SweepScope): Promise<void> {
    const started = await this.#startInTurn(scope);
    const waitedFor = started.length > 0 ? started : [...this.#asking.values()];
    await atMost(ROUND_WAIT_MS, Promise.all(waitedFor));
  }

  /** `check` runs when it is time to, before anyone is asked. */
  #startInTurn(scope: SweepScope, check?: () => void): Promise<readonly Promise<void>[]> {
    const start = this.#lastStart.then(async () => {
      await this.#turn();
      check?.();
      return this.#startNow(scope);
    });
    this.#lastStart = start.catch(() => undefined);
    return start;
  }

  /** Waits until some may be asked: for the time, and for a place. */
  async #turn(): Promise<void> {
    const wait = this.#startedAt + START_INTERVAL_MS - Date.now();
    if (wait > 0) await new Promise((resolve) => setTimeout(resolve, Math.min(wait, START_INTERVAL_MS)));
    if (this.#asking.size >= MAX_ASKING) await Promise.race(this.#asking.values());
  }

  #startNow(scope: SweepScope): readonly Promise<void>[] {
    this.#startedAt = Date.now();
    const rows = this.#host
      .choose(scope, MAX_ASKING + this.#asking.size)
      .filter(({ sessionId }) => !this.#asking.has(sessionId))
      .slice(0, MAX_ASKING - this.#asking.size);
    return rows.map((row) => {
      const asking = this.#ask(row);
      this.#asking.set(row.sessionId, asking);
      return asking;
    });
  }

  #throwFailure(): void {
    const failure = this.#failure;
    this.#failure = null;
    if (failure !== null) throw failure;
  }

  async #ask(row: IndexRow): Promise<void> {
    try {
      this.#host.settle({ row, answer: await this.#answerOf(row.sessionId) });
    } catch (error) {
      this.#failure = error instanceof Error ? error : new Error(String(error));
    } finally {
      this.#asking.delete(row.sessionId);
    }
  }

  /** Undefined where there is none, whatever the reason. */
  async #answerOf(sessionId: string): Promise<SettleAnswer | undefined> {
    try {
      return await within(ASK_TIMEOUT_MS, this.#host.ask(sessionId));
    } catch {
      return undefined;
    }
  }
}

/** Waits for something, and no longer than that. */
async function atMost(timeoutMs: number, promise: Promise<unknown>): Promise<void> {
  try {
    await within(timeoutMs, promise);
  } catch (error) {
    if (!(error instanceof TimeoutError)) throw error;
  }
}
