/**
 * Creates while nobody watches, and while as many watch as a tenant may have: whether viewers slow admission.
 *
 * @module
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { LIVE_SUBPROTOCOL, type LiveMessage } from '../../src/contract/live.ts';
import { startBerthTwice } from './subjects/platform.ts';
import type { Subject } from './subjects/subject.ts';
import type { Benchmark, BenchmarkOptions } from './support/benchmark.ts';
import { inTurn, ratioTo, spreadOf, type Rounds } from './support/interleaved.ts';
import { drive } from './support/load.ts';
import { describeMachine } from './support/machine.ts';
import { spread, table } from './support/markdown.ts';

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

/** One who watches, and counts the sessions that it sees come. */
class Viewer {
  created = 0;
  readonly #socket: WebSocket;

  constructor(url: string) {
    this.#socket = new WebSocket(`${url.replace(/^http/, 'ws')}/v1/registry/live`, LIVE_SUBPROTOCOL);
    this.#socket.addEventListener('message', ({ data }) => {
      const message = JSON.parse(String(data)) as LiveMessage;
      if (message.type === 'session' && message.event === 'created') this.created += 1;
    });
  }

  opened(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#socket.addEventListener('open', () => resolve());
      this.#socket.addEventListener('error', () => reject(new Error('A viewer was not let in')));
    });
  }

  close(): void {
    this.#socket.close();
  }
}

/** Waits until all of them have seen so many sessions come. */
async function allSeen(viewers: readonly Viewer[], created: number): Promise<void> {
  const deadline = performance.now() + SEEN_TIMEOUT_MS;
  while (viewers.some((viewer) => viewer.created < created)) {
    if (performance.now() > deadline) throw new Error('Not every viewer has seen every session');
    await sleep(SEEN_INTERVAL_MS);
  }
}

const createsAt = async (subject: Subject, requests: number): Promise<number> => {
  const kind = { method: 'POST', paths: ['/v1/sessions'], body: { model: 'claude-opus-4-1' } } as const;
  return (await drive(subject.url, kind, { connections: CONNECTIONS, requests })).rate;
};

async function run({ smoke, say }: BenchmarkOptions): Promise<string> {
  const amounts = smoke ? SMOKE : FULL;
  const machine = describeMachine();
  const [alone, watched] = await startBerthTwice();
  let viewers: Viewer[] = [];
  try {
    viewers = Array.from({ length: VIEWERS }, () => new Viewer(watched.url));
    await Promise.all(viewers.map((viewer) => viewer.opened()));
    say(`creates, with ${VIEWERS} viewers and without`);
    let created = 0;
    const [without = [], during = []] = await inTurn(
      [
        () => createsAt(alone, amounts.creates),
        async () => {
          const rate = await createsAt(watched, amounts.creates);
          created += amounts.creates;
          await allSeen(viewers, created);
          return rate;
        },
      ],
      amounts,
    );
    return [
      `Creates a second at ${CONNECTIONS} connections, over those without viewers (target ${TARGET}; median of the rounds, least and most in brackets):`,
      table(['', 'no viewers', `${VIEWERS} viewers`], [['creates', '1', spread(ratioTo(without, during))]]),
      `Each viewer saw each of the ${created.toLocaleString('en')} sessions come. Without viewers there were about ${spreadOf(without).median.toFixed(0)} creates a second. Measured in one run on ${machine}; Node ${process.versions.node}.`,
    ].join('\n\n');
  } finally {
    for (const viewer of viewers) viewer.close();
    await Promise.all([alone, watched].map((subject) => subject.stop()));
  }
}

export const viewers: Benchmark = { name: 'viewers', run };
