/**
 * Creates while nobody watches, and while as many watch as a tenant may have: whether viewers slow admission.
 *
 * @module
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { LIVE_BATCH_SUBPROTOCOL, LIVE_SUBPROTOCOL } from '../../src/contract/live.ts';
import { prepareBerth } from './subjects/platform.ts';
import type { Subject } from './subjects/subject.ts';
import type { Benchmark, BenchmarkOptions } from './support/benchmark.ts';
import { inTurn, ratioTo, spreadOf, type Rounds } from './support/interleaved.ts';
import { drive } from './support/load.ts';
import { describeMachine } from './support/machine.ts';
import { spread, table } from './support/markdown.ts';

const AUDIENCE = join(import.meta.dirname, 'subjects/audience.ts');

/** What the page and the client speak, and what others may. */
const SUBPROTOCOLS = [LIVE_BATCH_SUBPROTOCOL, LIVE_SUBPROTOCOL];
/** As many as a tenant may have. */
const VIEWERS = 100;
const CONNECTIONS = 16;
/** What creates shall keep of their rate. */
const TARGET = 0.8;
/** Viewers that have not seen everything by then have missed something. */
const SEEN_TIMEOUT_MS = 10_000;
const SEEN_INTERVAL_MS = 20;

interface Amounts extends Rounds {
  /** A sample. */
  readonly creates: number;
}

const FULL: Amounts = { creates: 400, warmUp: 2, timed: 15 };
const SMOKE: Amounts = { creates: 100, warmUp: 0, timed: 2 };

/** Those who watch. */
interface Audience {
  /** How many sessions each of them has seen come, at least. */
  seen(): Promise<number>;
  leave(): Promise<void>;
}

async function startAudience(url: string, subprotocol: string): Promise<Audience> {
  // It ends when the channel to this process does.
  const child = fork(AUDIENCE, [url, String(VIEWERS), subprotocol]);
  const opened = await Promise.race([once(child, 'message'), once(child, 'exit').then(() => null)]);
  if (opened === null) throw new Error('Not every viewer was let in');
  return {
    async seen() {
      const answer = once(child, 'message');
      child.send('how many?');
      const [{ seen }] = (await answer) as [{ seen: number }];
      return seen;
    },
    async leave() {
      const gone = once(child, 'exit');
      child.disconnect();
      await gone;
    },
  };
}

/** Waits until all of them have seen so many sessions come. */
async function allSeen(audience: Audience, created: number): Promise<void> {
  const deadline = performance.now() + SEEN_TIMEOUT_MS;
  while ((await audience.seen()) < created) {
    if (performance.now() > deadline) throw new Error('Not every viewer has seen every session');
    await sleep(SEEN_INTERVAL_MS);
  }
}

const createsAt = async (subject: Subject, requests: number): Promise<number> => {
  const kind = { method: 'POST', paths: ['/v1/sessions'], body: { model: 'claude-opus-4-1' } } as const;
  return (await drive(subject.url, kind, { connections: CONNECTIONS, requests })).rate;
};

/** A server that is watched. */
class Show {
  readonly #subject: Subject;
  readonly #audience: Audience;
  created = 0;

  private constructor(subject: Subject, audience: Audience) {
    this.#subject = subject;
    this.#audience = audience;
  }

  static async open(subject: Subject, subprotocol: string): Promise<Show> {
    try {
      return new Show(subject, await startAudience(subject.url, subprotocol));
    } catch (error) {
      await subject.stop();
      throw error;
    }
  }

  /** Creates a second, of which each viewer has seen each. */
  async creates(count: number): Promise<number> {
    const rate = await createsAt(this.#subject, count);
    this.created += count;
    await allSeen(this.#audience, this.created);
    return rate;
  }

  async close(): Promise<void> {
    await this.#audience.leave();
    await this.#subject.stop();
  }
}

async function run({ smoke, say }: BenchmarkOptions): Promise<string> {
  const amounts = smoke ? SMOKE : FULL;
  const machine = describeMachine();
  const start = await prepareBerth();
  const alone = await start();
  const shows: Show[] = [];
  try {
    for (const subprotocol of SUBPROTOCOLS) shows.push(await Show.open(await start(), subprotocol));
    say(`creates, with ${VIEWERS} viewers and without`);
    const [without = [], ...during] = await inTurn(
      [() => createsAt(alone, amounts.creates), ...shows.map((show) => () => show.creates(amounts.creates))],
      amounts,
    );
    return [
      `Creates a second at ${CONNECTIONS} connections, over those without viewers (target ${TARGET}; median of the rounds, least and most in brackets):`,
      table(
        ['', 'no viewers', ...SUBPROTOCOLS.map((name) => `${VIEWERS} by \`${name}\``)],
        [['creates', '1', ...during.map((rates) => spread(ratioTo(without, rates)))]],
      ),
      `Each viewer saw each of its ${Math.min(...shows.map(({ created }) => created)).toLocaleString('en')} sessions come. Without viewers there were about ${spreadOf(without).median.toFixed(0)} creates a second. Measured in one run on ${machine}; Node ${process.versions.node}.`,
    ].join('\n\n');
  } finally {
    await Promise.all([alone.stop(), ...shows.map((show) => show.close())]);
  }
}

export const viewers: Benchmark = { name: 'viewers', run };
