import { describe, expect, it } from 'vitest';
import { EdgeSessionStore } from '../../src/agent-sdk/index.ts';
import { problemAnswer, scripted, type Step } from '../support/scripted-fetch.ts';

const KEY = { projectKey: 'p', sessionId: 's' };
const storeOf = (steps: readonly Step[]) => {
  const { client, sent } = scripted(steps);
  return { store: new EdgeSessionStore(client), sent };
};

/** An answer with these lines, of so many that were announced. */
const lines = (total: number, ...entries: object[]) =>
  new Response(entries.map((entry) => `${JSON.stringify(entry)}\n`).join(''), {
    headers: { 'Berth-Total': String(total) },
  });
const [A, B] = [{ type: 'a' }, { type: 'b' }];

describe('load', () => {
  it('reads again from the beginning where the stream breaks off, and never answers a part', async () => {
    const { store, sent } = storeOf([lines(2, A), lines(2, A, B)]);
    expect(await store.load(KEY)).toEqual([A, B]);
    expect(new Set(sent.map(({ url }) => url)).size).toBe(1);
  });

  it('gives up in the end', async () => {
    const { store, sent } = storeOf([lines(2, A), lines(2, A), lines(2, A), lines(2, A, B)]);
    await expect(store.load(KEY)).rejects.toMatchObject({ code: 'connection_failed' });
    expect(sent).toHaveLength(3);
  });

  it('takes only a transcript that is not there for null, not an address that is wrong', async () => {
    expect(await storeOf([problemAnswer('transcript_not_found')]).store.load(KEY)).toBe(null);
    await expect(storeOf([problemAnswer('not_found')]).store.load(KEY)).rejects.toMatchObject({
      status: 404,
    });
    await expect(storeOf([problemAnswer('forbidden')]).store.load(KEY)).rejects.toMatchObject({
      status: 403,
    });
  });
});

describe('lists of several pages', () => {
  const item = (sessionId: string, mtime: number) => ({
    sessionId,
    mtime,
    summary: { data: { mtime }, version: 1 },
  });
  const page = (nextCursor: string | null, ...data: object[]) => Response.json({ data, nextCursor });

  it('have what moved to the front while they were read, and nothing twice', async () => {
    const steps = [
      page('2', item('a', 9), item('b', 8)),
      // c was written to meanwhile: it would be here.
      page(null, item('d', 6)),
      page('2', item('c', 10), item('a', 9)),
    ];
    const { store, sent } = storeOf(steps);
    expect(await store.listSessions('p')).toEqual([
      { sessionId: 'a', mtime: 9 },
      { sessionId: 'b', mtime: 8 },
      { sessionId: 'd', mtime: 6 },
      { sessionId: 'c', mtime: 10 },
    ]);
    expect(sent.map(({ url }) => new URL(url).search)).toEqual([
      '?limit=100',
      '?limit=100&cursor=2',
      '?limit=100',
    ]);
  });

  it('cost one request where there is one page', async () => {
    const { store, sent } = storeOf([page(null, item('a', 9), { sessionId: 'b', mtime: 8 })]);
    expect(await store.listSessionSummaries('p')).toEqual([{ sessionId: 'a', mtime: 9, data: { mtime: 9 } }]);
    expect(sent).toHaveLength(1);
  });
});
