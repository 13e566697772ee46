import { runDurableObjectAlarm } from 'cloudflare:test';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { callsMade, callsSettled, duringCall, failCalls, resetCalls } from '../support/calls.ts';
import { DEFAULTS, NOTHING, Place, quietSession, RETENTION_MS } from '../support/sessions.ts';
import { advance, outcome, stopClock, valueOf } from '../support/tenant.ts';

const TIMEOUT_MS = DEFAULTS.sessionTimeoutMs;
const MAX_RETRY_MS = 300_000;

beforeEach(() => {
  stopClock();
  resetCalls();
});
afterEach(() => vi.useRealTimers());

/** Waits for the next alarm by moving the clock to it, and runs it. Answers how long that was. */
async function nextAlarm(place: Place): Promise<number> {
  const { alarm } = await place.stored();
  if (alarm === null) throw new Error('There is no alarm to wait for');
  const wait = alarm - Date.now();
  vi.setSystemTime(alarm);
  expect(await runDurableObjectAlarm(place.stub)).toBe(true);
  return wait;
}

describe('the report of an expiry that is not answered', () => {
  it.each(['before', 'after'] as const)(
    'is sent again after growing waits (lost %s it came)',
    async (kind) => {
      const place = await quietSession();
      failCalls('registry.report', kind);
      await nextAlarm(place);
      const waits: number[] = [];
      for (let times = 0; times < 12; times += 1) {
        waits.push(await nextAlarm(place));
        await place.evict();
      }
      expect(waits[0]).toBe(5_000);
      expect(waits.at(-1)).toBe(MAX_RETRY_MS);
      expect(waits).toEqual(waits.toSorted((a, b) => a - b));
      expect(new Set(waits).size).toBeGreaterThan(4);
      expect(callsMade()).toHaveLength(13);
    },
  );

  it('is sent until it is answered, and counted once', async () => {
    const place = await quietSession();
    failCalls('registry.report', 'before', 3);
    failCalls('registry.report', 'after', 1);
    for (let times = 0; times < 4; times += 1) await nextAlarm(place);
    const retainUntil = Date.parse(valueOf(await place.session.get()).expiresAt) + RETENTION_MS;
    expect((await place.stored()).alarm).toBeLessThan(retainUntil);
    await nextAlarm(place);
    expect(callsMade()).toHaveLength(5);
    expect((await place.stored()).alarm).toBe(retainUntil);
    expect(await place.registry.stats()).toMatchObject({ activeCount: 0, totalExpired: 1 });
  });

  it('is given up at the end of the retention, when all is deleted', async () => {
    const place = await quietSession();
    failCalls('registry.report', 'before');
    await nextAlarm(place);
    const retainUntil = Date.now() + RETENTION_MS;
    advance(RETENTION_MS - 10_000);
    expect(await runDurableObjectAlarm(place.stub)).toBe(true);
    expect((await place.stored()).alarm).toBe(retainUntil);
    resetCalls();
    await nextAlarm(place);
    expect(callsMade()).toEqual([]);
    expect(await place.stored()).toEqual(NOTHING);
  });

  it('holds for a purge: what was erased stays away, and its mark goes with the answer', async () => {
    const place = await quietSession();
    advance(30_000);
    failCalls('registry.report', 'before', 2);
    valueOf(await place.session.end(true, null));
    expect(outcome(await place.session.get())).toBe('session_not_found');
    expect((await place.stored()).keys).toEqual(['record']);
    await nextAlarm(place);
    expect((await place.stored()).keys).toEqual(['record']);
    await nextAlarm(place);
    expect(await place.registry.stats()).toMatchObject({ totalEnded: 1, totalInMemory: 0 });
    resetCalls();
    await nextAlarm(place);
    expect(callsMade()).toEqual([]);
    expect(await place.stored()).toEqual(NOTHING);
  });
});

describe('an active session that the registry does not know', () => {
  /** Past the registry: the reservation of this create is long gone. */
  async function unadmitted(): Promise<Place> {
    const place = new Place();
    valueOf(await place.session.create(place.id, {}, DEFAULTS, Date.now() + 15_000));
    await place.evict();
    return place;
  }

  it('expires itself, there and then', async () => {
    const place = await unadmitted();
    const session = valueOf(await place.session.get());
    const now = new Date().toISOString();
    expect(session).toMatchObject({ status: 'expired', endReason: 'idle_timeout', endedAt: now });
    expect(outcome(await place.session.touch(1, null))).toBe('session_expired');
    expect((await place.stored()).alarm).toBe(Date.now() + RETENTION_MS);
    expect((await place.registry.stats()).activeCount).toBe(0);
  });

  it('expires itself though it was touched before the answer came', async () => {
    const place = new Place();
    duringCall('registry.report', async () => void valueOf(await place.session.touch(1, null)));
    valueOf(await place.session.create(place.id, {}, DEFAULTS, Date.now() + 15_000));
    await place.evict();
    expect(valueOf(await place.session.get())).toMatchObject({ status: 'expired', messageCount: 1 });
  });

  it('lives again only by admission', async () => {
    const place = await unadmitted();
    await place.registry.setLimits({ maxSessions: 0 });
    expect(outcome(await place.resume())).toBe('max_sessions_reached');
    await place.registry.setLimits({ maxSessions: 1 });
    expect(valueOf(await place.resume()).status).toBe('active');
    expect((await place.registry.stats()).activeCount).toBe(1);
  });

  it('expires itself after the next touch that reports, where the first answer was lost', async () => {
    const place = new Place();
    failCalls('registry.report', 'before', 1);
    valueOf(await place.session.create(place.id, {}, DEFAULTS, Date.now() + 15_000));
    await place.evict();
    expect(valueOf(await place.session.get()).status).toBe('active');
    advance(15_000);
    valueOf(await place.session.touch(1, null));
    await place.evict();
    expect(valueOf(await place.session.get()).status).toBe('expired');
  });
});

describe('a touch', () => {
  it('is reported at the interval that the registry gave, not before', async () => {
    const place = await quietSession();
    advance(14_999);
    valueOf(await place.session.touch(1, null));
    expect(callsMade()).toEqual([]);
    advance(1);
    valueOf(await place.session.touch(1, null));
    expect(callsMade()).toEqual(['registry.report']);
    valueOf(await place.session.touch(1, null));
    await place.evict();
    expect(callsMade()).toHaveLength(1);
    expect((await place.registry.stats()).totalMessages).toBe(2);
  });

  it('is reported at half the timeout at the latest', async () => {
    const place = new Place();
    await place.create({ sessionTimeoutMs: 2_000 });
    await place.evict();
    resetCalls();
    advance(1_000);
    valueOf(await place.session.touch(1, null));
    await place.evict();
    expect(callsMade()).toEqual(['registry.report']);
  });

  it('is reported with one that comes half the interval later, where a report has failed, not before', async () => {
    const place = await quietSession();
    failCalls('registry.report', 'before', 1);
    advance(15_000);
    valueOf(await place.session.touch(1, null));
    await callsSettled();
    advance(7_499);
    valueOf(await place.session.touch(0, null));
    await callsSettled();
    expect(callsMade()).toHaveLength(1);
    advance(1);
    valueOf(await place.session.touch(1, null));
    await place.evict();
    expect(callsMade()).toHaveLength(2);
    expect((await place.registry.stats()).totalMessages).toBe(2);
  });
});

describe('while the registry hangs', () => {
  it('reads and touches are answered, and so is every change but an end', async () => {
    const place = await quietSession();
    failCalls('registry.report', 'hang');
    advance(15_000);
    valueOf(await place.session.touch(1, null));
    expect(callsMade()).toEqual(['registry.report']);
    expect(valueOf(await place.session.get()).messageCount).toBe(1);
    valueOf(await place.session.touch(1, null));
    valueOf(await place.session.patch({ maxTurns: 3 }, DEFAULTS, null));
    valueOf(await place.session.link({ claudeSessionId: 'c' }, null));
    advance(TIMEOUT_MS);
    expect(valueOf(await place.session.get()).status).toBe('expired');
    expect(outcome(await place.session.touch(1, null))).toBe('session_expired');
    await place.kill();
  });

  it('an end is answered all the same, after a moment', async () => {
    const place = await quietSession();
    failCalls('registry.report', 'hang');
    // The wait itself is the point; timers of objects can't be faked.
    const began = performance.now();
    expect(valueOf(await place.session.end(false, null)).status).toBe('ended');
    expect(performance.now() - began).toBeLessThan(2_900);
    await place.kill();
  });
});
