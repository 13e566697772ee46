import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { callsMade, callsSettled, resetCalls } from '../support/calls.ts';
import { resetRows, rowsWritten } from '../support/meter.ts';
import { advance, MINUTE, stopClock } from '../support/tenant.ts';
import { Conversation, entries } from '../support/transcripts.ts';

beforeEach(() => stopClock());
afterEach(() => vi.useRealTimers());

/** A transcript of which everyone knows all, with nothing counted yet. */
async function quiet(): Promise<Conversation> {
  const conversation = new Conversation();
  await conversation.append(entries(1));
  advance(MINUTE);
  expect(await conversation.alarm()).toBe(true);
  resetCalls();
  resetRows();
  return conversation;
}

const rows = async (conversation: Conversation): Promise<number> => {
  await callsSettled();
  return rowsWritten(await conversation.objectName());
};

describe('an append of n entries', () => {
  it.each([1, 2, 20, 500])('(%i) writes at most 2 n + 2 rows, with one call', async (n) => {
    const conversation = await quiet();
    await conversation.append(entries(n));
    expect(callsMade()).toEqual(['transcript.append']);
    expect(await rows(conversation)).toBeLessThanOrEqual(2 * n + 2);
  });

  it.each([1, 20])('(%i) writes no more where others came shortly before', async (n) => {
    const conversation = await quiet();
    await conversation.append(entries(1));
    resetRows();
    await conversation.append(entries(n));
    expect(await rows(conversation)).toBe(2 * n + 1);
  });

  it('writes one row an entry that has no uuid', async () => {
    const conversation = await quiet();
    await conversation.append([{}, {}, {}]);
    expect(await rows(conversation)).toBeLessThanOrEqual(3 + 2);
  });

  it.each([1, 20])('(%i) of a new subpath writes no more', async (n) => {
    const conversation = await quiet();
    await conversation.append(entries(n), { subpath: 'a' });
    expect(await rows(conversation)).toBe(2 * n + 2);
    resetRows();
    await conversation.append(entries(n), { subpath: 'a' });
    expect(await rows(conversation)).toBe(2 * n + 1);
  });

  it('writes one row more with an idempotency key, none with a summary', async () => {
    const conversation = await quiet();
    await conversation.append(entries(3), { key: 'k' });
    expect(await rows(conversation)).toBeLessThanOrEqual(2 * 3 + 2 + 1);
    resetRows();
    await conversation.append(entries(3), { summary: { data: {}, ifVersion: 0 } });
    expect(await rows(conversation)).toBeLessThanOrEqual(2 * 3 + 2);
  });

  it('writes nothing where all was there, where it is repeated, where it is refused', async () => {
    const conversation = await quiet();
    const batch = entries(3);
    await conversation.append(batch, { key: 'k' });
    await callsSettled();
    resetRows();
    await conversation.append(batch);
    await conversation.append(batch, { key: 'k' });
    await conversation.append([]);
    expect((await conversation.post(entries(3), { summary: { data: {}, ifVersion: 9 } })).status).toBe(409);
    expect(await rows(conversation)).toBe(0);
  });

  it('the first of all writes no more beside the tables, and what its project hears', async () => {
    const conversation = new Conversation();
    resetRows();
    await conversation.append([{}]);
    const first = await rows(conversation);
    resetRows();
    const other = new Conversation();
    await other.append(Array.from({ length: 11 }, () => ({})));
    expect((await rows(other)) - first).toBe(10);
    expect(first).toBeLessThanOrEqual(20);
  });
});

describe('reading', () => {
  it('writes nothing, and takes one call a page', async () => {
    const conversation = await quiet();
    await conversation.append(entries(10));
    await callsSettled();
    resetCalls();
    resetRows();
    expect(await conversation.read()).toHaveLength(11);
    expect(callsMade()).toEqual(['transcript.open']);
    await conversation.subpaths();
    await conversation.list();
    expect(callsMade()).toEqual(['transcript.open', 'transcript.subpaths', 'project.list']);
    expect(await rows(conversation)).toBe(0);
  });
});
