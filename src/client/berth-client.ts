/**
 * The client: Berth's HTTP API as methods.
 *
 * @module
 */
import type { CallOptions, ClientOptions } from './options.ts';
import { Registry } from './registry.ts';
import { Sessions } from './sessions.ts';
import { Transcripts } from './transcripts.ts';
import { readJson, Transport } from './transport.ts';

/** What `GET /healthz` answers. */
export interface Health {
  readonly ok: true;
  readonly version: string;
}

/**
 * A client of Berth. It needs nothing but `fetch`: Node 20 and newer, browsers, Workers, Deno, Bun. It
 * keeps no state but the token, so one can serve a whole process.
 *
 * Every call is attempted again, after a wait with full jitter or what `Retry-After` asks for, when it was
 * turned away (429 `rate_limited`), when the server is busy (502, 503, 504), and when there was no answer,
 * where repeating it can do no harm. A full house (429 `max_sessions_reached`) is an error at once, unless
 * `waitForSlotMs` says to wait.
 *
 * @example
 * ```ts
 * const client = new BerthClient({ baseUrl: 'https://berth.example.com', token: () => fetchToken() });
 * const session = await client.sessions.create({ model: 'claude-sonnet-5' });
 * await client.sessions.touch(session.sessionId, { messages: 2 });
 * await client.sessions.end(session.sessionId);
 * ```
 */
export class BerthClient {
  /** Creating, finding, touching, linking, resuming and ending sessions. */
  readonly sessions: Sessions;
  /** Statistics and limits. */
  readonly registry: Registry;
  /** Appending to transcripts of conversations, reading and deleting them. */
  readonly transcripts: Transcripts;
  readonly #transport: Transport;

  /** @throws TypeError where the base URL, a token given as text or a number can't be used. */
  constructor(options: ClientOptions) {
    this.#transport = new Transport(options);
    this.sessions = new Sessions(this.#transport);
    this.registry = new Registry(this.#transport);
    this.transcripts = new Transcripts(this.#transport);
  }

  /** Whether the service is up, and its version. Needs no token. */
  health(options?: CallOptions): Promise<Health> {
    return this.#transport.send(
      { method: 'GET', path: '/healthz', isPublic: true, read: readJson<Health> },
      options,
    );
  }
}
