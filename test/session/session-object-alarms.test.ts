import { runDurableObjectAlarm, runInDurableObject } from 'cloudflare:test';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { SessionObject } from '../../src/session/session-object.ts';
import { callsMade, resetCalls } from '../support/calls.ts';
import { at, DEFAULTS, NOTHING, Place, quietSession, RETENTION_MS } from '../support/sessions.ts';
import { advance, outcome, stopClock, valueOf } from '../support/tenant.ts';

const TIMEOUT_MS = DEFAULTS.sessionTimeoutMs;

beforeEach(() => {
  stopClock();
  resetCalls();
});
afterEach(() => vi.useRealTimers());

const loseAlarm = (place: Place) =>
  runInDurableObject(place.stub, (_: SessionObject, { storage }) => storage.deleteAlarm());
/** Calls the handler past the platform, as a retry of an alarm that was carried out does. */
const repeatAlarm = (place: Place) =>
  runInDurableObject(place.stub, (session: SessionObject) => session.alarm());

describe('an alarm', () => {
  it('that is due expires the session, tells the registry, and waits for the retention to end', async () => {
    const place = await quietSession();
    advance(TIMEOUT_MS);
    const expiresAt = Date.now();
    expect(await runDurableObjectAlarm(place.stub)).toBe(true);
    expect(callsMade()).toEqual(['registry.report']);
    expect(valueOf(await place.session.get())).toMatchObject({ status: 'expired', revision: 2 });
    expect((await place.stored()).alarm).toBe(expiresAt + RETENTION_MS);
    expect(await place.registry.stats()).toMatchObject({
      activeCount: 0,
      totalExpired: 1,
      averageDurationMs: TIMEOUT_MS,
    });
  });

  it('that comes a millisecond early leaves the session alone and is set anew', async () => {
    const place = await quietSession();
    advance(TIMEOUT_MS - 1);
    expect(await runDurableObjectAlarm(place.stub)).toBe(true);
    expect(callsMade()).toEqual([]);
    expect((await place.stored()).alarm).toBe(Date.now() + 1);
    expect(valueOf(await place.session.get()).status).toBe('active');
  });

  it('that stood before a touch is set to the real expiry', async () => {
    const place = await quietSession();
    advance(TIMEOUT_MS / 2);
    const { expiresAt } = valueOf(await place.session.touch(1, null));
    advance(TIMEOUT_MS / 2);
    expect(await runDurableObjectAlarm(place.stub)).toBe(true);
    expect((await place.stored()).alarm).toBe(at(expiresAt));
  });

  it('that is repeated changes nothing and counts nothing twice', async () => {
    const place = await quietSession();
    advance(TIMEOUT_MS);
    expect(await runDurableObjectAlarm(place.stub)).toBe(true);
    const before = valueOf(await place.session.get());
    await repeatAlarm(place);
    await place.evict();
    await repeatAlarm(place);
    expect(valueOf(await place.session.get())).toEqual(before);
    expect((await place.stored()).alarm).toBe(Date.now() + RETENTION_MS);
    expect(await place.registry.stats()).toMatchObject({ totalExpired: 1, activeCount: 0 });
  });

  it('that is late expires the session as of when it fell due', async () => {
    const place = await quietSession();
    const { expiresAt } = valueOf(await place.session.get());
    advance(TIMEOUT_MS + 3_600_000);
    expect(await runDurableObjectAlarm(place.stub)).toBe(true);
    const late = valueOf(await place.session.get());
    expect(late).toMatchObject({ status: 'expired', endedAt: expiresAt, expiresAt });
    expect((await place.stored()).alarm).toBe(at(expiresAt) + RETENTION_MS);
  });

  it('that is later than the retention deletes everything once the registry knows', async () => {
    const place = await quietSession();
    advance(TIMEOUT_MS + RETENTION_MS);
    expect(await runDurableObjectAlarm(place.stub)).toBe(true);
    expect(callsMade()).toEqual(['registry.report']);
    expect(await place.stored()).toEqual(NOTHING);
    expect(await place.registry.stats()).toMatchObject({ activeCount: 0, totalExpired: 1 });
  });

  it('on an id that was never created does nothing', async () => {
    const place = new Place();
    expect(await runDurableObjectAlarm(place.stub)).toBe(false);
    await repeatAlarm(place);
    expect(await place.stored()).toEqual(NOTHING);
    expect(callsMade()).toEqual([]);
  });

  it('fires by itself', async () => {
    vi.useRealTimers();
    const place = new Place();
    await place.create({ sessionTimeoutMs: 1_000 });
    const expired = () => expect(callsMade()).toEqual(['registry.report', 'registry.report']);
    await vi.waitFor(expired, { timeout: 5_000 });
    expect(valueOf(await place.session.get()).endReason).toBe('idle_timeout');
  });
});

describe('an alarm that was lost', () => {
  it('is made good by a read, which is written down and reported once', async () => {
    const place = await quietSession();
    await loseAlarm(place);
    advance(TIMEOUT_MS);
    expect(valueOf(await place.session.get()).status).toBe('expired');
    expect(valueOf(await place.session.get()).status).toBe('expired');
    await place.evict();
    expect(callsMade()).toEqual(['registry.report']);
    expect((await place.stored()).alarm).toBe(Date.now() + RETENTION_MS);
    expect((await place.registry.stats()).activeCount).toBe(0);
  });

  it('is made good by the registry when it asks', async () => {
    const place = await quietSession();
    await loseAlarm(place);
    advance(TIMEOUT_MS);
    expect(await place.session.settle()).toMatchObject({ status: 'expired', endedAt: Date.now() });
    expect((await place.stored()).alarm).toBeLessThanOrEqual(Date.now() + 5_000);
    await place.evict();
    expect(valueOf(await place.session.get()).status).toBe('expired');
  });
});

describe('what was answered as expired', () => {
  const asked: readonly (readonly [string, (place: Place) => Promise<unknown>])[] = [
    ['a read', (place) => place.session.get()],
    ['a touch', (place) => place.session.touch(1, null)],
    ['a patch', (place) => place.session.patch({ sessionTimeoutMs: 3_600_000 }, DEFAULTS, null)],
    ['a link', (place) => place.session.link({ claudeSessionId: 'c' }, null)],
    ['an end', (place) => place.session.end(false, null)],
    ['the plan of a resume', (place) => place.session.planResume()],
    ['a repeated create', (place) => place.session.create(place.id, {}, DEFAULTS, Date.now() + 1_000)],
    ['the registry', (place) => place.session.settle()],
  ];

  it.each(asked)('to %s stays so when the clock goes back', async (_, ask) => {
    const place = await quietSession();
    advance(TIMEOUT_MS);
    await ask(place);
    advance(-TIMEOUT_MS / 2);
    await place.evict();
    expect(valueOf(await place.session.get())).toMatchObject({ status: 'expired', messageCount: 0 });
    expect(outcome(await place.session.touch(1, null))).toBe('session_expired');
  });
});

describe('the end of the retention', () => {
  it.each([false, true])('deletes everything, and not a millisecond early (evicted: %s)', async (evicted) => {
    const place = await quietSession();
    valueOf(await place.session.end(false, null));
    const retainUntil = Date.now() + RETENTION_MS;
    expect((await place.stored()).alarm).toBe(retainUntil);
    if (evicted) await place.evict();
    advance(RETENTION_MS - 1);
    expect(await runDurableObjectAlarm(place.stub)).toBe(true);
    expect(valueOf(await place.session.get()).status).toBe('ended');
    expect((await place.stored()).alarm).toBe(retainUntil);
    vi.setSystemTime(retainUntil);
    expect(outcome(await place.session.get())).toBe('session_not_found');
    expect(await runDurableObjectAlarm(place.stub)).toBe(true);
    expect(await place.stored()).toEqual(NOTHING);
    expect(await runDurableObjectAlarm(place.stub)).toBe(false);
  });

  it('of a resumed session counts from its next end', async () => {
    const place = await quietSession();
    advance(TIMEOUT_MS);
    expect(await runDurableObjectAlarm(place.stub)).toBe(true);
    advance(RETENTION_MS - 1);
    const { expiresAt } = valueOf(await place.resume());
    await place.evict();
    expect((await place.stored()).alarm).toBe(at(expiresAt));
    advance(1);
    expect(valueOf(await place.session.get()).status).toBe('active');
  });
});
