import { describe, expect, it } from 'vitest';
import { EdgeSessionStore, type FoldSessionSummary } from '../../src/agent-sdk/index.ts';
import { MAX_METADATA_DEPTH } from '../../src/contract/limits.ts';
import { appClient } from '../support/app-fetch.ts';
import { appStore, entriesOf, foldTypes, newKey } from '../support/session-stores.ts';

/** Objects in one another. */
function nested(levels: number): Record<string, unknown> {
  let data = {};
  for (let level = 1; level < levels; level += 1) data = { data };
  return data;
}

const throws = (): never => {
  throw new Error('The fold has a bug');
};

const summaryOf = async (store: EdgeSessionStore, projectKey: string) =>
  (await store.listSessionSummaries(projectKey)).map(({ data }) => data);

describe('summaries', () => {
  it('of two writers in turn are folded into one another', async () => {
    const [one, other, key] = [appStore(), appStore(), newKey()];
    for (const [store, type] of [
      [one, 'a'],
      [other, 'b'],
      [one, 'c'],
      [other, 'd'],
    ] as const)
      await store.append(key, entriesOf(type));
    expect(await summaryOf(one, key.projectKey)).toEqual([{ types: ['a', 'b', 'c', 'd'] }]);
    expect(await one.load(key)).toEqual(entriesOf('a', 'b', 'c', 'd'));
  });

  it('of two writers at once lose nothing', async () => {
    const [one, other, key] = [appStore(), appStore(), newKey()];
    const types = Array.from({ length: 6 }, (_, number) => `${number}`);
    await Promise.all(
      types.flatMap((type) => [one, other].map((store) => store.append(key, entriesOf(type)))),
    );
    const stored = (await one.load(key)) ?? [];
    expect(stored).toHaveLength(12);
    expect(await summaryOf(one, key.projectKey)).toEqual([{ types: stored.map(({ type }) => type) }]);
  });

  it('are folded from nothing after another writer has deleted the session', async () => {
    const [one, other, key] = [appStore(), appStore(), newKey()];
    await one.append(key, entriesOf('a'));
    await other.delete(key);
    await one.append(key, entriesOf('b'));
    expect(await summaryOf(one, key.projectKey)).toEqual([{ types: ['b'] }]);
  });

  it('are folded from nothing of a deleted session, though one as long has taken its place', async () => {
    const [one, other, key] = [appStore(), appStore(), newKey()];
    await one.append(key, entriesOf('a'));
    await other.delete(key);
    await other.append(key, entriesOf('b'));
    await one.append(key, entriesOf('c'));
    expect(await summaryOf(one, key.projectKey)).toEqual([{ types: ['b', 'c'] }]);
  });

  it('cost one request an append, but for the first in a conversation that another has begun', async () => {
    const key = newKey();
    await appStore().append(key, entriesOf('a'));
    const keys: string[] = [];
    const client = appClient();
    const append = client.transcripts.append.bind(client.transcripts);
    client.transcripts.append = (ref, body, options) => {
      keys.push(options?.idempotencyKey ?? '');
      return append(ref, body, options);
    };
    const store = new EdgeSessionStore(client, { foldSessionSummary: foldTypes });
    for (const type of ['b', 'c', 'd']) await store.append(key, entriesOf(type));
    // The one that met a conflict was not stored, and its body is another than that of the next.
    expect(keys).toHaveLength(4);
    expect(new Set(keys).size).toBe(4);
  });
});

describe('without a summary', () => {
  it('where there is no SDK to fold it, sessions are listed, and left to be read', async () => {
    const [store, key] = [new EdgeSessionStore(appClient()), newKey()];
    await store.append(key, entriesOf('a'));
    await store.append(key, entriesOf('b'));
    expect(await store.load(key)).toEqual(entriesOf('a', 'b'));
    expect(await store.listSessions(key.projectKey)).toHaveLength(1);
    expect(await store.listSessionSummaries(key.projectKey)).toEqual([]);
  });

  it('an old one is taken away, rather than left to mislead, and none is folded from its middle', async () => {
    const [store, key] = [appStore(), newKey()];
    await store.append(key, entriesOf('a'));
    await new EdgeSessionStore(appClient()).append(key, entriesOf('b'));
    expect(await summaryOf(store, key.projectKey)).toEqual([]);
    await appStore().append(key, entriesOf('c'));
    expect(await summaryOf(store, key.projectKey)).toEqual([]);
    expect(await store.load(key)).toEqual(entriesOf('a', 'b', 'c'));
  });

  it.each<[what: string, fold: () => unknown]>([
    ['too long', () => ({ data: { text: 'ü'.repeat(40_000) } })],
    ['too deep', () => ({ data: nested(MAX_METADATA_DEPTH + 1) })],
    ['so deep that it can not be written', () => ({ data: nested(100_000) })],
    ['with a number out of range', () => ({ data: { mtime: [Infinity] } })],
    ['with what JSON does not have', () => ({ data: { mtime: 1n } })],
    ['a list', () => ({ data: ['text'] })],
    ['a text', () => ({ data: 'text' })],
    ['not there', () => undefined],
    ['an error', throws],
  ])('one that can not be stored costs no entries: %s', async (_, fold) => {
    const key = newKey();
    const store = appStore({ foldSessionSummary: fold as FoldSessionSummary });
    await store.append(key, entriesOf('a'));
    await store.append(key, entriesOf('b'));
    expect(await store.load(key)).toEqual(entriesOf('a', 'b'));
    expect(await summaryOf(store, key.projectKey)).toEqual([]);
  });

  it('one as deep as can be stored is stored', async () => {
    const [key, data] = [newKey(), nested(MAX_METADATA_DEPTH)];
    const store = appStore({ foldSessionSummary: () => ({ sessionId: '', mtime: 0, data }) });
    await store.append(key, entriesOf('a'));
    expect(await summaryOf(store, key.projectKey)).toEqual([data]);
  });
});
