/**
 * Viewers of the live feed, in a process of their own: what it takes to read is not to slow who makes the load.
 * Started by {@link startAudience} with the address and how many.
 *
 * @module
 */
import { LIVE_SUBPROTOCOL, type LiveMessage } from '../../../src/contract/live.ts';

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
}

const [url = '', count = ''] = process.argv.slice(2);
const viewers = Array.from({ length: Number(count) }, () => new Viewer(url));
await Promise.all(viewers.map((viewer) => viewer.opened()));
process.send?.({ opened: viewers.length });
// Asked how many sessions each of them has seen at least.
process.on('message', () => process.send?.({ seen: Math.min(...viewers.map(({ created }) => created)) }));
process.once('disconnect', () => process.exit(0));
