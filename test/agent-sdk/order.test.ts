import { describe, expect, it } from 'vitest';
import { problemAnswer } from '../support/scripted-fetch.ts';
import { appended, entriesOf, newKey, scriptedStore, typesIn } from '../support/session-stores.ts';

/** A store whose requests are each answered when a test says so. */
function heldStore(requests: number) {
  const answers: (() => void)[] = [];
  const step = () => new Promise<Response>((resolve) => answers.push(() => resolve(appended())));
  return { ...scriptedStore(Array.from({ length: requests }, () => step)), answers };
}

describe('order', () => {
  it('of appends to one transcript is that of the calls: each waits for the one before it', async () => {
    const { store, sent, answers } = heldStore(3);
    const key = newKey();
    const all = Promise.all(['a', 'b', 'c'].map((type) => store.append(key, entriesOf(type))));
    for (const count of [1, 2, 3]) {
      await expect.poll(() => sent.length).toBeGreaterThanOrEqual(count);
      expect(sent).toHaveLength(count);
      answers[count - 1]?.();
    }
    await all;
    expect(sent.map(({ body }) => typesIn(body))).toEqual([['a'], ['b'], ['c']]);
  });

  it('of other transcripts is their own: one that hangs holds up none but itself', async () => {
    const { store } = scriptedStore(['hang', async () => appended()], 200);
    const hanging = store.append(newKey(), entriesOf('a'));
    await store.append(newKey(), entriesOf('b'));
    await expect(hanging).rejects.toMatchObject({ code: 'timeout' });
  });

  it('of a deletion is after all appends to its conversation, and before what is appended then', async () => {
    const { store, sent, answers } = heldStore(4);
    const key = newKey();
    const subagent = { ...key, subpath: 'subagents/a' };
    const all = Promise.all([
      store.append(subagent, entriesOf('a')),
      store.append(key, entriesOf('b')),
      store.delete(key),
      store.append({ ...key, subpath: 'subagents/new' }, entriesOf('c')),
    ]);
    const methods = () => sent.map(({ method }) => method);
    await expect.poll(methods).toEqual(['POST', 'POST']);
    answers[1]?.();
    await new Promise((resolve) => setTimeout(resolve));
    expect(methods()).toEqual(['POST', 'POST']);
    answers[0]?.();
    await expect.poll(methods).toEqual(['POST', 'POST', 'DELETE']);
    await new Promise((resolve) => setTimeout(resolve));
    expect(methods()).toEqual(['POST', 'POST', 'DELETE']);
    answers[2]?.();
    await expect.poll(methods).toEqual(['POST', 'POST', 'DELETE', 'POST']);
    answers[3]?.();
    await all;
  });

  it('of a subagent that is deleted is its own', async () => {
    const { store, sent, answers } = heldStore(2);
    const key = newKey();
    const appending = store.append(key, entriesOf('a'));
    await expect.poll(() => sent.length).toBe(1);
    const deleting = store.delete({ ...key, subpath: 'subagents/a' });
    await expect.poll(() => sent.map(({ method }) => method)).toEqual(['POST', 'DELETE']);
    for (const answer of answers) answer();
    await Promise.all([appending, deleting]);
  });

  it('is kept after a failure', async () => {
    const { store, sent } = scriptedStore([problemAnswer('internal'), appended()]);
    const key = newKey();
    const [first, second] = [store.append(key, entriesOf('a')), store.append(key, entriesOf('b'))];
    await expect(first).rejects.toMatchObject({ code: 'internal' });
    await second;
    expect(sent.map(({ body }) => typesIn(body))).toEqual([['a'], ['b']]);
  });
});
