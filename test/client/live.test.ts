import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import {
  AuthenticationError,
  BerthClient,
  PermissionDeniedError,
  type ClientOptions,
  type LiveMessage,
  type LiveSocket,
  type Watch,
  type WatchState,
} from '../../src/client/index.ts';
import { appClient, appFetch, BASE_URL } from '../support/app-fetch.ts';

const PING_MS = 30_000;
const PONG_MS = 10_000;
const STATS = JSON.stringify({ type: 'stats', stats: {} });

/** A socket that does what a test says. */
class ScriptedSocket implements LiveSocket {
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
type OnState = (kind: WatchState['kind'], watch: () => Watch) => void;

/** A watch over scripted sockets, and plain calls that are answered with `status`. */
function watchScripted(options: Partial<ClientOptions> = {}, onState: OnState = () => undefined) {
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
    message: (message) => messages.push(message),
    state: (state) => {
      states.push(state);
      onState(state.kind, () => watch);
    },
  });
  const kinds = () => states.map(({ kind }) => kind);
  return { watch, sockets, states, messages, server, kinds };
}

/** Lets what is due in so many milliseconds happen. */
const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms);

describe('over scripted sockets', () => {
  beforeEach(() => {
    vi.useFakeTimers();
    vi.spyOn(Math, 'random').mockReturnValue(1);
  });
  afterEach(() => {
    vi.useRealTimers();
    vi.restoreAllMocks();
  });

  it('offers the token as a subprotocol, and never in the address', async () => {
    const { sockets } = watchScripted();
    await pass(0);
    expect(sockets[0]?.url).toBe('wss://berth.example/agents/v1/registry/live');
    expect(sockets[0]?.protocols).toEqual(['berth.v1', 'bearer.header.payload.signature']);
  });

  it('is live from the first message on', async () => {
    const { sockets, kinds, messages } = watchScripted();
    await pass(0);
    expect(kinds()).toEqual(['connecting']);
    sockets[0]?.says(STATS);
    expect(kinds()).toEqual(['connecting', 'live']);
    expect(messages).toEqual([{ type: 'stats', stats: {} }]);
  });

  it('makes a lost connection again, after waits that grow to eight seconds', async () => {
    const { sockets, states } = watchScripted();
    const waits: number[] = [];
    for (let attempt = 0; attempt < 7; attempt += 1) {
      await pass(0);
      sockets.at(-1)?.breaks();
      await pass(0);
      const state = states.at(-1);
      expect(state?.kind).toBe('waiting');
      const waitMs = state?.kind === 'waiting' ? state.retryAt - Date.now() : 0;
      waits.push(waitMs);
      await pass(waitMs - 1);
      expect(sockets).toHaveLength(attempt + 1);
      await pass(1);
      expect(sockets).toHaveLength(attempt + 2);
    }
    expect(waits).toEqual([250, 500, 1_000, 2_000, 4_000, 8_000, 8_000]);
  });

  it('waits a short time again after a connection that has lasted', async () => {
    const { sockets, states } = watchScripted();
    for (let attempt = 0; attempt < 5; attempt += 1) {
      await pass(8_000);
      sockets.at(-1)?.breaks();
    }
    await pass(8_000);
    sockets.at(-1)?.says(STATS);
    await pass(5_000);
    sockets.at(-1)?.breaks();
    await pass(0);
    expect(states.at(-1)).toMatchObject({ kind: 'waiting', retryAt: Date.now() + 250 });
  });

  it('waits as long as the server asks where there are too many viewers', async () => {
    const { sockets, states } = watchScripted({
      fetch: () => Promise.resolve(new Response('{}', { status: 429, headers: { 'Retry-After': '10' } })),
    });
    await pass(0);
    sockets[0]?.breaks();
    await pass(0);
    expect(states.at(-1)).toMatchObject({ kind: 'waiting', retryAt: Date.now() + 10_250 });
  });

  it('pings each 30 seconds, and takes silence for a lost connection', async () => {
    const { sockets, kinds, messages } = watchScripted();
    await pass(0);
    sockets[0]?.says(STATS);
    await pass(PING_MS);
    expect(sockets[0]?.sent).toEqual(['ping']);
    sockets[0]?.says('pong');
    await pass(PING_MS);
    expect(sockets[0]?.sent).toEqual(['ping', 'ping']);
    expect(messages).toHaveLength(1);
    await pass(PONG_MS);
    expect(sockets[0]?.isClosed).toBe(true);
    expect(kinds()).toEqual(['connecting', 'live', 'connecting', 'waiting']);
  });

  it('gives up a connection that never says anything', async () => {
    const { sockets, kinds } = watchScripted();
    await pass(PONG_MS);
    expect(sockets[0]?.isClosed).toBe(true);
    expect(kinds().at(-1)).toBe('waiting');
  });

  it.each([
    [401, AuthenticationError],
    [403, PermissionDeniedError],
  ])('is over when the token is refused with %i', async (status, kind) => {
    const { sockets, server, states } = watchScripted();
    await pass(0);
    server.status = status;
    sockets[0]?.breaks();
    await pass(60_000);
    expect(states.at(-1)).toMatchObject({ kind: 'closed', error: expect.any(kind) });
    expect(sockets).toHaveLength(1);
  });

  it('fetches a new token where the old one has run out', async () => {
    let tokens = 0;
    const { sockets } = watchScripted({
      token: () => `token-${(tokens += 1)}`,
      fetch: (_, { headers }) => {
        const isOld = new Headers(headers).get('Authorization') === 'Bearer token-1';
        return Promise.resolve(new Response('{}', { status: isOld ? 401 : 200 }));
      },
    });
    await pass(0);
    sockets[0]?.breaks();
    await pass(250);
    expect(sockets.map(({ protocols }) => protocols[1])).toEqual(['bearer.token-1', 'bearer.token-2']);
  });

  it('does not wait any longer when it is told that the network is back', async () => {
    const { sockets, watch } = watchScripted();
    await pass(0);
    sockets[0]?.breaks();
    await pass(0);
    watch.retryNow();
    await pass(0);
    expect(sockets).toHaveLength(2);
    watch.retryNow();
    await pass(0);
    expect(sockets).toHaveLength(2);
  });

  it('says nothing more once it is closed', async () => {
    const { sockets, watch, kinds, messages } = watchScripted();
    await pass(0);
    watch.close();
    sockets[0]?.says(STATS);
    sockets[0]?.breaks();
    watch.retryNow();
    await pass(60_000);
    expect(sockets[0]?.isClosed).toBe(true);
    expect(kinds()).toEqual(['connecting', 'closed']);
    expect(messages).toEqual([]);
    expect(sockets).toHaveLength(1);
  });
});

describe('a listener', () => {
  beforeEach(() => {
    vi.useFakeTimers();
    vi.spyOn(Math, 'random').mockReturnValue(1);
  });
  afterEach(() => {
    vi.useRealTimers();
    vi.restoreAllMocks();
  });
  const closeOn =
    (last: WatchState['kind']): OnState =>
    (kind, watch) => {
      if (kind === last) watch().close();
    };

  it('that closes while it waits has no connection made again', async () => {
    const { sockets, kinds } = watchScripted({}, closeOn('waiting'));
    await pass(0);
    sockets[0]?.breaks();
    await pass(60_000);
    expect(kinds()).toEqual(['connecting', 'connecting', 'waiting', 'closed']);
    expect(sockets).toHaveLength(1);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('that closes when it is live is told no message, and leaves no ping behind', async () => {
    const { sockets, kinds, messages } = watchScripted({}, closeOn('live'));
    await pass(0);
    sockets[0]?.says(STATS);
    expect(vi.getTimerCount()).toBe(0);
    expect(messages).toEqual([]);
    expect(kinds()).toEqual(['connecting', 'live', 'closed']);
    expect(sockets[0]?.isClosed).toBe(true);
  });

  it('that closes when a connection is lost has nothing asked any more', async () => {
    const calls: string[] = [];
    const fetch = async (url: string) => {
      calls.push(url);
      return new Response('{}');
    };
    let connections = 0;
    const { sockets, kinds } = watchScripted({ fetch }, (kind, watch) => {
      if (kind === 'connecting' && (connections += 1) === 2) watch().close();
    });
    await pass(0);
    sockets[0]?.breaks();
    await pass(60_000);
    expect(kinds()).toEqual(['connecting', 'connecting', 'closed']);
    expect(calls).toEqual([]);
  });

  it('that waits no longer has one connection made, however long its token takes', async () => {
    const slow = async (): Promise<string> => {
      await new Promise((resolve) => setTimeout(resolve, 1_000));
      return 'new';
    };
    const token = vi.fn<() => Promise<string>>(slow).mockRejectedValueOnce(new Error('away'));
    const { sockets, kinds } = watchScripted({ token }, (kind, watch) => {
      if (kind === 'waiting') watch().retryNow();
    });
    await pass(1_000);
    expect(kinds()).toEqual(['connecting', 'waiting', 'connecting']);
    expect(sockets).toHaveLength(1);
  });

  it('is told nothing of a token that fails when the watch is closed already', async () => {
    let fail = (): void => undefined;
    const token = () => new Promise<string>((_, reject) => (fail = () => reject(new Error('away'))));
    const { watch, kinds } = watchScripted({ token });
    watch.close();
    fail();
    await pass(60_000);
    expect(kinds()).toEqual(['connecting', 'closed']);
  });
});

describe('what a watch needs', () => {
  afterEach(() => {
    vi.useRealTimers();
    vi.unstubAllGlobals();
  });

  it('is a WebSocket: without one it says at once what to give it', () => {
    const states: WatchState[] = [];
    const client = new BerthClient({ baseUrl: 'https://berth.example' });
    vi.stubGlobal('WebSocket', undefined);
    const watch = () =>
      client.registry.watch({ message: () => undefined, state: (state) => states.push(state) });
    expect(watch).toThrow(TypeError);
    expect(watch).toThrow(/`openSocket`/);
    expect(states).toEqual([]);
  });

  it('is a token: one that never comes is asked for again', async () => {
    vi.useFakeTimers();
    const token = vi
      .fn<() => Promise<string>>()
      .mockReturnValueOnce(new Promise(() => undefined))
      .mockResolvedValue('second');
    const { sockets } = watchScripted({ token });
    await pass(60_000);
    expect(sockets[0]?.protocols).toContain('bearer.second');
  });
});

/** A WebSocket of the real app, which has no address to connect to. */
function appSocket(url: string, protocols: string[]): LiveSocket {
  const listeners: [string, (event: { data: unknown }) => void][] = [];
  const opening = (async () => {
    const headers = { Upgrade: 'websocket', 'Sec-WebSocket-Protocol': protocols.join(', ') };
    const { webSocket } = await appFetch(url.replace(/^ws/, 'http'), { headers });
    if (webSocket === null || webSocket === undefined) throw new Error('There is no socket');
    for (const [type, listener] of listeners) webSocket.addEventListener(type as 'message', listener);
    webSocket.accept();
    return webSocket;
  })();
  return {
    addEventListener: (type: string, listener: (event: { data: unknown }) => void) =>
      void listeners.push([type, listener]),
    send: (text) => void opening.then((socket) => socket.send(text)),
    close: () => void opening.then((socket) => socket.close()),
  };
}

describe('over the app', () => {
  it('tells of the statistics, then of each change', async () => {
    const messages: LiveMessage[] = [];
    const client = new BerthClient({ baseUrl: BASE_URL, fetch: appFetch, openSocket: appSocket });
    const watch = client.registry.watch({ message: (message) => messages.push(message) });
    await vi.waitFor(() => expect(messages).toHaveLength(1));
    expect(messages[0]).toMatchObject({ type: 'stats', stats: { maxSessions: 100 } });
    const { sessionId } = await appClient().sessions.create({ model: 'm' });
    await vi.waitFor(() =>
      expect(messages).toContainEqual(
        expect.objectContaining({ event: 'created', session: expect.objectContaining({ sessionId }) }),
      ),
    );
    watch.close();
  });
});
