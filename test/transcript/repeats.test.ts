import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { callsMade, failCalls, resetCalls } from '../support/calls.ts';
import { expectProblem } from '../support/problems.ts';
import { advance, MINUTE, stopClock } from '../support/tenant.ts';
import { Conversation, entries, entry } from '../support/transcripts.ts';

beforeEach(() => {
  stopClock();
  resetCalls();
});
afterEach(() => vi.useRealTimers());

describe('an append with an Idempotency-Key', () => {
  it('changes nothing when repeated, and is answered alike', async () => {
    const conversation = new Conversation();
    // Without a uuid nothing else would keep it from being appended twice.
    const batch = [{ n: 1 }, { n: 2 }];
    const first = await conversation.append(batch, { key: 'one' });
    await conversation.append([{ n: 3 }]);
    expect(await conversation.append(batch, { key: 'one' })).toEqual(first);
    await conversation.evict();
    expect(await conversation.append(batch, { key: 'one' })).toEqual(first);
    expect(await conversation.read()).toEqual([...batch, { n: 3 }]);
  });

  it('is refused with another body, an empty one too', async () => {
    const conversation = new Conversation();
    await conversation.append([{ n: 1 }], { key: 'one' });
    for (const batch of [[{ n: 2 }], [{ n: 1 }, { n: 2 }], []])
      await expectProblem(await conversation.post(batch, { key: 'one' }), 'idempotency_key_reused');
    expect(await conversation.read()).toEqual([{ n: 1 }]);
  });

  it('is remembered among the last 64', async () => {
    const conversation = new Conversation();
    for (let n = 0; n < 65; n += 1) await conversation.append([{ n }], { key: `key ${n}` });
    expect(await conversation.append([{ n: 1 }], { key: 'key 1' })).toMatchObject({ appended: 1, total: 2 });
    expect(await conversation.append([{ n: 64 }], { key: 'key 64' })).toMatchObject({ total: 65 });
    // The first is forgotten: this is an append again.
    expect(await conversation.append([{ n: 0 }], { key: 'key 0' })).toMatchObject({ appended: 1, total: 66 });
  });

  it('does not count a repeat as another key', async () => {
    const conversation = new Conversation();
    for (let n = 0; n < 64; n += 1) await conversation.append([{ n }], { key: `key ${n}` });
    for (let times = 0; times < 3; times += 1) await conversation.append([{ n: 63 }], { key: 'key 63' });
    expect(await conversation.append([{ n: 0 }], { key: 'key 0' })).toMatchObject({ appended: 1, total: 1 });
  });

  it('is another one in another transcript, in another subpath, and after a deletion', async () => {
    const conversation = new Conversation();
    const repeat = { key: 'one' };
    await conversation.append([{}], repeat);
    expect(await conversation.append([{}], { ...repeat, subpath: 'a' })).toMatchObject({ total: 1 });
    expect(await new Conversation().append([{}, {}], repeat)).toMatchObject({ total: 2 });
    await conversation.delete('a');
    expect(await conversation.append([{}, {}], { ...repeat, subpath: 'a' })).toMatchObject({ total: 2 });
    await conversation.delete();
    expect(await conversation.append([{}, {}, {}], repeat)).toMatchObject({ appended: 3, total: 3 });
  });

  it('was carried out once though its answer was lost, and the Worker has tried again', async () => {
    const conversation = new Conversation();
    failCalls('transcript.append', 'after', 2);
    expect(await conversation.append([{ n: 1 }], { key: 'one' })).toMatchObject({ appended: 1, total: 1 });
    expect(callsMade().filter((method) => method === 'transcript.append')).toHaveLength(3);
    expect(await conversation.read()).toEqual([{ n: 1 }]);
  });
});

it('an append without a key is not tried again by itself, and says that it may have been', async () => {
  const conversation = new Conversation();
  failCalls('transcript.append', 'after', 1);
  await expectProblem(await conversation.post([{ n: 1 }]), 'overloaded');
  expect(await conversation.read()).toEqual([{ n: 1 }]);
});

describe('a summary', () => {
  const data = { title: 'ü', nested: { list: [1, null], ['__proto__']: 'x' } };

  it('is listed, and replaced where its version is named', async () => {
    const conversation = new Conversation();
    await conversation.append(entries(1), { summary: { data, ifVersion: 0 } });
    expect((await conversation.listed())?.summary).toEqual({ data, version: 1 });
    await conversation.append(entries(1), { summary: { data: { n: 2 }, ifVersion: 1 } });
    expect((await conversation.listed())?.summary).toEqual({ data: { n: 2 }, version: 2 });
  });

  it('keeps an own __proto__', async () => {
    const conversation = new Conversation();
    const own = JSON.parse('{"__proto__":{"a":1}}') as Record<string, never>;
    await conversation.append([entry()], { summary: { data: own, ifVersion: 0 } });
    expect(JSON.stringify((await conversation.listed())?.summary?.data)).toBe('{"__proto__":{"a":1}}');
  });

  it.each([0, 2, 99])(
    'is refused at version %i where 1 is stored, with what is stored',
    async (ifVersion) => {
      const conversation = new Conversation();
      await conversation.append(entries(1), { summary: { data, ifVersion: 0 } });
      const response = await conversation.post(entries(2), { summary: { data: {}, ifVersion } });
      expect(response.status).toBe(409);
      expect(await response.json()).toMatchObject({ code: 'conflict', current: { data, version: 1 } });
      expect(await conversation.read()).toHaveLength(1);
      expect((await conversation.listed())?.summary).toEqual({ data, version: 1 });
    },
  );

  it('is refused where there is none yet and one is named; nothing is stored', async () => {
    const conversation = new Conversation();
    const response = await conversation.post(entries(2), { summary: { data, ifVersion: 1 } });
    expect(response.status).toBe(409);
    expect(await response.json()).toMatchObject({ code: 'conflict', current: null });
    expect(await conversation.read()).toBeNull();
    expect((await conversation.stored()).keys).toEqual([]);
  });

  it('of two writers at once is written by one; the other loses nothing by trying again', async () => {
    const conversation = new Conversation();
    const write = async (n: number): Promise<number> => {
      for (let [ifVersion, counts, tries] = [0, [] as number[], 0]; ; tries += 1) {
        const summary = { data: { counts: [...counts, n] }, ifVersion };
        const response = await conversation.post([{ n }], { summary });
        const body = await response.json<{ current: { data: { counts: number[] }; version: number } }>();
        if (response.status === 200) return tries;
        ({
          data: { counts },
          version: ifVersion,
        } = body.current);
      }
    };
    await Promise.all([1, 2, 3, 4].map(write));
    const summary = (await conversation.listed())?.summary;
    expect(summary?.version).toBe(4);
    expect(new Set(summary?.data['counts'] as number[])).toEqual(new Set([1, 2, 3, 4]));
    expect(await conversation.read()).toHaveLength(4);
  });

  it('whose append is repeated with its key is a success, not a conflict', async () => {
    const conversation = new Conversation();
    const options = { key: 'one', summary: { data, ifVersion: 0 } };
    const first = await conversation.append([{ n: 1 }], options);
    expect(await conversation.append([{ n: 1 }], options)).toEqual(first);
    expect((await conversation.listed())?.summary).toEqual({ data, version: 1 });
    expect(await conversation.read()).toEqual([{ n: 1 }]);
  });

  it('that conflicted does not use up its key', async () => {
    const conversation = new Conversation();
    await conversation.append(entries(1), { summary: { data, ifVersion: 0 } });
    expect((await conversation.post([{ n: 1 }], { key: 'k', summary: { data, ifVersion: 0 } })).status).toBe(
      409,
    );
    await conversation.append([{ n: 1 }], { key: 'k', summary: { data, ifVersion: 1 } });
    expect((await conversation.listed())?.summary?.version).toBe(2);
  });

  it('can come without entries, before the first and after', async () => {
    const conversation = new Conversation();
    await conversation.append([], { summary: { data, ifVersion: 0 } });
    expect(await conversation.listed()).toBeUndefined();
    await conversation.append(entries(1));
    expect((await conversation.listed())?.summary).toEqual({ data, version: 1 });
    await conversation.append([], { summary: { data: {}, ifVersion: 1 } });
    expect((await conversation.listed())?.summary).toEqual({ data: {}, version: 2 });
  });

  it('is replaced only if it was written when its writer says, where that is said', async () => {
    const conversation = new Conversation();
    const { mtime } = await conversation.append(entries(1), { summary: { data, ifVersion: 0 } });
    advance(MINUTE);
    const later = await conversation.append(entries(1));
    for (const ifMtime of [0, mtime - 1, later.mtime]) {
      const response = await conversation.post(entries(2), { summary: { data: {}, ifVersion: 1, ifMtime } });
      expect(response.status).toBe(409);
      expect(await response.json()).toMatchObject({ code: 'conflict', current: { data, version: 1 } });
    }
    expect(await conversation.read()).toHaveLength(2);
    await conversation.append(entries(1), { summary: { data: {}, ifVersion: 1, ifMtime: mtime } });
    expect((await conversation.listed())?.summary).toEqual({ data: {}, version: 2 });
  });

  it('is not replaced by one that was made of a transcript that is deleted', async () => {
    const conversation = new Conversation();
    const { mtime: ifMtime } = await conversation.append(entries(1), { summary: { data, ifVersion: 0 } });
    await conversation.delete();
    advance(1);
    await conversation.append(entries(1), { summary: { data: { n: 2 }, ifVersion: 0 } });
    const late = await conversation.post(entries(1), { summary: { data, ifVersion: 1, ifMtime } });
    expect(late.status).toBe(409);
    expect((await conversation.listed())?.summary).toEqual({ data: { n: 2 }, version: 1 });
  });

  it('that has none to replace is stored, whatever it says of when that was', async () => {
    const conversation = new Conversation();
    await conversation.append(entries(1), { summary: { data, ifVersion: 0, ifMtime: 5 } });
    expect((await conversation.listed())?.summary).toEqual({ data, version: 1 });
  });

  it('is gone with its transcript', async () => {
    const conversation = new Conversation();
    await conversation.append(entries(1), { summary: { data, ifVersion: 0 } });
    await conversation.delete();
    await conversation.append(entries(1), { summary: { data: {}, ifVersion: 0 } });
    expect((await conversation.listed())?.summary).toEqual({ data: {}, version: 1 });
  });
});
