import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { env } from 'cloudflare:workers';
import { runInDurableObject } from 'cloudflare:test';
import { TranscriptObject } from '../../src/transcript/transcript-object.ts';
import { duringCall, failCalls, interpose, resetCalls } from '../support/calls.ts';
import { advance, MINUTE, stopClock } from '../support/tenant.ts';
import { Conversation, entries, NOTHING, RETENTION_MS } from '../support/transcripts.ts';

beforeEach(() => {
  stopClock();
  resetCalls();
});
afterEach(() => vi.useRealTimers());

/** Has the next alarm fire, at its time. */
async function nextAlarm(conversation: Conversation): Promise<void> {
  const { alarm } = await conversation.stored();
  if (alarm === null) throw new Error('No alarm stands');
  vi.setSystemTime(Math.max(alarm, Date.now()));
  expect(await conversation.alarm()).toBe(true);
}

/** A transcript that its project knows all of. */
async function quiet(options: { subpath?: string } = {}): Promise<Conversation> {
  const conversation = new Conversation();
  await conversation.append(entries(2), options);
  if (options.subpath === undefined) await nextAlarm(conversation);
  return conversation;
}

describe('a transcript', () => {
  it.each([undefined, 'a'])(
    'stays for the retention time, and is gone then (subpath %s)',
    async (subpath) => {
      const options = subpath === undefined ? {} : { subpath };
      const conversation = new Conversation();
      const { mtime } = await conversation.append(entries(2), options);
      while (((await conversation.stored()).alarm ?? 0) < mtime + RETENTION_MS) await nextAlarm(conversation);
      expect((await conversation.stored()).alarm).toBe(mtime + RETENTION_MS);
      vi.setSystemTime(mtime + RETENTION_MS - 1);
      expect(await conversation.read(subpath)).toHaveLength(2);
      await nextAlarm(conversation);
      expect(await conversation.read(subpath)).toBeNull();
      expect(await conversation.list()).toEqual([]);
      expect(await conversation.stored()).toEqual(NOTHING);
    },
  );

  it.each([undefined, 'a'])('stays longer for each append (to %s), which moves no alarm', async (subpath) => {
    const conversation = await quiet();
    const { alarm } = await conversation.stored();
    advance(RETENTION_MS / 2);
    const { mtime } = await conversation.append(entries(1), subpath === undefined ? {} : { subpath });
    if (subpath === undefined) await nextAlarm(conversation);
    else expect((await conversation.stored()).alarm).toBe(alarm);
    await nextAlarm(conversation);
    if (subpath === undefined) expect((await conversation.stored()).tables).toBe(0);
    else {
      expect(await conversation.read()).toHaveLength(2);
      expect((await conversation.stored()).alarm).toBe(mtime + RETENTION_MS);
      await nextAlarm(conversation);
    }
    expect(Date.now()).toBe(mtime + RETENTION_MS);
    expect(await conversation.stored()).toEqual(NOTHING);
  });

  it('stays longer for an append that adds nothing only if it changes something', async () => {
    const conversation = new Conversation();
    const batch = entries(1);
    const { mtime } = await conversation.append(batch);
    advance(MINUTE);
    expect(await conversation.append(batch)).toEqual({ appended: 0, total: 1, mtime });
  });

  it('that is appended to while it is being deleted keeps the append, and is listed', async () => {
    const conversation = await quiet();
    const sent = entries(3);
    duringCall('project.remove', async () => {
      expect(await conversation.append(sent)).toMatchObject({ appended: 3, total: 3 });
    });
    await nextAlarm(conversation);
    expect(await conversation.read()).toEqual(sent);
    expect(await conversation.list()).toHaveLength(1);
    const { alarm } = await conversation.stored();
    expect(alarm).toBeLessThanOrEqual(Date.now() + MINUTE);
    await nextAlarm(conversation);
    expect(await conversation.read()).toEqual(sent);
    expect(await conversation.list()).toHaveLength(1);
  });

  it('that is appended to, in a subpath alone, while it is being deleted keeps that', async () => {
    const conversation = await quiet();
    const sent = entries(3);
    duringCall('project.remove', async () => {
      await conversation.append(sent, { subpath: 'a' });
    });
    await nextAlarm(conversation);
    expect(await conversation.read()).toBeNull();
    expect(await conversation.read('a')).toEqual(sent);
    expect(await conversation.list()).toEqual([]);
  });

  it('is deleted once its project has been told, however often that fails', async () => {
    const conversation = await quiet();
    failCalls('project.remove', 'before', 3);
    await nextAlarm(conversation);
    expect(await conversation.read()).toBeNull();
    expect((await conversation.stored()).keys).not.toEqual([]);
    for (let times = 0; times < 3; times += 1) {
      await conversation.evict();
      const before = Date.now();
      await nextAlarm(conversation);
      expect(Date.now() - before).toBeLessThanOrEqual(MINUTE);
    }
    expect(await conversation.list()).toEqual([]);
    expect(await conversation.stored()).toEqual(NOTHING);
  });

  it('is not deleted by an alarm that comes late, after an append', async () => {
    const conversation = await quiet({ subpath: 'a' });
    advance(RETENTION_MS + MINUTE);
    await conversation.append(entries(1), { subpath: 'a' });
    await nextAlarm(conversation);
    expect(await conversation.read('a')).toHaveLength(3);
  });

  it.each([undefined, 'a'])('is kept for ever where the setting is 0 (subpath %s)', async (subpath) => {
    const conversation = new Conversation();
    const { project, session } = conversation;
    await runInDurableObject(await conversation.stub(), async (_, ctx) => {
      const object = new TranscriptObject(ctx, { ...interpose(env), TRANSCRIPT_RETENTION_MS: 0 });
      const bytes = new TextEncoder().encode('{}');
      await object.append({
        name: { project, session },
        subpath: subpath ?? '',
        entries: { bytes, lengths: [bytes.byteLength], uuids: [null] },
        summary: null,
        idempotency: null,
      });
      let alarms = 0;
      for (; (await ctx.storage.getAlarm()) !== null; alarms += 1) {
        advance(1_000 * RETENTION_MS);
        await ctx.storage.deleteAlarm();
        await object.alarm();
      }
      expect(alarms).toBeLessThanOrEqual(2);
      expect(object.open(subpath ?? '', 0)?.reading.total).toBe(1);
    });
  });
});
