import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { SettleAnswer } from '../../src/protocol/report.ts';
import type { IndexRow } from '../../src/registry/index-row.ts';
import { Sweeper, type Asked, type SweeperHost } from '../../src/registry/sweeper.ts';
import { PaperSession } from '../support/paper-session.ts';
import { SECOND } from '../support/tenant.ts';

const MAX_ASKING = 50;
const MAX_PER_SECOND = 200;
const ASK_TIMEOUT_MS = 5 * SECOND;
const RETRY_MS = 15 * SECOND;

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms);
const NEVER = new Promise<never>(() => undefined);

function rowOf(sessionId: string): IndexRow {
  const { version, messageCount, summary } = new PaperSession().report;
  if (summary === null) throw new Error('A new session has a summary');
  return {
    sessionId,
    status: 'active',
    version,
    reserved: 'no',
    due: Date.now(),
    asks: 0,
    messageCount,
    reportedAt: Date.now(),
    idempotencyKey: null,
    summary,
  };
}

/** Rows that are due, and sessions that answer or do not. */
class Host implements SweeperHost {
  readonly rows: Map<string, IndexRow>;
  /** When each asking began. */
  readonly began: number[] = [];
  /** What was written down, and when. */
  readonly settled: { id: string; answered: boolean; at: number }[] = [];
  atOnce = 0;
  #asking = 0;
  readonly #answer: (id: string) => Promise<SettleAnswer>;

  constructor(count: number, answer: (id: string) => Promise<SettleAnswer>) {
    this.rows = new Map(Array.from({ length: count }, (_, i) => [String(i), rowOf(String(i))]));
    this.#answer = answer;
  }

  ask(id: string): Promise<SettleAnswer> {
    this.began.push(Date.now());
    this.#asking += 1;
    this.atOnce = Math.max(this.atOnce, this.#asking);
    return this.#answer(id);
  }

  choose(_: unknown, limit: number): IndexRow[] {
    const due = [...this.rows.values()].filter((row) => row.due <= Date.now());
    return due.toSorted((a, b) => a.due - b.due).slice(0, limit);
  }

  settle({ row, answer }: Asked): void {
    this.#asking -= 1;
    this.settled.push({ id: row.sessionId, answered: answer !== undefined, at: Date.now() });
    if (answer === undefined) this.rows.set(row.sessionId, { ...row, due: Date.now() + RETRY_MS });
    else this.rows.delete(row.sessionId);
  }

  /** The most askings that began within any second. */
  get mostInASecond(): number {
    const within = (start: number) => this.began.filter((at) => at >= start && at < start + SECOND).length;
    return Math.max(...[...new Set(this.began)].map(within));
  }
}

/** Asks all that are due, as the alarm does. */
async function sweep(sweeper: Sweeper): Promise<void> {
  for (let asked = 1; asked > 0;) asked = (await sweeper.start('lapsed')).length;
  await sweeper.finished();
}

const answers = async () => null;
const isSilent = (id: string) => Number(id) % 50 === 0;

describe('2,000 that fall due together, of which 40 never answer', () => {
  it('are settled within the promised time: 15 s past their lease, and a second for each 200', async () => {
    const host = new Host(2_000, (id) => (isSilent(id) ? NEVER : answers()));
    const sweeping = sweep(new Sweeper(host));
    await pass(15 * SECOND + (2_000 / 200) * SECOND);
    expect([...host.rows.keys()].filter((id) => !isSilent(id))).toEqual([]);
    expect([...host.rows.keys()]).toHaveLength(40);
    await pass(2 * RETRY_MS);
    await sweeping;
  });

  it('are asked 50 at once, and 200 a second, at the most', async () => {
    const host = new Host(2_000, (id) => (isSilent(id) ? NEVER : answers()));
    const sweeping = sweep(new Sweeper(host));
    await pass(60 * SECOND);
    await sweeping;
    expect(host.atOnce).toBe(MAX_ASKING);
    expect(host.mostInASecond).toBeLessThanOrEqual(MAX_PER_SECOND);
  });
});

describe('a session that is silent', () => {
  it('holds up no answer but its own', async () => {
    const host = new Host(3, (id) => (id === '1' ? NEVER : answers()));
    const start = Date.now();
    const sweeping = sweep(new Sweeper(host));
    await pass(ASK_TIMEOUT_MS);
    await sweeping;
    expect(host.settled).toEqual([
      { id: '0', answered: true, at: start },
      { id: '2', answered: true, at: start },
      { id: '1', answered: false, at: start + ASK_TIMEOUT_MS },
    ]);
  });

  it('is asked once at a time, whoever asks', async () => {
    const host = new Host(1, () => NEVER);
    const sweeper = new Sweeper(host);
    const all = Promise.all([sweep(sweeper), sweeper.round('suspect'), sweep(sweeper)]);
    await pass(ASK_TIMEOUT_MS);
    await all;
    expect(host.began).toHaveLength(1);
  });

  it('is one that cannot even be asked', async () => {
    const host = new Host(1, () => {
      throw new Error('broken on purpose');
    });
    const sweeper = new Sweeper(host);
    for (let times = 0; times < 2; times += 1) {
      const sweeping = sweep(sweeper);
      await pass(RETRY_MS);
      await sweeping;
    }
    expect(host.settled.map(({ answered }) => answered)).toEqual([false, false]);
  });
});

describe('a round', () => {
  it('lasts a second at the most, also while 50 who are silent take every place', async () => {
    const host = new Host(51, (id) => (id === '50' ? answers() : NEVER));
    const sweeper = new Sweeper(host);
    const sweeping = sweep(sweeper);
    await pass(SECOND);
    const ended: number[] = [];
    for (const started of [0, 500]) {
      await pass(started);
      void sweeper.round('suspect').then(() => ended.push(Date.now()));
    }
    const began = Date.now() - 500;
    await pass(SECOND);
    expect(ended).toEqual([began + SECOND, began + SECOND + 500]);
    expect(host.settled).toEqual([]);
    await pass(ASK_TIMEOUT_MS);
    await sweeping;
    expect(host.settled.filter(({ answered }) => answered)).toMatchObject([{ id: '50' }]);
  });

  it('is shared by all who come while it lasts', async () => {
    const host = new Host(120, answers);
    const sweeper = new Sweeper(host);
    await Promise.all(Array.from({ length: 20 }, () => sweeper.round('suspect')));
    expect(host.began).toHaveLength(MAX_ASKING);
  });
});

describe('an answer that cannot be written', () => {
  it('fails the alarm, but no one who waits for a round', async () => {
    const host = new Host(2, answers);
    vi.spyOn(host, 'settle').mockImplementationOnce(() => {
      throw new Error('broken on purpose');
    });
    const sweeper = new Sweeper(host);
    await sweeper.round('suspect');
    expect(host.settled).toHaveLength(1);
    const [failed] = await Promise.all([sweep(sweeper).catch(String), pass(SECOND)]);
    expect(failed).toContain('broken on purpose');
    const sweeping = sweep(sweeper);
    await pass(SECOND);
    await sweeping;
    expect(host.rows.size).toBe(0);
  });
});
