import { describe, expect, it } from 'vitest';
import { appStore, entriesOf, newKey } from '../support/session-stores.ts';

// What the Agent SDK asks of a SessionStore, in its own comments and in the checks that it publishes.

const [A, B] = ['subagents/agent-a', 'subagents/agent-b'];

describe('append and load', () => {
  it('entries come back deep-equal, in the order of their appends', async () => {
    const [store, key] = [appStore(), newKey()];
    const first = [{ type: 'a', n: 1, nested: { x: [1, { y: null }], 'ü/🦭': '\ud83e' } }, { type: 'b' }];
    await store.append(key, first);
    await store.append(key, entriesOf('c'));
    await store.append(key, entriesOf('d', 'e'));
    expect(await store.load(key)).toEqual([...first, ...entriesOf('c', 'd', 'e')]);
  });

  it('what was never written is null, main transcript and subpath', async () => {
    const [store, key] = [appStore(), newKey()];
    expect(await store.load(key)).toBe(null);
    expect(await store.load({ ...key, subpath: A })).toBe(null);
    await store.append({ ...key, subpath: A }, entriesOf('a'));
    expect(await store.load(key)).toBe(null);
  });

  it('an append of nothing leaves no trace', async () => {
    const [store, key] = [appStore(), newKey()];
    await store.append(key, []);
    expect(await store.load(key)).toBe(null);
    expect(await store.listSessions(key.projectKey)).toEqual([]);
    await store.append(key, entriesOf('a'));
    await store.append(key, []);
    expect(await store.load(key)).toEqual(entriesOf('a'));
  });

  it('a uuid is stored once, what has none as often as it comes', async () => {
    const [store, key] = [appStore(), newKey()];
    const batch = [{ type: 'user', uuid: 'u1' }, { type: 'mode' }, { type: 'user', uuid: 'u2' }];
    await store.append(key, batch);
    await store.append(key, structuredClone(batch));
    expect(await store.load(key)).toEqual([...batch, { type: 'mode' }]);
    await store.append({ ...key, subpath: A }, batch);
    expect(await store.load({ ...key, subpath: A })).toEqual(batch);
  });

  it('subpaths are apart from the main transcript, and projects from one another', async () => {
    const [store, key, other] = [appStore(), newKey(), newKey()];
    const elsewhere = { ...key, projectKey: other.projectKey };
    await store.append(key, entriesOf('main'));
    await store.append({ ...key, subpath: A }, entriesOf('sub'));
    await store.append(elsewhere, entriesOf('elsewhere'));
    expect(await store.load(key)).toEqual(entriesOf('main'));
    expect(await store.load({ ...key, subpath: A })).toEqual(entriesOf('sub'));
    expect(await store.load(elsewhere)).toEqual(entriesOf('elsewhere'));
  });
});

describe('lists', () => {
  it("hold a project's sessions, with the time of the last append in whole milliseconds", async () => {
    const [store, one, two] = [appStore(), newKey(), newKey()];
    const { projectKey } = one;
    const before = Date.now();
    await store.append(one, entriesOf('a'));
    await store.append({ ...two, projectKey }, entriesOf('b'));
    await store.append(two, entriesOf('in another project'));
    const listed = await store.listSessions(projectKey);
    expect(new Set(listed.map(({ sessionId }) => sessionId))).toEqual(
      new Set([one.sessionId, two.sessionId]),
    );
    for (const { mtime } of listed) {
      expect(Number.isInteger(mtime)).toBe(true);
      expect(mtime).toBeGreaterThanOrEqual(before);
      expect(mtime).toBeLessThanOrEqual(Date.now());
    }
    expect(await store.listSessions('never seen')).toEqual([]);
    expect(await store.listSessionSummaries('never seen')).toEqual([]);
  });

  it('leave out sessions that have subpaths only', async () => {
    const [store, key] = [appStore(), newKey()];
    await store.append({ ...key, subpath: A }, entriesOf('sub'));
    expect(await store.listSessions(key.projectKey)).toEqual([]);
    expect(await store.listSessionSummaries(key.projectKey)).toEqual([]);
  });

  it('have summaries folded from every append to the main transcript, at the same time as the session', async () => {
    const [store, key] = [appStore(), newKey()];
    await store.append(key, entriesOf('a', 'b'));
    await store.append({ ...key, subpath: A }, entriesOf('sub'));
    await store.append(key, entriesOf('c'));
    const [{ sessionId, mtime } = { sessionId: '', mtime: 0 }] = await store.listSessions(key.projectKey);
    expect(await store.listSessionSummaries(key.projectKey)).toEqual([
      { sessionId, mtime, data: { types: ['a', 'b', 'c'] } },
    ]);
  });

  it("name a session's subpaths, and not its main transcript", async () => {
    const [store, key, other] = [appStore(), newKey(), newKey()];
    await store.append(key, entriesOf('main'));
    expect(await store.listSubkeys(key)).toEqual([]);
    await store.append({ ...key, subpath: A }, entriesOf('sub'));
    await store.append({ ...key, subpath: B }, entriesOf('sub'));
    await store.append(
      { ...other, projectKey: key.projectKey, subpath: 'subagents/agent-c' },
      entriesOf('c'),
    );
    expect((await store.listSubkeys(key)).toSorted()).toEqual([A, B]);
    expect(await store.listSubkeys(newKey())).toEqual([]);
  });
});

describe('delete', () => {
  it('takes a session with every subpath, and nothing else', async () => {
    const [store, key, other] = [appStore(), newKey(), newKey()];
    const beside = { ...other, projectKey: key.projectKey };
    const elsewhere = { ...key, projectKey: other.projectKey };
    for (const subpath of [A, B]) await store.append({ ...key, subpath }, entriesOf('sub'));
    for (const one of [key, beside, elsewhere]) await store.append(one, entriesOf('main'));
    await store.delete(key);
    for (const one of [key, { ...key, subpath: A }, { ...key, subpath: B }])
      expect(await store.load(one)).toBe(null);
    expect(await store.listSubkeys(key)).toEqual([]);
    expect((await store.listSessions(key.projectKey)).map(({ sessionId }) => sessionId)).toEqual([
      other.sessionId,
    ]);
    for (const one of [beside, elsewhere]) expect(await store.load(one)).toEqual(entriesOf('main'));
  });

  it('takes one subpath alone where it is given', async () => {
    const [store, key] = [appStore(), newKey()];
    await store.append(key, entriesOf('main'));
    for (const subpath of [A, B]) await store.append({ ...key, subpath }, entriesOf('sub'));
    await store.delete({ ...key, subpath: A });
    expect(await store.load({ ...key, subpath: A })).toBe(null);
    expect(await store.load({ ...key, subpath: B })).toEqual(entriesOf('sub'));
    expect(await store.load(key)).toEqual(entriesOf('main'));
  });

  it('of what was never written is no error', async () => {
    const [store, key] = [appStore(), newKey()];
    await store.delete(key);
    await store.delete({ ...key, subpath: A });
    expect(await store.load(key)).toBe(null);
  });

  it('is followed by a session that begins anew, summary and all', async () => {
    const [store, key] = [appStore(), newKey()];
    await store.append(key, [{ type: 'old', uuid: 'u1' }]);
    await store.delete(key);
    await store.append(key, [{ type: 'new', uuid: 'u1' }]);
    expect(await store.load(key)).toEqual([{ type: 'new', uuid: 'u1' }]);
    const [summary] = await store.listSessionSummaries(key.projectKey);
    expect(summary?.data).toEqual({ types: ['new'] });
  });
});
