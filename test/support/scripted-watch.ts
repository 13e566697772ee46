/**
 * A watch of the live feed whose sockets do what a test says.
 *
 * @module
 */
import { vi } from 'vitest';
import {
  BerthClient,
  type ClientOptions,
  type LiveMessage,
  type LiveSocket,
  type Watch,
  type WatchState,
} from '../../src/client/index.ts';

/** How long a watch waits for a word. */
export const PONG_MS = 10_000;
/** The first message of a connection. */
export const STATS = JSON.stringify({ type: 'stats', stats: {} });

/** A socket that does what a test says. */
export class ScriptedSocket implements LiveSocket {
  readonly url: string;
  readonly protocols: readonly string[];
  readonly sent: string[] = [];
  isClosed = false;
  readonly #listeners = new Map<string, (event: { data: unknown }) => void>();

  constructor(url: string, protocols: readonly string[]) {
    this.url = url;
    this.protocols = protocols;
  }
  addEventListener(type: string, listener: (event: { data: unknown }) => void): void {
    this.#listeners.set(type, listener);
  }
  send(text: string): void {
    this.sent.push(text);
  }
  close(): void {
    this.isClosed = true;
  }
  says(data: string): void {
    this.#listeners.get('message')?.({ data });
  }
  breaks(): void {
    this.#listeners.get('close')?.({ data: null });
  }
}

/** Called by the listener of a watch with each state, when it has been noted. */
export type OnState = (kind: WatchState['kind'], watch: () => Watch) => void;

/** The same with each message. */
export type OnMessage = (message: LiveMessage, watch: Watch) => void;

/** A watch over scripted sockets, and plain calls that are answered with `status`. */
export function watchScripted(
  options: Partial<ClientOptions> = {},
  onState: OnState = () => undefined,
  onMessage: OnMessage = () => undefined,
) {
  const sockets: ScriptedSocket[] = [];
  const states: WatchState[] = [];
  const messages: LiveMessage[] = [];
  const server = { status: 200 };
  const client = new BerthClient({
    baseUrl: 'https://berth.example/agents',
    token: 'header.payload.signature',
    fetch: () => Promise.resolve(new Response('{}', { status: server.status })),
    openSocket: (url, protocols) => {
      const socket = new ScriptedSocket(url, protocols);
      sockets.push(socket);
      return socket;
    },
    ...options,
  });
  const watch: Watch = client.registry.watch({
    message: (message) => {
      messages.push(message);
      onMessage(message, watch);
    },
    state: (state) => {
      states.push(state);
      onState(state.kind, () => watch);
    },
  });
  const kinds = () => states.map(({ kind }) => kind);
  return { watch, sockets, states, messages, server, kinds };
}

/** Lets what is due in so many milliseconds happen. */
export const pass = (ms: number): Promise<unknown> => vi.advanceTimersByTimeAsync(ms);
