import { describe, expect, it } from 'vitest';
import { MAX_APPEND_BODY_BYTES, MAX_APPEND_ENTRIES } from '../../src/contract/limits.ts';
import { appClient, appFetch, losingAnswers } from '../support/app-fetch.ts';
import { networkFailure, problemAnswer } from '../support/scripted-fetch.ts';
import { appended, appStore, entriesOf, newKey, scriptedStore, typesIn } from '../support/session-stores.ts';

const MIB = 1024 * 1024;
/** Megabytes take their time where other work is going on. */
const LARGE = { timeout: 30_000 };
const keyOf = ({ headers }: { headers: Headers }) => headers.get('Idempotency-Key');

describe('a large batch', () => {
  it('goes in several requests below the limit, in order', LARGE, async () => {
    const bodies: string[] = [];
    const store = appStore({}, (url, init) => {
      bodies.push(init.body as string);
      return appFetch(url, init);
    });
    const batch = Array.from({ length: 10 }, (_, number) => ({
      type: 'big',
      number,
      text: 'ü'.repeat(MIB / 2),
    }));
    const key = newKey();
    await store.append(key, batch);
    // 3 of 1 MiB each, as JSON in UTF-8, and a little fit into 4.
    expect(bodies.map((body) => (JSON.parse(body) as { entries: [] }).entries.length)).toEqual([3, 3, 3, 1]);
    expect((await store.load(key))?.map(({ number }) => number)).toEqual(batch.map(({ number }) => number));
    const [summary] = await store.listSessionSummaries(key.projectKey);
    expect(summary?.data['types']).toHaveLength(10);
  });

  it('may have an entry that nearly fills a request by itself', LARGE, async () => {
    const [store, key] = [appStore(), newKey()];
    const batch = [
      { type: 'small' },
      { type: 'big', text: 'a'.repeat(MAX_APPEND_BODY_BYTES - MIB) },
      { type: 'small' },
    ];
    await store.append(key, batch);
    const stored = await store.load(key);
    expect(stored?.map(({ type }) => type)).toEqual(['small', 'big', 'small']);
    expect(stored?.[1]?.['text'] === batch[1]?.text).toBe(true);
  });

  it('with an entry that no request can carry is refused whole, and says which it is', LARGE, async () => {
    const { store, sent } = scriptedStore([]);
    const batch = [{ type: 'small' }, { type: 'huge', text: 'a'.repeat(MAX_APPEND_BODY_BYTES) }];
    await expect(store.append(newKey(), batch)).rejects.toMatchObject({
      name: 'PayloadTooLargeError',
      code: 'payload_too_large',
      message: expect.stringContaining('Entry 2 of 2 (huge)'),
    });
    expect(sent).toEqual([]);
  });
});

describe('a batch of many entries', () => {
  it('goes in requests of as many as may be, in order', LARGE, async () => {
    const { store, sent } = scriptedStore([appended(), appended(), appended()]);
    const batch = Array.from({ length: 2 * MAX_APPEND_ENTRIES + 1 }, (_, n) => ({ type: '', n }));
    await store.append(newKey(), batch);
    const parts = sent.map(({ body }) => (body as { entries: { n: number }[] }).entries);
    expect(parts.map(({ length }) => length)).toEqual([MAX_APPEND_ENTRIES, MAX_APPEND_ENTRIES, 1]);
    expect(parts.flat().every(({ n }, i) => n === i)).toBe(true);
  });
});

describe('trying again', () => {
  it('a request keeps its key, and another has another', async () => {
    const { store, sent } = scriptedStore([
      networkFailure(),
      problemAnswer('overloaded'),
      appended(),
      appended(),
    ]);
    const key = newKey();
    await store.append(key, entriesOf('a'));
    await store.append(key, entriesOf('b'));
    const [one, two, three, four] = sent.map(keyOf);
    expect([two, three]).toEqual([one, one]);
    expect(four).not.toBe(one);
  });

  it('an answer that was lost changes nothing, uuids or none', async () => {
    const store = appStore({}, losingAnswers(1, 3));
    const key = newKey();
    await store.append(key, entriesOf('a'));
    await store.append(key, entriesOf('b'));
    expect(await store.load(key)).toEqual(entriesOf('a', 'b'));
  });

  it('a batch that the SDK hands in again goes on where it was', LARGE, async () => {
    let count = 0;
    const store = appStore({}, async (url, init) => {
      const response = await appFetch(url, init);
      count += 1;
      // The second part was stored, but the answer says otherwise.
      return count === 2 ? problemAnswer('internal') : response;
    });
    const batch = Array.from({ length: 3 }, (_, number) => ({
      type: `${number}`,
      text: 'a'.repeat(3 * MIB),
    }));
    const key = newKey();
    await expect(store.append(key, batch)).rejects.toMatchObject({ code: 'internal' });
    await store.append(key, batch);
    expect((await store.load(key))?.map(({ type }) => type)).toEqual(['0', '1', '2']);
    const [summary] = await store.listSessionSummaries(key.projectKey);
    expect(summary?.data).toEqual({ types: ['0', '1', '2'] });
    expect(count).toBe(6);
  });

  it('an array that is not the batch that has failed is another batch', async () => {
    const { store, sent } = scriptedStore([problemAnswer('internal'), appended()]);
    const [key, batch] = [newKey(), entriesOf('a')];
    await expect(store.append(key, batch)).rejects.toMatchObject({ code: 'internal' });
    batch.push({ type: 'b' });
    await store.append(key, batch);
    expect(sent.map(({ body }) => typesIn(body))).toEqual([['a'], ['a', 'b']]);
    expect(new Set(sent.map(keyOf)).size).toBe(2);
  });

  it('ends in time, so that the SDK learns of it while it can still try again itself', async () => {
    const { store } = scriptedStore(Array.from({ length: 100 }, networkFailure), 300);
    const start = Date.now();
    await expect(store.append(newKey(), entriesOf('a'))).rejects.toMatchObject({ name: 'TimeoutError' });
    expect(Date.now() - start).toBeLessThan(2_000);
  });

  it('of what waits behind an append that hangs ends in time too', async () => {
    const { store } = scriptedStore(['deaf', 'deaf'], 100);
    const key = newKey();
    const start = Date.now();
    const both = await Promise.allSettled([
      store.append(key, entriesOf('a')),
      store.append(key, entriesOf('b')),
    ]);
    expect(both.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    expect(Date.now() - start).toBeLessThan(2_000);
  });
});

describe('options', () => {
  it.each([Number.NaN, -1, '5' as unknown as number])('a timeout of %s is refused', (timeoutMs) => {
    expect(() => appStore({ timeoutMs })).toThrow(new TypeError('timeoutMs must be a number from 0 on.'));
  });

  it('a project is a name for all keys, or a function of them', async () => {
    const [one, other] = [newKey(), newKey()];
    const moved = { ...one, projectKey: other.projectKey };
    await appStore({ project: 'harbour' }).append(one, entriesOf('a'));
    expect(await appStore({ project: 'harbour' }).load(moved)).toEqual(entriesOf('a'));
    expect(await appStore({ project: () => 'harbour' }).listSessions('anything')).toHaveLength(1);
    expect(await appStore({ project: (key) => `${key}!` }).load(one)).toBe(null);
    expect(await appStore().load({ ...one, projectKey: 'harbour' })).toEqual(entriesOf('a'));
  });

  it('a session is touched and linked by each append, and appends hold when it is gone', async () => {
    const client = appClient();
    const { sessionId } = await client.sessions.create();
    const key = newKey();
    const store = appStore({ touch: sessionId });
    await store.append({ ...key, subpath: 'subagents/a' }, entriesOf('sub'));
    expect(await client.sessions.get(sessionId)).toMatchObject({
      claudeSessionId: key.sessionId,
      projectKey: key.projectKey,
      messageCount: 0,
    });
    await client.sessions.end(sessionId);
    await store.append(key, entriesOf('main'));
    expect(await store.load(key)).toEqual(entriesOf('main'));
  });

  it('a store of several conversations touches and links the session of each, or none', async () => {
    const client = appClient();
    const [one, other] = [await client.sessions.create(), await client.sessions.create()];
    const [first, second, third] = [newKey(), newKey(), newKey()];
    const ids = new Map([
      [first.sessionId, one.sessionId],
      [second.sessionId, other.sessionId],
    ]);
    const store = appStore({ touch: ({ sessionId }) => ids.get(sessionId) });
    for (const key of [first, second, third]) await store.append(key, entriesOf('a'));
    await store.append({ ...first, subpath: 'subagents/a' }, entriesOf('b'));
    const linked = async (id: string) => (await client.sessions.get(id)).claudeSessionIds;
    expect(await linked(one.sessionId)).toEqual([first.sessionId]);
    expect(await linked(other.sessionId)).toEqual([second.sessionId]);
    expect(await store.load(third)).toEqual(entriesOf('a'));
  });
});
