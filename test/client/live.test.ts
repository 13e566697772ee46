import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import {
  AuthenticationError,
  BerthClient,
  PermissionDeniedError,
  type LiveMessage,
  type LiveSocket,
} from '../../src/client/index.ts';
import { appClient, appFetch, BASE_URL } from '../support/app-fetch.ts';
import { pass, PONG_MS, STATS, watchScripted } from '../support/scripted-watch.ts';

const PING_MS = 30_000;

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
    expect(sockets[0]?.protocols).toEqual(['berth.v1.batch', 'berth.v1', 'bearer.header.payload.signature']);
  });

  it('is live from the first message on', async () => {
    const { sockets, kinds, messages } = watchScripted();
    await pass(0);
    expect(kinds()).toEqual(['connecting']);
    sockets[0]?.says(STATS);
    expect(kinds()).toEqual(['connecting', 'live']);
    expect(messages).toEqual([{ type: 'stats', stats: {} }]);
  });

  it('tells messages that come together one by one, until it is closed', async () => {
    const { sockets, messages } = watchScripted({}, undefined, (message, watch) => {
      if (message.type === 'session') watch.close();
    });
    await pass(0);
    const session = { type: 'session', event: 'created', session: {} };
    sockets[0]?.says(`[${STATS},${JSON.stringify(session)},${STATS}]`);
    expect(messages).toEqual([{ type: 'stats', stats: {} }, session]);
  });

  it('tells the others of those that come together, whatever the listener throws', async () => {
    const thrown: unknown[] = [];
    vi.spyOn(globalThis, 'queueMicrotask').mockImplementation((act) => {
      try {
        act();
      } catch (error) {
        thrown.push(error);
      }
    });
    const { sockets, messages } = watchScripted({}, undefined, () => {
      throw new Error('of the listener');
    });
    await pass(0);
    sockets[0]?.says(`[${STATS},${STATS}]`);
    expect(messages).toHaveLength(2);
    expect(thrown).toEqual([new Error('of the listener'), new Error('of the listener')]);
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

  it('pings as often while much is said, since the server lets go of who does not', async () => {
    const { sockets, kinds } = watchScripted();
    await pass(0);
    for (let second = 0; second < 120; second += 1) {
      sockets[0]?.says(STATS);
      await pass(1_000);
    }
    expect(sockets[0]?.sent).toEqual(['ping', 'ping', 'ping', 'ping']);
    expect(kinds()).toEqual(['connecting', 'live']);
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
    expect(sockets.map(({ protocols }) => protocols.at(-1))).toEqual(['bearer.token-1', 'bearer.token-2']);
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
