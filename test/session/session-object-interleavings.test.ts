import { runDurableObjectAlarm } from 'cloudflare:test';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { toReport } from '../../src/session/view.ts';
import * as lifecycle from '../../src/session/lifecycle.ts';
import { callsMade, duringCall, failCalls, resetCalls } from '../support/calls.ts';
import { at, DEFAULTS, Place, quietSession, RETENTION_MS } from '../support/sessions.ts';
import { advance, outcome, stopClock, valueOf } from '../support/tenant.ts';

const TIMEOUT_MS = DEFAULTS.sessionTimeoutMs;

beforeEach(() => {
  stopClock();
  resetCalls();
});
afterEach(() => vi.useRealTimers());

/** A resumed session is alive, holds one slot, and wakes at its expiry. */
async function expectResumed(place: Place): Promise<void> {
  await place.evict();
  const session = valueOf(await place.session.get());
  expect(session).toMatchObject({ status: 'active', revision: 3 });
  expect(session).not.toHaveProperty('endedAt');
  expect((await place.stored()).alarm).toBe(at(session.expiresAt));
  expect(await place.registry.stats()).toMatchObject({ activeCount: 1, totalExpired: 1, totalCreated: 1 });
}

describe('a resume', () => {
  it('while the report of the expiry, found by a read, is on its way', async () => {
    const place = await quietSession();
    advance(TIMEOUT_MS);
    duringCall('registry.report', async () => void valueOf(await place.resume()));
    expect(valueOf(await place.session.get()).status).toBe('expired');
    await expectResumed(place);
  });

  it('during the await of the alarm', async () => {
    const place = await quietSession();
    advance(TIMEOUT_MS);
    duringCall('registry.report', async () => void valueOf(await place.resume()));
    expect(await runDurableObjectAlarm(place.stub)).toBe(true);
    await expectResumed(place);
  });

  it('during the await of a retry of the report', async () => {
    const place = await quietSession();
    advance(TIMEOUT_MS);
    failCalls('registry.report', 'before', 1);
    expect(await runDurableObjectAlarm(place.stub)).toBe(true);
    advance(5_000);
    duringCall('registry.report', async () => void valueOf(await place.resume()));
    expect(await runDurableObjectAlarm(place.stub)).toBe(true);
    await expectResumed(place);
  });

  it('before the report of the expiry has arrived, which then says nothing new', async () => {
    const place = await quietSession();
    advance(TIMEOUT_MS);
    const expired = await place.session.settle();
    if (expired === null) throw new Error('The session should be there');
    valueOf(await place.resume());
    expect(await place.registry.report(place.id, expired)).toMatchObject({ admitted: true });
    await expectResumed(place);
  });

  it('planned before another one came through finds the session active', async () => {
    const place = await quietSession();
    advance(TIMEOUT_MS);
    const { next } = valueOf(await place.session.planResume());
    valueOf(await place.resume());
    const again = await place.session.resume(next?.version ?? 0, Date.now() + 15_000);
    expect(valueOf(again)).toMatchObject({ status: 'active', revision: 3 });
  });

  it('planned before the session was resumed and expired again is refused', async () => {
    const place = await quietSession();
    advance(TIMEOUT_MS);
    const { next } = valueOf(await place.session.planResume());
    valueOf(await place.resume());
    advance(TIMEOUT_MS);
    const late = await place.session.resume(next?.version ?? 0, Date.now() + 15_000);
    expect(outcome(late)).toBe('conflict');
    expect(valueOf(await place.session.get()).status).toBe('expired');
  });

  it('at or past its deadline is refused, and at the absolute lifetime', async () => {
    const place = new Place();
    await place.create({ maxLifetimeMs: 70_000 });
    advance(TIMEOUT_MS);
    const { next } = valueOf(await place.session.planResume());
    const version = next?.version ?? 0;
    expect(outcome(await place.session.resume(version, Date.now()))).toBe('overloaded');
    advance(10_000);
    expect(outcome(await place.session.resume(version, Date.now() + 15_000))).toBe('session_expired');
    expect(outcome(await place.session.planResume())).toBe('session_expired');
  });
});

describe('a patch of the timeout', () => {
  it('to a shorter one that is due at once expires the session, which the registry hears', async () => {
    const place = await quietSession();
    const { lastActivity } = valueOf(await place.session.get());
    advance(30_000);
    const patched = valueOf(await place.session.patch({ sessionTimeoutMs: 20_000 }, DEFAULTS, null));
    expect(patched).toMatchObject({ status: 'expired', endReason: 'idle_timeout' });
    expect(at(patched.endedAt)).toBe(at(lastActivity) + 20_000);
    await place.evict();
    expect((await place.stored()).alarm).toBe(at(lastActivity) + 20_000 + RETENTION_MS);
    expect(outcome(await place.session.touch(1, null))).toBe('session_expired');
    expect(await place.registry.stats()).toMatchObject({ activeCount: 0, totalExpired: 1 });
  });

  it('to a shorter one moves the alarm, to a longer one leaves it', async () => {
    const place = await quietSession();
    const { alarm } = await place.stored();
    const longer = valueOf(await place.session.patch({ sessionTimeoutMs: 90_000 }, DEFAULTS, null));
    expect((await place.stored()).alarm).toBe(alarm);
    expect(at(longer.expiresAt)).toBe(Date.now() + 90_000);
    const shorter = valueOf(await place.session.patch({ sessionTimeoutMs: 20_000 }, DEFAULTS, null));
    expect((await place.stored()).alarm).toBe(at(shorter.expiresAt));
  });
});

describe('while a report is on its way', () => {
  it('a touch is not lost', async () => {
    const place = await quietSession();
    advance(15_000);
    duringCall('registry.report', async () => void valueOf(await place.session.touch(4, null)));
    valueOf(await place.session.touch(1, null));
    await place.evict();
    expect(valueOf(await place.session.get()).messageCount).toBe(5);
  });

  it('an end stands, whatever the answer says of the session as it was', async () => {
    // Never admitted: the answer to its first report is that it must not live.
    const place = new Place();
    duringCall('registry.report', async () => void valueOf(await place.session.end(false, null)));
    valueOf(await place.session.create(place.id, {}, DEFAULTS, Date.now() + 1));
    await place.evict();
    expect(valueOf(await place.session.get())).toMatchObject({ status: 'ended', revision: 2 });
  });

  it('an end is reported again, though an answer comes to what was reported before it', async () => {
    const place = await quietSession();
    advance(15_000);
    duringCall('registry.report', async () => {
      failCalls('registry.report', 'before', 1);
      valueOf(await place.session.end(false, null));
    });
    valueOf(await place.session.touch(1, null));
    await place.evict();
    expect((await place.stored()).alarm).toBe(Date.now() + 5_000);
    advance(5_000);
    expect(await runDurableObjectAlarm(place.stub)).toBe(true);
    expect(callsMade()).toHaveLength(3);
  });

  it('a resume stands, though the session was refused as it was before', async () => {
    const place = new Place();
    duringCall('registry.report', async () => {
      advance(TIMEOUT_MS);
      valueOf(await place.resume());
    });
    valueOf(await place.session.create(place.id, {}, DEFAULTS, Date.now() + 1));
    await place.evict();
    expect(valueOf(await place.session.get())).toMatchObject({ status: 'active', revision: 3 });
  });

  it('a purge erases, and no late answer brings back what was there', async () => {
    const place = await quietSession();
    advance(TIMEOUT_MS);
    duringCall('registry.report', async () => void valueOf(await place.session.end(true, null)));
    expect(await runDurableObjectAlarm(place.stub)).toBe(true);
    await place.evict();
    expect(outcome(await place.session.get())).toBe('session_not_found');
    expect((await place.stored()).keys).toEqual(['record']);
    expect(await place.registry.stats()).toMatchObject({ totalExpired: 1, totalInMemory: 0 });
    advance(30_000);
    expect(await runDurableObjectAlarm(place.stub)).toBe(true);
    expect((await place.stored()).keys).toEqual([]);
  });

  it('the end of the retention deletes nothing of a session that was resumed', async () => {
    const place = await quietSession();
    advance(TIMEOUT_MS);
    expect(await runDurableObjectAlarm(place.stub)).toBe(true);
    valueOf(await place.resume());
    advance(1);
    expect(await runDurableObjectAlarm(place.stub)).toBe(true);
    expect(valueOf(await place.session.get()).status).toBe('active');
  });
});

describe('a report of a session that was purged', () => {
  it('late, of when it was active, takes no slot', async () => {
    const place = await quietSession();
    const active = toReport(lifecycle.create(place.id, {}, DEFAULTS, Date.now()));
    valueOf(await place.session.end(true, null));
    expect(await place.registry.report(place.id, active)).toMatchObject({ admitted: false });
    expect(await place.registry.stats()).toMatchObject({ activeCount: 0, totalInMemory: 0, totalEnded: 1 });
  });
});

describe('an object that is killed between its write and its report', () => {
  const CHANGES: readonly (readonly [string, string, (place: Place) => Promise<unknown>])[] = [
    ['end', 'ended', (place) => place.session.end(false, null)],
    [
      'expiry',
      'expired',
      async (place) => {
        advance(TIMEOUT_MS);
        return runDurableObjectAlarm(place.stub);
      },
    ],
    ['patch that expires it', 'expired', (place) => shorten(place)],
  ];
  const shorten = (place: Place) => {
    advance(30_000);
    return place.session.patch({ sessionTimeoutMs: 1_000 }, DEFAULTS, null);
  };

  it.each(CHANGES)('%s: reports when it is back, and gives its slot up once', async (_, status, change) => {
    const place = await quietSession();
    failCalls('registry.report', 'hang', 1);
    const answer = change(place).catch(() => 'killed');
    await vi.waitFor(() => expect(callsMade()).toEqual(['registry.report']));
    await place.kill();
    await answer;
    const { alarm } = await place.stored();
    expect(alarm).toBeGreaterThan(Date.now());
    expect(alarm).toBeLessThanOrEqual(Date.now() + 5_000);
    advance(5_000);
    expect(await runDurableObjectAlarm(place.stub)).toBe(true);
    expect(callsMade()).toEqual(['registry.report', 'registry.report']);
    expect(valueOf(await place.session.get()).status).toBe(status);
    const stats = await place.registry.stats();
    expect(stats.activeCount).toBe(0);
    expect(stats.totalEnded + stats.totalExpired).toBe(1);
  });
});
