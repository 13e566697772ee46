import { runInDurableObject } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { LiveMessage } from '../../src/contract/live.ts';
import { ListedSession, type ListedSession as Listed } from '../../src/contract/session.ts';
import { RegistryStats } from '../../src/contract/registry.ts';
import { callsSettled } from '../support/calls.ts';
import { advance, HOUR, SECOND, stopClock, Tenant, until, valueOf } from '../support/tenant.ts';
import { inSeconds } from '../support/tokens.ts';
import { silentViewerOf, viewerOf, type Viewer } from '../support/viewer.ts';

const FLUSH_MS = 1_000;
const BATCHED = ['berth.v1.batch', 'berth.v1'];
/** A megabyte of UTF-8 has as many characters at least. */
const MAX_TEXT_LENGTH = 1_048_576 / 3;
/** Longer than the registry lets a session keep its activity to itself. */
const REPORT_MS = 15 * SECOND;

beforeEach(() => stopClock());
afterEach(() => {
  vi.restoreAllMocks();
  vi.useRealTimers();
});

const shown = (viewer: Viewer, event: string): Listed[] =>
  viewer.messages.flatMap((it) => (it.type === 'session' && it.event === event ? [it.session] : []));

const lastStats = (viewer: Viewer): RegistryStats | undefined =>
  viewer.messages.findLast((it): it is LiveMessage & { type: 'stats' } => it.type === 'stats')?.stats;

test('the statistics come first, and are those that are asked for', async () => {
  const tenant = new Tenant();
  await tenant.created({ model: 'm' });
  const viewer = await viewerOf(tenant.name);
  expect(viewer.messages).toEqual([{ type: 'stats', stats: await tenant.registry.stats() }]);
});

test('a session’s life is shown, each step once, with the session as the list has it', async () => {
  const tenant = new Tenant();
  const viewer = await viewerOf(tenant.name, { exp: inSeconds((2 * HOUR) / SECOND) });
  const id = await tenant.created({ model: 'm', metadata: { team: 'red' }, appendSystemPrompt: 'secret' });
  await viewer.seen(2);
  expect(viewer.events[0]).toBe('created');

  advance(HOUR);
  expect(await tenant.sessionAlarm(id)).toBe(true);
  valueOf(await tenant.resume(id));
  valueOf(await tenant.end(id));
  await tenant.end(id, true);
  await viewer.shown('purged');
  expect(viewer.events).toEqual(['created', 'expired', 'resumed', 'ended', 'purged']);
  await viewer.seen(3);
  expect(lastStats(viewer)).toEqual(await tenant.registry.stats());
  for (const message of viewer.messages) {
    if (message.type === 'stats') RegistryStats.parse(message.stats);
    else ListedSession.parse(message.session);
  }
  expect(JSON.stringify(viewer.messages)).not.toContain('secret');
  expect(shown(viewer, 'expired')[0]).toMatchObject({
    sessionId: id,
    status: 'expired',
    config: { model: 'm', metadata: { team: 'red' } },
  });
  expect(shown(viewer, 'resumed')[0]).toMatchObject({ status: 'active' });
});

test('many changes in a moment are all shown, in order, each before the statistics that count it', async () => {
  const tenant = new Tenant();
  const viewer = await viewerOf(tenant.name);
  const ids: string[] = [];
  for (let i = 0; i < 20; i += 1) ids.push(await tenant.created());
  await until(() => lastStats(viewer)?.activeCount === ids.length);
  expect(shown(viewer, 'created').map(({ sessionId }) => sessionId)).toEqual(ids);
});

describe('one who takes messages many at a time', () => {
  const areEach = ({ texts }: Viewer, start: '{' | '[') => texts.every((text) => text.startsWith(start));

  test('is shown the same, in few texts, beside one who does not', async () => {
    const tenant = new Tenant();
    const [each, many] = [await viewerOf(tenant.name), await silentViewerOf(tenant.name, {}, BATCHED)];
    const ids = await Promise.all(Array.from({ length: 20 }, () => tenant.created()));
    for (const viewer of [each, many]) await until(() => lastStats(viewer)?.activeCount === ids.length);
    expect(areEach(each, '{')).toBe(true);
    expect(areEach(many, '[')).toBe(true);
    expect(many.messages).toEqual(each.messages);
    expect(shown(many, 'created')).toHaveLength(ids.length);
    expect(many.texts.length).toBeLessThan(each.texts.length);
  });

  test('gets no text that is too long for many a client', async () => {
    const tenant = new Tenant();
    const viewer = await silentViewerOf(tenant.name, {}, BATCHED);
    const metadata = { note: 'x'.repeat(15_000) };
    const ids = await Promise.all(Array.from({ length: 40 }, () => tenant.created({ metadata })));
    await until(() => lastStats(viewer)?.activeCount === ids.length);
    expect(shown(viewer, 'created')).toHaveLength(ids.length);
    expect(Math.max(...viewer.texts.map(({ length }) => length))).toBeLessThan(MAX_TEXT_LENGTH);
  });
});

test('one who came before there were batches is sent a text for each message', async () => {
  const tenant = new Tenant();
  const viewer = await viewerOf(tenant.name);
  await runInDurableObject(env.REGISTRY.getByName(tenant.name), (_, state) => {
    for (const socket of state.getWebSockets()) {
      const { takesBatches: _takesBatches, ...kept } = socket.deserializeAttachment() as {
        takesBatches: boolean;
      };
      socket.serializeAttachment(kept);
    }
  });
  await tenant.created();
  await viewer.seen(2);
  expect(viewer.texts.every((text) => text.startsWith('{'))).toBe(true);
});

test('what is shown is what the list says', async () => {
  const tenant = new Tenant();
  const viewer = await viewerOf(tenant.name);
  const id = await tenant.created();
  await viewer.seen(2);
  valueOf(await tenant.end(id));
  await viewer.shown('ended');
  expect(shown(viewer, 'ended')).toEqual(await tenant.list({ statuses: ['ended'] }));
});

describe('updates', () => {
  test('of one session within a second are shown once, as it stands last, with one set of statistics', async () => {
    const tenant = new Tenant();
    const id = await tenant.created();
    const viewer = await viewerOf(tenant.name);
    for (let i = 0; i < 20; i += 1) {
      advance(REPORT_MS);
      valueOf(await tenant.touch(id));
    }
    await viewer.seen(2);
    expect(viewer.events).toEqual(['updated']);
    expect(viewer.statistics).toBe(2);
    expect(shown(viewer, 'updated')[0]?.messageCount).toBe(20);
    expect(lastStats(viewer)?.totalMessages).toBe(20);
  });

  test('are changes: what is reported as it was is none', async () => {
    const tenant = new Tenant();
    const id = await tenant.created();
    const viewer = await viewerOf(tenant.name);
    const report = await tenant.session(id).settle();
    advance(REPORT_MS);
    if (report !== null) expect((await tenant.registry.report(id, report)).admitted).toBe(true);
    await tenant.created();
    await viewer.seen(2);
    expect(viewer.events).toEqual(['created']);
  });

  test('of several sessions are all shown', async () => {
    const tenant = new Tenant();
    const ids = [await tenant.created(), await tenant.created(), await tenant.created()];
    const viewer = await viewerOf(tenant.name);
    advance(REPORT_MS);
    for (const id of ids) valueOf(await tenant.touch(id));
    await viewer.seen(2);
    expect(shown(viewer, 'updated').map(({ sessionId }) => sessionId)).toEqual(ids);
  });

  test('that an end has overtaken are not shown after it', async () => {
    const tenant = new Tenant();
    const id = await tenant.created();
    const viewer = await viewerOf(tenant.name);
    advance(REPORT_MS);
    valueOf(await tenant.touch(id));
    valueOf(await tenant.end(id));
    await viewer.seen(2);
    expect(viewer.events).toEqual(['ended']);
  });
});

test('the purge of an active session shows it as ended, as does its end', async () => {
  const tenant = new Tenant();
  const id = await tenant.created();
  const viewer = await viewerOf(tenant.name);
  advance(SECOND);
  valueOf(await tenant.end(id, true));
  await viewer.shown('purged');
  expect(viewer.events).toEqual(['ended', 'purged']);
  const endedAt = new Date().toISOString();
  for (const event of viewer.events)
    expect(shown(viewer, event)).toMatchObject([
      { sessionId: id, status: 'ended', endedAt, endReason: 'ended' },
    ]);
});

test('a refused create and a new limit show in the statistics', async () => {
  const tenant = new Tenant();
  const viewer = await viewerOf(tenant.name);
  await tenant.registry.setLimits({ maxSessions: 0 });
  expect((await tenant.create()).ok).toBe(false);
  await viewer.seen(2);
  expect(lastStats(viewer)).toMatchObject({ maxSessions: 0, totalRejected: 1 });
  expect(viewer.events).toEqual([]);
});

test('a ping is answered, and what else a viewer says is ignored', async () => {
  const tenant = new Tenant();
  const viewer = await viewerOf(tenant.name);
  viewer.socket.send('{"type":"session","event":"purged"}');
  viewer.socket.send(new Uint8Array(100_000));
  viewer.socket.send('ping');
  await until(() => viewer.pongs.length > 0);
  expect(viewer.pongs).toEqual(['pong']);
  expect(viewer.messages).toHaveLength(1);
  expect(viewer.closedWith).toBeNull();
});

test('a registry that has slept shows the next change to those who were there before', async () => {
  const tenant = new Tenant();
  const viewers = [await viewerOf(tenant.name), await viewerOf(tenant.name)];
  await tenant.evictRegistry();
  await tenant.created();
  for (const viewer of viewers) {
    await viewer.seen(2);
    expect(viewer.events[0]).toBe('created');
  }
});

describe('timers:', () => {
  /** The delays of the timers that were set since, but for those that bound a call. */
  function flushTimers(): () => number {
    const set = vi.spyOn(globalThis, 'setTimeout');
    return () => set.mock.calls.filter(([, delay]) => delay === FLUSH_MS).length;
  }

  test('one a second while things change, none when all is quiet', async () => {
    const tenant = new Tenant();
    const id = await tenant.created();
    const viewer = await viewerOf(tenant.name);
    const timers = flushTimers();
    for (let i = 0; i < 5; i += 1) {
      advance(REPORT_MS);
      valueOf(await tenant.touch(id));
    }
    expect(timers()).toBe(1);
    await viewer.seen(2);
    await callsSettled();
    expect(timers()).toBe(1);
    // The object has nothing left to do: it can be evicted at once, and its viewers stay.
    await tenant.evictRegistry();
    expect(viewer.closedWith).toBeNull();
  });

  test('none where nobody watches', async () => {
    const tenant = new Tenant();
    const timers = flushTimers();
    const id = await tenant.created();
    valueOf(await tenant.end(id));
    expect(timers()).toBe(0);
  });
});

test('what was undone is not shown', async () => {
  const tenant = new Tenant();
  const id = await tenant.created();
  const viewer = await viewerOf(tenant.name);
  await tenant.inRegistry((storage) => {
    vi.spyOn(storage.kv, 'put').mockImplementationOnce(() => {
      throw new Error('the disk is full');
    });
  });
  await expect(tenant.create()).rejects.toThrow('the disk is full');
  valueOf(await tenant.end(id));
  await viewer.seen(2);
  expect(viewer.events).toEqual(['ended']);
  expect(lastStats(viewer)).toMatchObject({ totalCreated: 1, activeCount: 0 });
});

test('a tenant sees nothing of another', async () => {
  const [tenant, other] = [new Tenant(), new Tenant()];
  const viewer = await viewerOf(tenant.name);
  const watched = await viewerOf(other.name);
  await other.created();
  await watched.seen(2);
  expect(viewer.messages).toHaveLength(1);
});

test('a viewer that has not pinged for two minutes is let go at the next change, and one that has just come is not', async () => {
  const tenant = new Tenant();
  const silent = await silentViewerOf(tenant.name);
  advance(121 * SECOND);
  const fresh = await silentViewerOf(tenant.name);
  expect(await silent.closed()).toBe(1001);
  await tenant.created();
  await fresh.shown('created');
  expect(fresh.closedWith).toBeNull();
});

test('a viewer that leaves is let go at once, though the registry is awake', async () => {
  const tenant = new Tenant();
  const [leaving, staying] = [await viewerOf(tenant.name), await viewerOf(tenant.name)];
  leaving.socket.close(1000, 'seen enough');
  await leaving.closed();
  const sockets = () => runInDurableObject(tenant.registryStub, (_, state) => state.getWebSockets().length);
  await until(async () => (await sockets()) === 1);
  await tenant.created();
  await staying.shown('created');
  expect(staying.closedWith).toBeNull();
});
