import { beforeEach, describe, expect, it } from 'vitest';
import { callsMade, duringCall, failCalls, resetCalls } from '../support/calls.ts';
import { PaperSession } from '../support/paper-session.ts';
import {
  HOUR,
  MINUTE,
  SECOND,
  Tenant,
  advance,
  outcome,
  stopClock,
  stopTimers,
  until,
} from '../support/tenant.ts';

beforeEach(() => {
  stopClock();
  resetCalls();
});

/** How often sessions were asked. */
const asked = () => callsMade().filter((call) => call === 'session.settle').length;

/** A session of one minute whose lease lapses while it is alive, for the registry hears no more of it. */
async function livesOn(tenant: Tenant): Promise<string> {
  const id = await tenant.created({ sessionTimeoutMs: MINUTE });
  failCalls('registry.report', 'before');
  advance(50 * SECOND);
  await tenant.touch(id, 3);
  advance(55 * SECOND);
  expect(await tenant.alarmAt()).toBeLessThanOrEqual(Date.now());
  return id;
}

describe('the sweep', () => {
  it('asks before it releases: a live session keeps its slot, with the lease that it says', async () => {
    const tenant = new Tenant();
    const id = await livesOn(tenant);
    expect(await tenant.alarm()).toBe(true);
    expect(asked()).toBe(1);
    expect(await tenant.row(id)).toMatchObject({
      status: 'active',
      messageCount: 3,
      due: Date.now() + 5 * SECOND + 45 * SECOND,
    });
    expect(await tenant.registry.stats()).toMatchObject({ activeCount: 1, totalMessages: 3 });
    expect(outcome(await tenant.touch(id))).toBe('ok');
  });

  it('gives back the slot of a session whose own alarm was lost, within a minute of its expiry', async () => {
    const tenant = new Tenant();
    const id = await tenant.created({ sessionTimeoutMs: MINUTE });
    await tenant.inSession(id, (storage) => storage.deleteAlarm());
    advance(MINUTE + 45 * SECOND);
    expect(await tenant.alarm()).toBe(true);
    expect(await tenant.registry.stats()).toMatchObject({
      activeCount: 0,
      totalExpired: 1,
      averageDurationMs: MINUTE,
    });
    // The session is mended too: it knows, and will delete itself.
    expect(await tenant.session(id).get()).toMatchObject({
      value: { status: 'expired', endReason: 'idle_timeout' },
    });
    expect(await tenant.inSession(id, (storage) => storage.getAlarm())).not.toBeNull();
  });

  it('never asks a session that expires on time', async () => {
    const tenant = new Tenant();
    const id = await tenant.created({ sessionTimeoutMs: MINUTE });
    advance(MINUTE);
    expect(await tenant.sessionAlarm(id)).toBe(true);
    advance(2 * HOUR);
    await tenant.alarm();
    expect(asked()).toBe(0);
    expect(await tenant.registry.stats()).toMatchObject({ activeCount: 0, totalExpired: 1 });
  });

  it('leaves a reservation alone for 30 s, then releases it as if it had never been', async () => {
    const tenant = new Tenant();
    const session = new PaperSession({ model: 'opus' });
    await tenant.registry.reserve(session.reservation());
    advance(30 * SECOND - 1);
    await tenant.alarm();
    expect(asked()).toBe(0);
    expect(await tenant.registry.stats()).toMatchObject({ activeCount: 1, totalCreated: 1 });
    advance(1);
    expect(await tenant.alarm()).toBe(true);
    expect(asked()).toBe(1);
    expect(await tenant.registry.stats()).toMatchObject({
      activeCount: 0,
      totalInMemory: 0,
      totalCreated: 0,
      byModel: {},
    });
    expect(await tenant.alarmAt()).toBeNull();
  });

  it('counts a session of which nothing is left as expired', async () => {
    const tenant = new Tenant();
    const id = await tenant.created({ sessionTimeoutMs: MINUTE });
    await tenant.inSession(id, (storage) => storage.deleteAll());
    await tenant.evictSession(id);
    advance(2 * MINUTE);
    expect(await tenant.alarm()).toBe(true);
    expect(await tenant.registry.stats()).toMatchObject({
      activeCount: 0,
      totalInMemory: 0,
      totalExpired: 1,
      averageDurationMs: MINUTE,
    });
  });

  it('asks all that have lapsed, 50 at a time', async () => {
    const tenant = new Tenant();
    await tenant.registry.setLimits({ maxSessions: 1_000 });
    await Promise.all(
      Array.from({ length: 60 }, () => tenant.registry.reserve(new PaperSession().reservation())),
    );
    advance(30 * SECOND);
    let atOnce = 0;
    duringCall('session.settle', async () => {
      atOnce = asked();
    });
    expect(await tenant.alarm()).toBe(true);
    expect(atOnce).toBe(50);
    expect(asked()).toBe(60);
    expect(await tenant.registry.stats()).toMatchObject({ activeCount: 0, totalCreated: 0 });
  });

  it('runs once at a time: whoever comes meanwhile shares its outcome', async () => {
    const tenant = new Tenant();
    await tenant.registry.setLimits({ maxSessions: 1 });
    await tenant.registry.reserve(new PaperSession().reservation());
    advance(30 * SECOND);
    const results = await Promise.all([
      tenant.create(),
      tenant.list(),
      tenant.registry.stats(),
      tenant.alarm(),
      tenant.create(),
    ]);
    expect(asked()).toBe(1);
    expect([outcome(results[0]), outcome(results[4])].toSorted()).toEqual(['max_sessions_reached', 'ok']);
    expect(await tenant.registry.stats()).toMatchObject({ activeCount: 1, totalCreated: 1 });
  });

  it('that is slow is waited for, not begun again beside the first', async () => {
    const tenant = new Tenant();
    await tenant.registry.reserve(new PaperSession().reservation());
    advance(30 * SECOND);
    stopTimers();
    let listed: Promise<unknown> = Promise.resolve();
    duringCall('session.settle', async () => {
      listed = tenant.list();
      await until(() => callsMade().includes('registry.list'));
      await tenant.wait(SECOND / 2);
    });
    expect(await tenant.alarm()).toBe(true);
    expect(await listed).toEqual([]);
    expect(asked()).toBe(1);
  });

  it('makes lists and statistics true before the alarm does', async () => {
    const tenant = new Tenant();
    await tenant.created({ sessionTimeoutMs: MINUTE });
    advance(MINUTE);
    expect(await tenant.list()).toEqual([]);
    expect(await tenant.list({ statuses: ['expired'] })).toHaveLength(1);
    const other = new Tenant();
    await other.created({ sessionTimeoutMs: MINUTE });
    advance(MINUTE);
    expect(await other.registry.stats()).toMatchObject({ activeCount: 0, totalExpired: 1 });
  });
});

describe('an answer to the sweep that comes late', () => {
  /** Has a session asked, and something happen before its answer arrives. */
  async function whileAsked(tenant: Tenant, during: () => Promise<unknown>): Promise<void> {
    resetCalls();
    duringCall('session.settle', async () => {
      await during();
    });
    expect(await tenant.alarm()).toBe(true);
    expect(asked()).toBe(1);
  }

  it('is dropped where a touch was heard of since', async () => {
    const tenant = new Tenant();
    const id = await livesOn(tenant);
    await whileAsked(tenant, async () => {
      await tenant.touch(id, 4);
      expect(await tenant.row(id)).toMatchObject({ messageCount: 7 });
    });
    expect(await tenant.row(id)).toMatchObject({ messageCount: 7, due: Date.now() + MINUTE + 45 * SECOND });
    expect(await tenant.registry.stats()).toMatchObject({ totalMessages: 7 });
  });

  it('is dropped where the end was heard of since', async () => {
    const tenant = new Tenant();
    const id = await livesOn(tenant);
    await whileAsked(tenant, () => tenant.end(id));
    expect(await tenant.row(id)).toMatchObject({ status: 'ended' });
    expect(await tenant.registry.stats()).toMatchObject({ activeCount: 0, totalEnded: 1, totalExpired: 0 });
  });

  it('is dropped where the session was erased since', async () => {
    const tenant = new Tenant();
    const id = await livesOn(tenant);
    await whileAsked(tenant, () => tenant.end(id, true));
    expect(await tenant.row(id)).toBeNull();
    expect(await tenant.registry.stats()).toMatchObject({ totalInMemory: 0, totalEnded: 1, totalExpired: 0 });
  });

  it('is dropped where the reservation was renewed since: nobody loses a slot that was promised', async () => {
    const tenant = new Tenant();
    const session = new PaperSession();
    await tenant.registry.reserve(session.reservation('key'));
    advance(30 * SECOND);
    await whileAsked(tenant, () => tenant.registry.reserve(session.reservation('key')));
    expect(await tenant.row(session.id)).toMatchObject({ reserved: 'create', due: Date.now() + 30 * SECOND });
    expect(await tenant.registry.stats()).toMatchObject({ activeCount: 1, totalCreated: 1 });
  });

  it('is dropped where the session was resumed since', async () => {
    const tenant = new Tenant();
    const id = await tenant.created({ sessionTimeoutMs: MINUTE });
    failCalls('registry.report', 'before');
    advance(2 * MINUTE);
    await whileAsked(tenant, async () => expect(outcome(await tenant.resume(id))).toBe('ok'));
    expect(await tenant.row(id)).toMatchObject({ status: 'active', version: 3 });
    expect(await tenant.registry.stats()).toMatchObject({ activeCount: 1, totalExpired: 1 });
  });
});
