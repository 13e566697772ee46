import { runDurableObjectAlarm } from 'cloudflare:test';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { callsMade, resetCalls } from '../support/calls.ts';
import { at, DEFAULTS, NOTHING, Place } from '../support/sessions.ts';
import { changeSettings } from '../support/settings.ts';
import { advance, outcome, stopClock, valueOf } from '../support/tenant.ts';

beforeEach(() => {
  stopClock();
  resetCalls();
  changeSettings();
});
afterEach(() => vi.useRealTimers());

/** How long what was erased keeps a late create out, counted from the creation. */
const MARK_LIFETIME_MS = 30_000;

const createAt = (place: Place, deadline: number) =>
  place.session.create(place.id, { maxTurns: 3 }, DEFAULTS, deadline);

describe('create', () => {
  it('holds to the deadline of its reservation, refusing at it', async () => {
    const place = new Place();
    const deadline = await place.reserve();
    vi.setSystemTime(deadline);
    expect(outcome(await createAt(place, deadline))).toBe('overloaded');
    advance(1);
    expect(outcome(await createAt(place, deadline))).toBe('overloaded');
    expect(await place.stored()).toEqual(NOTHING);
    expect(callsMade()).toEqual([]);
    advance(-2);
    expect(valueOf(await createAt(place, deadline)).status).toBe('active');
  });

  it('arms the alarm at the expiry, in the write that makes the session', async () => {
    const place = new Place();
    const session = await place.create({ maxLifetimeMs: 10_000 });
    expect(await place.stored()).toMatchObject({
      keys: ['details', 'record'],
      alarm: at(session.expiresAt),
    });
    expect(at(session.expiresAt)).toBe(at(session.createdAt) + 10_000);
  });

  it('tells the registry off the path of the answer, once', async () => {
    const place = new Place();
    await place.create();
    await place.evict();
    expect(callsMade()).toEqual(['registry.report']);
    expect((await place.registry.stats()).activeCount).toBe(1);
  });

  it('finds at a repeat what is there, unchanged, past the deadline too', async () => {
    const place = new Place();
    const first = await place.create();
    valueOf(await place.session.touch(2, null));
    advance(20_000);
    await place.evict();
    const again = valueOf(await createAt(place, Date.now() - 1));
    expect(again).toMatchObject({ messageCount: 2, config: first.config, revision: 1 });
  });

  it('does not revive at a repeat what has expired or ended', async () => {
    const expired = new Place();
    await expired.create();
    advance(DEFAULTS.sessionTimeoutMs);
    expect(valueOf(await createAt(expired, Date.now() + 1_000)).status).toBe('expired');
    const ended = new Place();
    await ended.create();
    valueOf(await ended.session.end(false, null));
    expect(valueOf(await createAt(ended, Date.now() + 1_000)).status).toBe('ended');
  });
});

describe('a create that was held up while its session was erased', () => {
  it.each([false, true])('does not bring it back (evicted: %s)', async (evicted) => {
    const place = new Place();
    const { createdAt } = await place.create();
    valueOf(await place.session.end(true, null));
    if (evicted) await place.evict();
    advance(14_999);
    expect(outcome(await createAt(place, at(createdAt) + 15_000))).toBe('conflict');
    expect(outcome(await place.session.get())).toBe('session_not_found');
  });

  it.each([0, 2_000])(
    'does not bring it back though nothing is retained (retention: %d ms)',
    async (retentionMs) => {
      changeSettings({ RETENTION_MS: retentionMs });
      const place = new Place();
      const { createdAt } = await place.create({ sessionTimeoutMs: 1_000 });
      advance(1_000 + retentionMs);
      // The expiry, and the end of the retention where that is another alarm.
      expect(await runDurableObjectAlarm(place.stub)).toBe(true);
      await place.evict();
      expect(outcome(await place.session.get())).toBe('session_not_found');
      expect(outcome(await createAt(place, at(createdAt) + 15_000))).toBe('conflict');
      expect((await place.stored()).alarm).toBe(at(createdAt) + MARK_LIFETIME_MS);
      advance(MARK_LIFETIME_MS - 1_000 - retentionMs);
      expect(await runDurableObjectAlarm(place.stub)).toBe(true);
      await place.evict();
      expect(await place.stored()).toEqual(NOTHING);
    },
  );

  it('finds the mark until no reservation can be left, and nothing afterwards', async () => {
    const place = new Place();
    await place.create({ appendSystemPrompt: 'a secret' });
    advance(MARK_LIFETIME_MS);
    valueOf(await place.session.end(true, null));
    await place.evict();
    expect((await place.stored()).keys).toEqual(['record']);
    // However old the session: the reservation may have been given just before the registry knew.
    advance(MARK_LIFETIME_MS - 1);
    expect(outcome(await createAt(place, Date.now() + 1))).toBe('conflict');
    expect((await place.stored()).alarm).toBe(Date.now() + 1);
    advance(1);
    expect(await runDurableObjectAlarm(place.stub)).toBe(true);
    expect(await place.stored()).toEqual(NOTHING);
  });
});
