/**
 * The live feed: a WebSocket that is made again whenever it is lost.
 *
 * @module
 */
import type {
  BEARER_SUBPROTOCOL_PREFIX,
  LIVE_BATCH_SUBPROTOCOL,
  LIVE_SUBPROTOCOL,
  LiveMessage,
} from '../contract/live.ts';
import { AuthenticationError, BerthError, ConnectionError, PermissionDeniedError } from './errors.ts';
import { backoffMs } from './retry.ts';
import type { Transport } from './transport.ts';

/** As the contract has them, which the types see to: the client takes no code of it. */
const SUBPROTOCOLS: readonly [typeof LIVE_BATCH_SUBPROTOCOL, typeof LIVE_SUBPROTOCOL] = [
  'berth.v1.batch',
  'berth.v1',
];
const BEARER_PREFIX: typeof BEARER_SUBPROTOCOL_PREFIX = 'bearer.';

/** The server takes a viewer that has stopped to ping for gone after two minutes. */
const PING_INTERVAL_MS = 30_000;
/** No word by then, to a ping or from a new socket, means that nothing comes through, whatever it says. */
const ANSWER_TIMEOUT_MS = 10_000;
/** A connection that lasted this long was a good one: the next wait is a short one again. */
const STABLE_MS = 5_000;

/** The part of `WebSocket` that the client uses. */
export interface LiveSocket {
  addEventListener(type: 'message', listener: (event: { readonly data: unknown }) => void): void;
  addEventListener(type: 'close' | 'error', listener: () => void): void;
  send(text: string): void;
  close(): void;
}

/** Opens a WebSocket, offering subprotocols. */
export type OpenSocket = (url: string, protocols: string[]) => LiveSocket;

/** How a watch stands. */
export type WatchState =
  /** Under way to the server. */
  | { readonly kind: 'connecting' }
  /** What is shown is what is. */
  | { readonly kind: 'live' }
  /** Lost; tried again at `retryAt`, milliseconds since the epoch, or with {@link Watch.retryNow}. */
  | { readonly kind: 'waiting'; readonly retryAt: number; readonly error: BerthError }
  /** Over for good: closed, or refused with `error`. */
  | { readonly kind: 'closed'; readonly error: BerthError | null };

/** What a watch tells. */
export interface WatchListener {
  /** A message of the feed. The first one after each connection has the statistics, afresh. */
  message(message: LiveMessage): void;
  /** The connection's state has changed. After `live`, what was missed meanwhile is to be fetched. */
  state?(state: WatchState): void;
}

/** A live feed that is being watched. */
export interface Watch {
  /** Ends it. Nothing is told after that but the state `closed`. */
  close(): void;
  /** Doesn't wait any longer: for when the network is known to be back. */
  retryNow(): void;
}

type Timer = ReturnType<typeof setTimeout>;

/** Watches the feed until it is closed or refused. */
export class LiveWatch implements Watch {
  readonly #transport: Transport;
  readonly #listener: WatchListener;
  #socket: LiveSocket | null = null;
  #state: WatchState = { kind: 'connecting' };
  #attempts = 0;
  #liveSince = 0;
  /** One at a time: the wait for the next attempt, for the next ping, or for an answer. */
  #timer: Timer | undefined;
  /** Whether that is the wait for the next ping. */
  #isPingPlanned = false;

  constructor(transport: Transport, listener: WatchListener) {
    this.#transport = transport;
    this.#listener = listener;
    void this.#connect();
  }

  close(): void {
    this.#finish(null);
  }

  retryNow(): void {
    if (this.#state.kind === 'waiting') void this.#connect();
  }

  #stopTimer(): void {
    if (this.#timer !== undefined) clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#isPingPlanned = false;
  }

  #after(ms: number, act: () => void): void {
    this.#stopTimer();
    this.#timer = setTimeout(act, ms);
  }

  #isClosed(): boolean {
    return this.#state.kind === 'closed';
  }

  /** Whether it is still in that state once it was told: the listener may have closed it, or gone on. */
  #enter(state: WatchState): boolean {
    this.#stopTimer();
    this.#state = state;
    this.#listener.state?.(state);
    return this.#state === state;
  }

  #finish(error: BerthError | null): void {
    if (this.#isClosed()) return;
    this.#dropSocket();
    this.#enter({ kind: 'closed', error });
  }

  #dropSocket(): void {
    const socket = this.#socket;
    this.#socket = null;
    try {
      socket?.close();
    } catch {
      // One that is not open yet can't be closed everywhere. Nobody listens to it any more.
    }
  }

  async #connect(): Promise<void> {
    if (!this.#enter({ kind: 'connecting' })) return;
    this.#attempts += 1;
    try {
      const { url, token } = await this.#transport.socketAddress('/v1/registry/live');
      if (this.#isClosed()) return;
      const bearer = token === null ? [] : [BEARER_PREFIX + token];
      this.#listen(this.#transport.openSocket(url, [...SUBPROTOCOLS, ...bearer]));
    } catch (cause) {
      const failed =
        cause instanceof BerthError ? cause : new ConnectionError('There is no WebSocket.', cause);
      this.#waitAfter(failed);
    }
  }

  #listen(socket: LiveSocket): void {
    this.#socket = socket;
    const lost = (): void => {
      if (this.#socket === socket) void this.#lost();
    };
    socket.addEventListener('message', ({ data }) => {
      if (this.#socket === socket && typeof data === 'string') this.#heard(socket, data);
    });
    socket.addEventListener('close', lost);
    socket.addEventListener('error', lost);
    this.#after(ANSWER_TIMEOUT_MS, lost);
  }

  #heard(socket: LiveSocket, text: string): void {
    if (this.#state.kind !== 'live') {
      this.#liveSince = Date.now();
      if (!this.#enter({ kind: 'live' })) return;
    }
    // Whatever comes shows that something comes through. It puts off no ping: the server wants to hear them,
    // however much it has to say itself.
    if (!this.#isPingPlanned) {
      this.#after(PING_INTERVAL_MS, () => this.#ping(socket));
      this.#isPingPlanned = true;
    }
    if (text === 'pong') return;
    const heard = JSON.parse(text) as LiveMessage | LiveMessage[];
    // The listener may close it at any of them.
    for (const message of Array.isArray(heard) ? heard : [heard])
      if (this.#socket === socket) this.#tell(message);
  }

  /** What the listener throws is its own affair, and keeps no other message from it. */
  #tell(message: LiveMessage): void {
    try {
      this.#listener.message(message);
    } catch (error) {
      queueMicrotask(() => {
        throw error;
      });
    }
  }

  #ping(socket: LiveSocket): void {
    this.#after(ANSWER_TIMEOUT_MS, () => void this.#lost());
    try {
      socket.send('ping');
    } catch {
      void this.#lost();
    }
  }

  /** A socket says nothing of why it was refused: a plain call does, and renews a token that has run out. */
  async #lost(): Promise<void> {
    this.#dropSocket();
    if (this.#state.kind === 'live' && Date.now() - this.#liveSince >= STABLE_MS) this.#attempts = 0;
    if (!this.#enter({ kind: 'connecting' })) return;
    let error = new ConnectionError('The live feed was lost.') as BerthError;
    try {
      await this.#transport.probe();
    } catch (cause) {
      if (cause instanceof BerthError) error = cause;
    }
    this.#waitAfter(error);
  }

  #waitAfter(error: BerthError): void {
    if (this.#isClosed()) return;
    if (error instanceof AuthenticationError || error instanceof PermissionDeniedError) {
      this.#finish(error);
      return;
    }
    const waitMs = (error.retryAfterS ?? 0) * 1_000 + backoffMs(Math.max(1, this.#attempts));
    if (this.#enter({ kind: 'waiting', retryAt: Date.now() + waitMs, error }))
      this.#after(waitMs, () => void this.#connect());
  }
}
