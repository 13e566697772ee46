import { runInDurableObject } from 'cloudflare:test';
import { beforeEach, describe, expect, it } from 'vitest';
import type { JsonObject } from '../../src/contract/session.ts';
import { call } from '../support/api.ts';
import { callsMade, callsSettled, failCalls, resetCalls } from '../support/calls.ts';
import { expectInvalid, expectProblem } from '../support/problems.ts';
import { Conversation, entries, entry, linesOf, NOTHING } from '../support/transcripts.ts';

beforeEach(resetCalls);

/** Entries of which a page holds only a few. */
const long = (count: number): JsonObject[] =>
  Array.from({ length: count }, (_, n) => entry({ n, text: `${n % 10}`.repeat(200_000) }));

const pagesFetched = (): number => callsMade().filter((method) => method === 'transcript.page').length;

describe('GET …/entries', () => {
  it('gives the entries as NDJSON, and says how many there are', async () => {
    const conversation = new Conversation();
    const sent = entries(5);
    await conversation.append(sent);
    const response = await conversation.get();
    expect(response.status).toBe(200);
    expect(response.headers.get('Content-Type')).toBe('application/x-ndjson');
    expect(response.headers.get('Berth-Total')).toBe('5');
    expect(response.headers.get('Cache-Control')).toBe('no-store');
    expect(await linesOf(response)).toEqual(sent);
  });

  it.each([0, 1, 4, 5, 6, 2 ** 38 - 1])('goes on after the %i-th', async (after) => {
    const conversation = new Conversation();
    const sent = entries(5);
    await conversation.append(sent);
    const response = await conversation.get({ after });
    expect(response.headers.get('Berth-Total')).toBe('5');
    expect(await linesOf(response)).toEqual(sent.slice(after));
  });

  it.each(['-1', '1.5', 'x', '', '1e3', `${2 ** 38}`, '99999999999999999999'])(
    'refuses after=%s',
    async (after) => {
      const conversation = new Conversation();
      await expectInvalid(await call('GET', `${conversation.path}/entries?after=${after}`), 'after');
    },
  );

  it('is 404 where nothing was written: no transcript, no such subpath, only subpaths', async () => {
    const conversation = new Conversation();
    await expectProblem(await conversation.get(), 'transcript_not_found');
    await expectProblem(await conversation.get({ subpath: 'a', after: 3 }), 'transcript_not_found');
    expect(await conversation.stored()).toEqual(NOTHING);
    await conversation.append(entries(1), { subpath: 'a' });
    await expectProblem(await conversation.get(), 'transcript_not_found');
    await expectProblem(await conversation.get({ subpath: 'b' }), 'transcript_not_found');
  });
});

describe('a long transcript', () => {
  it('is fetched page by page, as it is read', async () => {
    const conversation = new Conversation();
    const sent = long(12);
    await conversation.append(sent);
    const response = await conversation.get();
    const reader = response.body?.getReader();
    expect(pagesFetched()).toBe(0);
    // 12 entries of 200 kB are 4 pages.
    for (let bytes = 0; bytes < 1_000_000;) bytes += (await reader?.read())?.value?.byteLength ?? 0;
    expect(pagesFetched()).toBe(1);
    await reader?.cancel();
    await callsSettled();
    expect(pagesFetched()).toBeLessThanOrEqual(2);
    expect(await conversation.read()).toEqual(sent);
  });

  it('is read up to the total that it had at first, while appends go on', async () => {
    const conversation = new Conversation();
    const sent = long(8);
    await conversation.append(sent);
    const response = await conversation.get();
    await conversation.append(long(4));
    expect(response.headers.get('Berth-Total')).toBe('8');
    expect(await linesOf(response)).toEqual(sent);
    expect(await conversation.read()).toHaveLength(12);
  });

  it('is read through calls that fail now and then', async () => {
    const conversation = new Conversation();
    const sent = long(12);
    await conversation.append(sent);
    failCalls('transcript.open', 'after', 1);
    failCalls('transcript.page', 'before', 2);
    expect(await conversation.read()).toEqual(sent);
  });

  it('breaks off with an error where it cannot be read on', async () => {
    const conversation = new Conversation();
    await conversation.append(long(12));
    failCalls('transcript.page', 'before');
    const response = await conversation.get();
    await expect(response.arrayBuffer()).rejects.toThrow();
  });

  it('is read over an eviction', async () => {
    const conversation = new Conversation();
    const sent = long(8);
    await conversation.append(sent);
    const response = await conversation.get();
    await conversation.evict();
    expect(await linesOf(response)).toEqual(sent);
  });
});

describe('a transcript that is deleted while it is read', () => {
  const deletions: readonly (readonly [
    string,
    string | undefined,
    (read: Conversation) => Promise<unknown>,
  ])[] = [
    ['all of it', undefined, (read) => read.delete()],
    [
      'all of it, and written again alike',
      undefined,
      (read) => read.delete().then(() => read.append(long(12))),
    ],
    ['all of it, and its object evicted', undefined, (read) => read.delete().then(() => read.evict())],
    ['its subpath', 'a', (read) => read.delete('a')],
    [
      'its subpath, and written again alike',
      'a',
      (read) => read.delete('a').then(() => read.append(long(12), { subpath: 'a' })),
    ],
    ['all, its subpath being read', 'a', (read) => read.delete()],
  ];

  it.each(deletions)('(%s) breaks off with an error, never with a short 200', async (_, subpath, remove) => {
    const conversation = new Conversation();
    const options = subpath === undefined ? {} : { subpath };
    await conversation.append(long(12), options);
    const response = await conversation.get(options);
    const reader = response.body?.getReader();
    expect((await reader?.read())?.done).toBe(false);
    await remove(conversation);
    const rest = async (): Promise<void> => {
      while ((await reader?.read())?.done === false);
    };
    await expect(rest()).rejects.toThrow();
  });

  it('is read on where another subpath was deleted', async () => {
    const conversation = new Conversation();
    const sent = long(8);
    await conversation.append(sent, { subpath: 'a' });
    await conversation.append(long(1), { subpath: 'b' });
    const response = await conversation.get({ subpath: 'a' });
    await conversation.delete('b');
    expect(await linesOf(response)).toEqual(sent);
  });
});

describe('an append of which a write fails midway', () => {
  it('leaves nothing of it, and what was there', async () => {
    const conversation = new Conversation();
    await conversation.append([{ uuid: 'a' }], { summary: { data: { n: 1 }, ifVersion: 0 } });
    const stub = await conversation.stub();
    let inserts = 0;
    let mend = (): void => undefined;
    await runInDurableObject(stub, (_, { storage: { sql } }) => {
      const exec = sql.exec.bind(sql);
      mend = () => {
        sql.exec = exec;
      };
      sql.exec = ((query: string, ...bindings: unknown[]) => {
        if (query.startsWith('INSERT INTO entries') && (inserts += 1) === 3)
          throw new Error('the disk is full');
        return exec(query, ...bindings);
      }) as typeof sql.exec;
    });
    // So many that they take more than two statements.
    const batch = Array.from({ length: 60 }, (_, i) => ({ uuid: `b${i}` }));
    const options = { key: 'k', summary: { data: { n: 2 }, ifVersion: 1 } };
    await expectProblem(await conversation.post(batch, options), 'internal');
    expect(inserts).toBe(3);
    expect(await conversation.read()).toEqual([{ uuid: 'a' }]);
    expect((await conversation.listed())?.summary?.version).toBe(1);
    mend();
    expect(await conversation.append(batch, options)).toMatchObject({ appended: 60, total: 61 });
    expect(await conversation.read()).toEqual([{ uuid: 'a' }, ...batch]);
  });
});
