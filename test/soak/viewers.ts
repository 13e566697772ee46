/**
 * Those who watch the live feed: one from the beginning to the end, who counts, and others who come and go.
 *
 * @module
 */
import { once } from 'node:events';
import { request } from 'node:http';
import type { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { BerthClient, LiveEvent, LiveMessage, Watch } from '../../src/client/index.ts';
import { BEARER_SUBPROTOCOL_PREFIX, LIVE_SUBPROTOCOL } from '../../src/contract/live.ts';
import { chance, pause } from './chance.ts';
import type { Tally } from './tally.ts';

/** How long a visitor stays, milliseconds. */
const [MIN_STAY_MS, MAX_STAY_MS] = [100, 2_000];
/** A viewer that has seen nothing by then sees nothing at all. */
const FIRST_SIGHT_MS = 10_000;

/** A viewer by the client. */
export class Viewer {
  readonly seen = new Map<LiveEvent, number>();
  /** The most sessions that were active in any statistics. */
  mostActive = 0;
  readonly #watch: Watch;
  readonly #tally: Tally;
  /** Its first message, once it has come. */
  readonly #first: Promise<true>;

  constructor(client: BerthClient, tally: Tally) {
    this.#tally = tally;
    const { promise, resolve } = Promise.withResolvers<true>();
    this.#first = promise;
    this.#watch = client.registry.watch({
      message: (message) => {
        this.#note(message);
        resolve(true);
      },
      state: (state) => {
        if (state.kind === 'waiting') tally.surprise(`viewer: cut off, ${state.error.message}`);
      },
    });
  }

  #note(message: LiveMessage): void {
    if (message.type === 'stats') this.mostActive = Math.max(this.mostActive, message.stats.activeCount);
    else this.seen.set(message.event, (this.seen.get(message.event) ?? 0) + 1);
  }

  /** Waits for the picture that each viewer gets first. */
  async begun(): Promise<void> {
    if (!(await Promise.race([this.#first, sleep(FIRST_SIGHT_MS, false, { ref: false })])))
      this.#tally.surprise('viewer: saw nothing');
  }

  count(event: LiveEvent): number {
    return this.seen.get(event) ?? 0;
  }

  close(): void {
    this.#watch.close();
  }
}

/** How many have come and gone. */
export interface Visits {
  polite: number;
  rude: number;
}

/** One viewer after the other. Some close the tab, some are cut off without a word. */
export async function visit(
  client: BerthClient,
  tally: Tally,
  { url, token, visits, isOver }: { url: string; token: string; visits: Visits; isOver: () => boolean },
): Promise<void> {
  while (!isOver()) {
    if (chance(0.3)) {
      await vanish(url, token, tally);
      visits.rude += 1;
      continue;
    }
    const viewer = new Viewer(client, tally);
    await viewer.begun();
    await pause(MIN_STAY_MS, MAX_STAY_MS);
    viewer.close();
    visits.polite += 1;
  }
}

/** A viewer whose machine is gone: no close frame, the connection ended or reset. */
async function vanish(url: string, token: string, tally: Tally): Promise<void> {
  const sent = request(`${url}/v1/registry/live`, {
    headers: {
      Connection: 'Upgrade',
      Upgrade: 'websocket',
      'Sec-WebSocket-Version': '13',
      'Sec-WebSocket-Key': Buffer.alloc(16, 'soak').toString('base64'),
      'Sec-WebSocket-Protocol': `${LIVE_SUBPROTOCOL}, ${BEARER_SUBPROTOCOL_PREFIX}${token}`,
    },
    timeout: FIRST_SIGHT_MS,
  });
  sent.end();
  sent.once('timeout', () => sent.destroy(new Error('no answer')));
  try {
    const [, socket] = (await once(sent, 'upgrade')) as [unknown, Socket];
    await pause(MIN_STAY_MS, MAX_STAY_MS);
    if (chance(0.5)) socket.destroy();
    else socket.resetAndDestroy();
  } catch (error) {
    tally.surprise(`viewer: not let in, ${String(error)}`);
  }
}
