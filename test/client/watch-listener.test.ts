import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { BerthClient, type WatchState } from '../../src/client/index.ts';
import { pass, STATS, watchScripted, type OnState } from '../support/scripted-watch.ts';

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
