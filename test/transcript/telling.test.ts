import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import {
  callsMade,
  callsSettled,
  duringCall,
  failCalls,
  resetCalls,
  type FaultKind,
} from '../support/calls.ts';
import { advance, MINUTE, SECOND, stopClock } from '../support/tenant.ts';
import { Conversation, entries, timesTold } from '../support/transcripts.ts';

beforeEach(() => {
  stopClock();
  resetCalls();
});
afterEach(() => vi.useRealTimers());

/** Has the next call of a method take a while. Answers whether that is over. */
function slowly(method: string): () => boolean {
  let over = false;
  duringCall(method, async () => {
    await scheduler.wait(50);
    over = true;
  });
  return () => over;
}

it('a transcript is off the list before its deletion is answered', async () => {
  const conversation = new Conversation();
  await conversation.append(entries(1));
  const told = slowly('project.remove');
  await conversation.delete();
  expect(told()).toBe(true);
  expect(await conversation.list()).toEqual([]);
});

describe('a transcript is listed', () => {
  it('before its first append is answered', async () => {
    const conversation = new Conversation();
    const told = slowly('project.put');
    const { mtime } = await conversation.append(entries(1));
    expect(told()).toBe(true);
    expect(await conversation.list()).toEqual([{ sessionId: 'conversation', mtime }]);
  });

  it('once its main transcript is written: subpaths alone are not listed', async () => {
    const conversation = new Conversation();
    await conversation.append(entries(1), { subpath: 'a' });
    await conversation.pass(MINUTE);
    expect(await conversation.list()).toEqual([]);
    expect(callsMade()).not.toContain('project.put');
    await conversation.append(entries(1));
    expect(await conversation.list()).toHaveLength(1);
  });

  const kinds: readonly FaultKind[] = ['before', 'after', 'hang'];
  it.each(kinds)('within a minute where registering fails (%s), its append being answered', async (kind) => {
    const conversation = new Conversation();
    failCalls('project.put', kind, 1);
    const sent = entries(2);
    const { mtime } = await conversation.append(sent);
    expect(await conversation.read()).toEqual(sent);
    if (kind === 'hang') await conversation.kill();
    await conversation.pass(MINUTE);
    expect(await conversation.list()).toEqual([{ sessionId: 'conversation', mtime }]);
  });

  it('within a minute where its object is lost before it could register', async () => {
    const conversation = new Conversation();
    failCalls('project.put', 'before', 1);
    await conversation.append(entries(1));
    await conversation.kill();
    await conversation.pass(MINUTE);
    expect(await conversation.list()).toHaveLength(1);
  });

  it('within a minute of the end of an outage, however long', async () => {
    const conversation = new Conversation();
    failCalls('project.put', 'before');
    const { mtime } = await conversation.append(entries(1));
    await conversation.pass(10 * MINUTE);
    resetCalls();
    await conversation.pass(MINUTE);
    expect(await conversation.list()).toEqual([{ sessionId: 'conversation', mtime }]);
  });

  it('also as the successor of one that was deleted, where registering has failed', async () => {
    const conversation = new Conversation();
    await conversation.append(entries(1));
    await conversation.delete();
    failCalls('project.put', 'before', 1);
    await conversation.append(entries(1));
    advance(SECOND);
    const { mtime } = await conversation.append(entries(1));
    await conversation.pass(MINUTE);
    expect(await conversation.list()).toEqual([{ sessionId: 'conversation', mtime }]);
  });
});

describe('the project is told', () => {
  it('at once of the first append, then at most every 5 s, and at last of the last', async () => {
    const conversation = new Conversation();
    const told: number[] = [];
    let mtime = 0;
    for (let step = 0; step < 120; step += 1) {
      const before = timesTold();
      if (step < 100) ({ mtime } = await conversation.append(entries(1)));
      await conversation.pass(330);
      if (timesTold() > before) told.push(Date.now());
    }
    const gaps = told.slice(1).map((time, i) => time - (told[i] ?? 0));
    // Time goes on in steps here.
    expect(Math.min(...gaps)).toBeGreaterThanOrEqual(5 * SECOND - 330);
    expect(timesTold()).toBe(told.length);
    await conversation.pass(MINUTE);
    expect(await conversation.listed()).toEqual({ sessionId: 'conversation', mtime });
  });

  it('not sooner than that, though the alarm that told it was for an earlier append', async () => {
    const conversation = new Conversation();
    for (const wait of [SECOND, 4_500, 4_400]) {
      await conversation.append(entries(1));
      await conversation.pass(wait);
    }
    // At 0 s and 5 s; of the append at 5.5 s it is told at 10 s.
    expect(timesTold()).toBe(2);
    await conversation.pass(5 * SECOND);
    expect(timesTold()).toBe(3);
  });

  it('once more after a lone append, and then no more', async () => {
    const conversation = new Conversation();
    await conversation.append(entries(1));
    await conversation.pass(MINUTE);
    resetCalls();
    const { mtime } = await conversation.append(entries(1));
    expect(callsMade()).toEqual(['transcript.append']);
    await conversation.pass(5 * SECOND);
    expect(await conversation.listed()).toMatchObject({ mtime });
    await conversation.pass(60 * MINUTE);
    expect(timesTold()).toBe(1);
  });

  it('at once of a summary, with the mtime', async () => {
    const conversation = new Conversation();
    await conversation.append(entries(1));
    for (let version = 0; version < 3; version += 1) {
      advance(100);
      const summary = { data: { version }, ifVersion: version };
      const { mtime } = await conversation.append(entries(1), { summary });
      await callsSettled();
      const listed = {
        sessionId: 'conversation',
        mtime,
        summary: { data: { version }, version: version + 1 },
      };
      expect(await conversation.listed()).toEqual(listed);
    }
    expect(timesTold()).toBe(4);
  });

  it('of the latest of many summaries, though it did not answer when they came', async () => {
    const conversation = new Conversation();
    await conversation.append(entries(1));
    failCalls('project.put', 'before', 3);
    for (let version = 0; version < 3; version += 1)
      await conversation.append([], { summary: { data: { version }, ifVersion: version } });
    await conversation.pass(MINUTE);
    expect((await conversation.listed())?.summary).toEqual({ data: { version: 2 }, version: 3 });
  });

  it('not of an append that adds nothing, nor of one to a subpath', async () => {
    const conversation = new Conversation();
    const batch = entries(1);
    const { mtime } = await conversation.append(batch);
    await conversation.pass(MINUTE);
    resetCalls();
    await conversation.append(batch);
    await conversation.append(entries(1), { subpath: 'a' });
    await conversation.pass(MINUTE);
    expect(timesTold()).toBe(0);
    expect(await conversation.listed()).toEqual({ sessionId: 'conversation', mtime });
  });

  it('of an mtime that never goes back, though the clock does', async () => {
    const conversation = new Conversation();
    const { mtime } = await conversation.append(entries(1));
    advance(-MINUTE);
    expect((await conversation.append(entries(1))).mtime).toBe(mtime);
    await conversation.pass(MINUTE);
    expect(await conversation.listed()).toMatchObject({ mtime });
  });
});
