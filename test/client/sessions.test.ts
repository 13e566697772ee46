import { afterEach, describe, expect, it, vi } from 'vitest';
import { BerthClient, GoneError, NotFoundError, type Fetch } from '../../src/client/index.ts';
import { appClient, appFetch, BASE_URL, losingAnswers } from '../support/app-fetch.ts';
import { travel } from '../support/clock.ts';

const client = appClient();

describe('sessions', () => {
  it('are created and read', async () => {
    const input = { model: 'claude-sonnet-5', metadata: { team: 'search' }, sessionTimeoutMs: 60_000 };
    const session = await client.sessions.create(input);
    expect(session).toMatchObject({ status: 'active', sessionTimeoutMs: 60_000, revision: 1 });
    expect(session.config).toMatchObject({ model: 'claude-sonnet-5', metadata: { team: 'search' } });
    expect(await client.sessions.get(session.sessionId)).toEqual(session);
    expect(await client.sessions.create()).toMatchObject({ config: { cwd: '/workspace' } });
  });

  it('are changed, at a revision where one is named', async () => {
    const { sessionId, revision } = await client.sessions.create({ model: 'a' });
    const patch = { model: null, metadata: { on: true } };
    const changed = await client.sessions.update(sessionId, patch, { ifMatch: revision });
    expect(changed.config).toMatchObject({ metadata: { on: true } });
    expect(changed.config).not.toHaveProperty('model');
    expect(await client.sessions.update(sessionId, { maxTurns: 3 })).toMatchObject({ revision: 3 });
    await expect(client.sessions.end(sessionId, { ifMatch: 1 })).rejects.toMatchObject({ status: 412 });
    await expect(client.sessions.purge(sessionId, { ifMatch: 1 })).rejects.toMatchObject({ status: 412 });
    const link = { claudeSessionId: 'c' };
    await expect(client.sessions.link(sessionId, link, { ifMatch: 1 })).rejects.toMatchObject({
      status: 412,
    });
  });

  it('are touched and linked', async () => {
    const { sessionId } = await client.sessions.create();
    expect(await client.sessions.touch(sessionId)).toMatchObject({ messageCount: 1 });
    expect(await client.sessions.touch(sessionId, { messages: 4 })).toMatchObject({ messageCount: 5 });
    expect(await client.sessions.touch(sessionId, { messages: 0 })).toMatchObject({ messageCount: 5 });
    const link = { claudeSessionId: 'c1', projectKey: '-workspace' };
    expect(await client.sessions.link(sessionId, link)).toMatchObject({ ...link, claudeSessionIds: ['c1'] });
  });

  it('expire, are resumed, and end', async () => {
    const { sessionId } = await client.sessions.create({ sessionTimeoutMs: 1_000 });
    travel(1_000);
    await expect(client.sessions.touch(sessionId)).rejects.toMatchObject({ code: 'session_expired' });
    expect(await client.sessions.resume(sessionId)).toMatchObject({ status: 'active' });
    expect(await client.sessions.end(sessionId)).toMatchObject({ status: 'ended', endReason: 'ended' });
    await expect(client.sessions.end(sessionId)).rejects.toThrow(GoneError);
    expect(await client.sessions.purge(sessionId)).toMatchObject({ sessionId, status: 'ended' });
    await expect(client.sessions.get(sessionId)).rejects.toThrow(NotFoundError);
  });
});

describe('a list', () => {
  it('gives pages', async () => {
    const metadata = { list: 'pages' };
    const made: string[] = [];
    for (let index = 0; index < 5; index += 1)
      made.unshift((await client.sessions.create({ metadata })).sessionId);
    const first = await client.sessions.list({ metadata, limit: 3 });
    const cursor = first.nextCursor ?? undefined;
    const second = await client.sessions.list({ metadata, limit: 3, cursor });
    expect([...first.data, ...second.data].map(({ sessionId }) => sessionId)).toEqual(made);
    expect(second.nextCursor).toBe(null);
  });

  it('gives every session of every page, fetched as they are used', async () => {
    const metadata = { list: 'all' };
    const made: string[] = [];
    for (let index = 0; index < 5; index += 1)
      made.unshift((await client.sessions.create({ metadata })).sessionId);
    await client.sessions.end(made[0] ?? '');
    const fetch = vi.fn<Fetch>(appFetch);
    const counted = appClient(fetch);
    const listed: string[] = [];
    for await (const { sessionId } of counted.sessions.listAll({ metadata, status: 'all', limit: 2 })) {
      listed.push(sessionId);
      expect(fetch).toHaveBeenCalledTimes(Math.ceil(listed.length / 2));
    }
    expect(listed).toEqual(made);
    fetch.mockClear();
    for await (const _ of counted.sessions.listAll({ metadata, limit: 1 })) break;
    expect(fetch).toHaveBeenCalledTimes(1);
  });

  it('is filtered', async () => {
    const { sessionId } = await client.sessions.create({
      model: 'm/1',
      metadata: { 'k&y': 'ü +', on: true },
    });
    await client.sessions.link(sessionId, { claudeSessionId: 'c:1' });
    for (const query of [
      { model: 'm/1' },
      { claudeSessionId: 'c:1' },
      { metadata: { 'k&y': 'ü +' } },
      { metadata: { 'k&y': 'ü +', on: true }, status: 'active' },
    ] as const) {
      const { data } = await client.sessions.list(query);
      expect(data.map((session) => session.sessionId)).toEqual([sessionId]);
    }
    const { data } = await client.sessions.list({ model: 'm/1', status: 'ended' });
    expect(data).toEqual([]);
  });
});

describe('answers that are lost', () => {
  afterEach(() => void vi.restoreAllMocks());
  const losing = (...lost: number[]): BerthClient => {
    vi.spyOn(Math, 'random').mockReturnValue(0);
    return appClient(losingAnswers(...lost));
  };

  it('create no second session', async () => {
    const metadata = { lost: 'create' };
    const session = await losing(1, 2).sessions.create({ metadata });
    const { data } = await client.sessions.list({ metadata, status: 'all' });
    expect(data.map(({ sessionId }) => sessionId)).toEqual([session.sessionId]);
  });

  it('count no activity twice', async () => {
    const { sessionId } = await client.sessions.create();
    const touched = await losing(1, 2).sessions.touch(sessionId, { messages: 3 });
    expect(touched.messageCount).toBe(3);
    expect(await client.sessions.touch(sessionId)).toMatchObject({ messageCount: 4 });
  });

  it('are made good where an end or a purge was carried out', async () => {
    const { sessionId } = await client.sessions.create();
    const ended = await losing(1).sessions.end(sessionId);
    expect(ended).toEqual(await client.sessions.get(sessionId));
    expect(ended.status).toBe('ended');
    expect(await losing(1).sessions.purge(sessionId)).toBe(null);
    await expect(client.sessions.get(sessionId)).rejects.toThrow(NotFoundError);
  });
});

describe('a base URL with a path', () => {
  it('reaches the app behind a proxy that takes it off', async () => {
    const prefixed = new BerthClient({
      baseUrl: `${BASE_URL}/agents/berth/`,
      fetch: (url, init) => appFetch(url.replace('/agents/berth/', '/'), init),
    });
    const { sessionId } = await prefixed.sessions.create();
    expect(await prefixed.sessions.get(sessionId)).toMatchObject({ sessionId });
  });
});
