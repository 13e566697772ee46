/**
 * Viewers of the live feed, in a process of their own that does no more than read: what it takes to look at messages
 * is not to slow the server, which shares the machine. Started with the address, how many, and their subprotocol.
 *
 * @module
 */
import { randomBytes } from 'node:crypto';
import { request } from 'node:http';
import type { Socket } from 'node:net';

/** Stands once in each message of a session that has come. Servers send text as it is (RFC 6455, section 5.1). */
const CREATED = Buffer.from('"event":"created"');
/** A text frame, masked with zeros. */
const PING = Buffer.concat([Buffer.from([0x81, 0x84, 0, 0, 0, 0]), Buffer.from('ping')]);
const PING_INTERVAL_MS = 30_000;

/** One who watches, and counts the sessions that it sees come. */
class Viewer {
  created = 0;
  /** What the last chunk ended with, where that may be the beginning of {@link CREATED}. */
  #rest: Buffer = Buffer.alloc(0);

  constructor(socket: Socket, head: Buffer) {
    this.#read(head);
    socket.on('data', (chunk: Buffer) => this.#read(chunk));
    setInterval(() => socket.write(PING), PING_INTERVAL_MS);
  }

  static open(url: string, protocol: string): Promise<Viewer> {
    return new Promise((resolve, reject) => {
      const opening = request(`${url}/v1/registry/live`, {
        headers: {
          Connection: 'Upgrade',
          Upgrade: 'websocket',
          'Sec-WebSocket-Version': '13',
          'Sec-WebSocket-Key': randomBytes(16).toString('base64'),
          'Sec-WebSocket-Protocol': protocol,
          // As browsers do. What came compressed would not be counted.
          'Sec-WebSocket-Extensions': 'permessage-deflate; client_max_window_bits',
        },
      });
      opening.on('upgrade', (_response, socket: Socket, head) => resolve(new Viewer(socket, head)));
      opening.on('response', ({ statusCode }) => reject(new Error(`A viewer was answered ${statusCode}`)));
      opening.on('error', reject);
      opening.end();
    });
  }

  #read(chunk: Buffer): void {
    const bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    let end = 0;
    for (let at = bytes.indexOf(CREATED); at !== -1; at = bytes.indexOf(CREATED, end)) {
      this.created += 1;
      end = at + CREATED.length;
    }
    this.#rest = bytes.subarray(Math.max(end, bytes.length - CREATED.length + 1));
  }
}

const [url = '', count = '', protocol = ''] = process.argv.slice(2);
const viewers = await Promise.all(Array.from({ length: Number(count) }, () => Viewer.open(url, protocol)));
process.send?.({ opened: viewers.length });
// Asked how many sessions each of them has seen at least.
process.on('message', () => process.send?.({ seen: Math.min(...viewers.map(({ created }) => created)) }));
process.once('disconnect', () => process.exit(0));
