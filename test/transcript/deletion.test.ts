import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { callsMade, callsSettled, duringCall, failCalls, resetCalls } from '../support/calls.ts';
import { MINUTE, stopClock } from '../support/tenant.ts';
import { Conversation, entries, NOTHING } from '../support/transcripts.ts';

beforeEach(() => {
  stopClock();
  resetCalls();
});
afterEach(() => vi.useRealTimers());

describe('a deletion', () => {
  it('takes the transcript off the list before it is answered, and leaves nothing', async () => {
    const conversation = new Conversation();
    await conversation.append(entries(2), { key: 'k', summary: { data: {}, ifVersion: 0 } });
    await conversation.append(entries(2), { subpath: 'a', key: 'k' });
    await conversation.delete();
    expect(await conversation.list()).toEqual([]);
    expect(await conversation.read()).toBeNull();
    expect(await conversation.read('a')).toBeNull();
    expect(await conversation.subpaths()).toEqual([]);
    await callsSettled();
    expect(await conversation.stored()).toEqual(NOTHING);
  });

  it('of what was never written stores nothing and tells nobody', async () => {
    const conversation = new Conversation();
    await conversation.delete();
    await conversation.delete('a');
    expect(await conversation.stored()).toEqual(NOTHING);
    expect(await conversation.storedByProject()).toEqual(NOTHING);
    expect(callsMade().every((method) => method === 'transcript.delete')).toBe(true);
  });

  it('of a subpath leaves the rest, and no trace of it', async () => {
    const conversation = new Conversation();
    const sent = entries(1);
    await conversation.append(sent);
    for (const subpath of ['b', 'a', 'a/b']) await conversation.append(sent, { subpath, key: 'k' });
    expect(await conversation.subpaths()).toEqual(['a', 'a/b', 'b']);
    await conversation.delete('a');
    await conversation.delete('a');
    expect(await conversation.subpaths()).toEqual(['a/b', 'b']);
    expect(await conversation.read('a')).toBeNull();
    expect(await conversation.read('a/b')).toEqual(sent);
    expect(await conversation.read()).toEqual(sent);
  });

  it.each(['before', 'after', 'hang'] as const)(
    'is told by alarm where it fails (%s), and then all is gone',
    async (kind) => {
      const conversation = new Conversation();
      await conversation.append(entries(2));
      // Until then an alarm of the append's would do.
      await conversation.pass(MINUTE);
      failCalls('project.remove', kind, kind === 'hang' ? 1 : 2);
      await conversation.delete();
      expect(await conversation.read()).toBeNull();
      await conversation.delete();
      if (kind === 'hang') await conversation.kill();
      await conversation.pass(MINUTE);
      expect(await conversation.list()).toEqual([]);
      expect(await conversation.stored()).toEqual(NOTHING);
    },
  );

  it('twice at once is one', async () => {
    const conversation = new Conversation();
    await conversation.append(entries(2));
    await Promise.all([conversation.delete(), conversation.delete(), conversation.delete()]);
    await callsSettled();
    expect(callsMade().filter((method) => method === 'project.remove')).toHaveLength(1);
    expect(await conversation.stored()).toEqual(NOTHING);
  });

  it('gives way to an append that comes before the project has answered', async () => {
    const conversation = new Conversation();
    await conversation.append(entries(2));
    const sent = entries(3);
    duringCall('project.remove', async () => {
      expect(await conversation.append(sent)).toMatchObject({ appended: 3, total: 3 });
    });
    await conversation.delete();
    expect(await conversation.read()).toEqual(sent);
    await conversation.pass(MINUTE);
    expect(await conversation.read()).toEqual(sent);
    expect(await conversation.list()).toHaveLength(1);
  });

  it('that could not be told takes the old one off the list, though only a subpath is written again', async () => {
    const conversation = new Conversation();
    await conversation.append(entries(2));
    failCalls('project.remove', 'before', 1);
    await conversation.delete();
    const sent = entries(1);
    await conversation.append(sent, { subpath: 'a' });
    await conversation.pass(MINUTE);
    expect(await conversation.list()).toEqual([]);
    expect(await conversation.read('a')).toEqual(sent);
    // What is written later is listed all the same.
    await conversation.append(entries(1));
    expect(await conversation.list()).toHaveLength(1);
  });

  it('can be undone and done again in the same millisecond', async () => {
    const conversation = new Conversation();
    for (let times = 0; times < 5; times += 1) {
      await conversation.append(entries(1));
      expect(await conversation.list()).toHaveLength(1);
      await conversation.delete();
      expect(await conversation.list()).toEqual([]);
    }
    await callsSettled();
    expect(await conversation.stored()).toEqual(NOTHING);
  });
});
