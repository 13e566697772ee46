import { beforeEach, describe, expect, it } from 'vitest';
import { MAX_APPEND_ENTRIES } from '../../src/contract/limits.ts';
import type { AppendResult } from '../../src/contract/transcript.ts';
import { call } from '../support/api.ts';
import { callsMade, resetCalls } from '../support/calls.ts';
import { expectInvalid, expectProblem } from '../support/problems.ts';
import { send, streamOf } from '../support/raw.ts';
import { Conversation, entries, entry, NOTHING, pathOf } from '../support/transcripts.ts';

const MAX_BODY_BYTES = 16 * 1024 * 1024;

beforeEach(resetCalls);

describe('POST …/entries', () => {
  it('appends in order, and answers how many there are now, and when', async () => {
    const conversation = new Conversation();
    const [first, second] = [entries(3), entries(2)];
    const before = Date.now();
    const one = await conversation.append(first);
    const two = await conversation.append(second);
    expect(one).toEqual({ appended: 3, total: 3, mtime: expect.any(Number) });
    expect(two).toEqual({ appended: 2, total: 5, mtime: expect.any(Number) });
    expect(Number.isInteger(one.mtime)).toBe(true);
    expect(one.mtime).toBeGreaterThanOrEqual(before);
    expect(two.mtime).toBeGreaterThanOrEqual(one.mtime);
    expect(await conversation.read()).toEqual([...first, ...second]);
  });

  it('keeps subpaths apart from the main transcript and from each other', async () => {
    const conversation = new Conversation();
    const streams = { main: entries(2), a: entries(1), 'a/b': entries(3) };
    await conversation.append(streams.main);
    await conversation.append(streams.a, { subpath: 'a' });
    const answer = await conversation.append(streams['a/b'], { subpath: 'a/b' });
    expect(answer).toMatchObject({ appended: 3, total: 3 });
    expect(await conversation.read()).toEqual(streams.main);
    expect(await conversation.read('a')).toEqual(streams.a);
    expect(await conversation.read('a/b')).toEqual(streams['a/b']);
  });

  it('keeps the order of appends that come at once', async () => {
    const conversation = new Conversation();
    const batches = Array.from({ length: 10 }, () => entries(5));
    const answers = await Promise.all(batches.map((batch) => conversation.append(batch)));
    const order = answers.map(({ total }, index) => ({ total, index }));
    const sorted = order.toSorted((a, b) => a.total - b.total).flatMap(({ index }) => batches[index] ?? []);
    expect(await conversation.read()).toEqual(sorted);
  });

  it('stores nothing for an empty append', async () => {
    const conversation = new Conversation();
    expect(await conversation.append([], { key: 'empty' })).toMatchObject({ appended: 0, total: 0 });
    expect(await conversation.append([], { subpath: 'a' })).toMatchObject({ appended: 0, total: 0 });
    expect(await conversation.stored()).toEqual(NOTHING);
    expect(await conversation.storedByProject()).toEqual(NOTHING);
    expect(await conversation.read()).toBeNull();
    expect(callsMade().filter((method) => method.startsWith('project.'))).toEqual([]);
  });

  it('answers the total there is to an empty append, and adds no subpath', async () => {
    const conversation = new Conversation();
    const { mtime } = await conversation.append(entries(2));
    expect(await conversation.append([])).toEqual({ appended: 0, total: 2, mtime });
    expect(await conversation.append([], { subpath: 'a' })).toMatchObject({ appended: 0, total: 0 });
    expect(await conversation.subpaths()).toEqual([]);
  });
});

describe('a body that is not valid', () => {
  const path = `${pathOf('bad', 'bodies')}/entries`;

  it.each([
    [{}, 'entries'],
    [{ entries: null }, 'entries'],
    [{ entries: {} }, 'entries'],
    [{ entries: [1] }, 'entries.0'],
    [{ entries: [{}, 'text'] }, 'entries.1'],
    [{ entries: [null] }, 'entries.0'],
    [{ entries: [[]] }, 'entries.0'],
    [{ entries: [], more: 1 }, 'more'],
    [{ entries: [], summary: null }, 'summary'],
    [{ entries: [], summary: {} }, 'summary.data', 'summary.ifVersion'],
    [{ entries: [], summary: { data: [], ifVersion: 0 } }, 'summary.data'],
    [{ entries: [], summary: { data: {}, ifVersion: -1 } }, 'summary.ifVersion'],
    [{ entries: [], summary: { data: {}, ifVersion: 1.5 } }, 'summary.ifVersion'],
    [{ entries: [], summary: { data: {}, ifVersion: 1, ifMtime: 0.5 } }, 'summary.ifMtime'],
    [{ entries: [], summary: { data: {}, ifVersion: 1, ifMtime: null } }, 'summary.ifMtime'],
    [{ entries: [], summary: { data: {}, ifVersion: 0, more: 1 } }, 'summary.more'],
    [{ entries: [], summary: { data: { long: 'x'.repeat(65_536) }, ifVersion: 0 } }, 'summary.data'],
  ] as [unknown, ...string[]][])('%j names what is wrong', async (body, ...paths) => {
    await expectInvalid(await call('POST', path, { body }), ...paths);
  });

  it.each(['', '{"entries":[', '[1'])('%j is no JSON', async (body) => {
    await expectInvalid(
      await send('POST', path, { body, headers: { 'Content-Type': 'application/json' } }),
      '',
    );
  });

  it('refuses a summary with a subpath, and stores nothing', async () => {
    const conversation = new Conversation();
    const response = await conversation.post([entry()], {
      subpath: 'a',
      summary: { data: {}, ifVersion: 0 },
    });
    await expectInvalid(response, 'summary');
    expect(await conversation.stored()).toEqual(NOTHING);
  });

  it('wants JSON', async () => {
    const response = await send('POST', path, { body: '{}', headers: { 'Content-Type': 'text/plain' } });
    await expectProblem(response, 'unsupported_media_type');
  });

  it.each(['', 'x'.repeat(256), 'ü'])('refuses the idempotency key %j', async (key) => {
    const response = await call('POST', path, { body: { entries: [] }, headers: { 'Idempotency-Key': key } });
    await expectInvalid(response, 'Idempotency-Key');
  });

  it.each(['more=1', 'subpath=a&subpath=b', 'touch=a&touch=b'])('refuses the query %s', async (query) => {
    const response = await call('POST', `${path}?${query}`, { body: { entries: [] } });
    await expectInvalid(response, query.split('=', 1)[0] ?? '');
  });
});

describe('very many entries', () => {
  const post = (body: string) => {
    const { project, session } = new Conversation();
    return call('POST', `${pathOf(project, session)}/entries`, { body });
  };
  const many = (json: string, count: number) => `{"entries":[${Array(count).fill(json).join(',')}]}`;

  it('are too many at once above 100,000', async () => {
    await expectInvalid(await post(many('{}', MAX_APPEND_ENTRIES + 1)), 'entries');
  });

  it('that are none are refused at the first, however many there are', async () => {
    await expectInvalid(await post(many('1', MAX_APPEND_ENTRIES)), 'entries.0');
  });

  it('or fields that are unknown are named up to twenty of them', async () => {
    const fields = Array.from({ length: 100_000 }, (_, i) => `"f${i}":1`);
    const answer = await post(`{"entries":[],${fields.join(',')}}`);
    expect(answer.status).toBe(400);
    expect((await answer.json<{ errors: unknown[] }>()).errors).toHaveLength(20);
  });
});

describe('the size of a body', () => {
  /** A body of exactly this many bytes. */
  function bodyOf(size: number): Uint8Array {
    const [head, tail] = ['{"entries":[{"text":"', '"}]}'];
    return new TextEncoder().encode(head + 'x'.repeat(size - head.length - tail.length) + tail);
  }
  const headers = { 'Content-Type': 'application/json' };

  it('may be 16 MiB', async () => {
    const conversation = new Conversation();
    const body = bodyOf(MAX_BODY_BYTES);
    const response = await send('POST', `${conversation.path}/entries`, { body, headers });
    expect(await response.json<AppendResult>()).toMatchObject({ appended: 1, total: 1 });
    const [read] = (await conversation.read()) ?? [];
    expect(read).toEqual({ text: 'x'.repeat(body.byteLength - 25) });
  });

  it.each(['known', 'unknown'])('may not be more, its length being %s', async (length) => {
    const conversation = new Conversation();
    const bytes = bodyOf(MAX_BODY_BYTES + 1);
    const body = length === 'known' ? bytes : streamOf(bytes, 1_000_000);
    const response = await send('POST', `${conversation.path}/entries`, { body, headers });
    await expectProblem(response, 'payload_too_large');
    expect(await conversation.stored()).toEqual(NOTHING);
  });
});
