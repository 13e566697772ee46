import { beforeEach, describe, expect, it } from 'vitest';
import { duringCall, failCalls, resetCalls } from '../support/calls.ts';
import { PaperSession } from '../support/paper-session.ts';
import { changeSettings } from '../support/settings.ts';
import { HOUR, MINUTE, SECOND, Tenant, advance, outcome, stopClock, valueOf } from '../support/tenant.ts';

const DAY = 24 * HOUR;

beforeEach(() => {
  stopClock();
  resetCalls();
  changeSettings();
});

const keysOf = (tenant: Tenant) =>
  tenant.inRegistry(({ sql }) =>
    sql
      .exec('SELECT key FROM idempotency_keys')
      .toArray()
      .map(({ key }) => key),
  );

describe('an idempotency key', () => {
  it('makes a repeat find the first session, whatever became of it', async () => {
    const tenant = new Tenant();
    const first = valueOf(await tenant.create({ model: 'opus' }, 'key'));
    expect(valueOf(await tenant.create({ model: 'opus' }, 'key'))).toEqual(first);
    await tenant.touch(first.sessionId, 3);
    expect(valueOf(await tenant.create({ model: 'opus' }, 'key'))).toMatchObject({ messageCount: 3 });
    await tenant.end(first.sessionId);
    expect(valueOf(await tenant.create({ model: 'opus' }, 'key'))).toMatchObject({
      sessionId: first.sessionId,
      status: 'ended',
    });
    expect(await tenant.registry.stats()).toMatchObject({ totalCreated: 1, activeCount: 0 });
  });

  it('with another body is refused, also where there is no room', async () => {
    const tenant = new Tenant();
    await tenant.create({ model: 'opus' }, 'key');
    expect(outcome(await tenant.create({ model: 'sonnet' }, 'key'))).toBe('idempotency_key_reused');
    await tenant.registry.setLimits({ maxSessions: 0 });
    expect(outcome(await tenant.create({ model: 'sonnet' }, 'key'))).toBe('idempotency_key_reused');
    expect(outcome(await tenant.create({ model: 'opus' }, 'key'))).toBe('ok');
  });

  it('is not remembered of a create that was refused', async () => {
    const tenant = new Tenant();
    await tenant.registry.setLimits({ maxSessions: 0 });
    expect(outcome(await tenant.create({}, 'key'))).toBe('max_sessions_reached');
    await tenant.registry.setLimits({ maxSessions: 1 });
    expect(outcome(await tenant.create({ model: 'opus' }, 'key'))).toBe('ok');
  });

  it('is kept for 24 hours to the millisecond, and deleted by the alarm', async () => {
    const tenant = new Tenant();
    const { sessionId } = valueOf(await tenant.create({ sessionTimeoutMs: 3 * DAY }, 'key'));
    advance(DAY - 1);
    expect(valueOf(await tenant.create({ sessionTimeoutMs: 3 * DAY }, 'key')).sessionId).toBe(sessionId);
    advance(1);
    expect(await tenant.alarmAt()).toBeLessThanOrEqual(Date.now());
    expect(await tenant.alarm()).toBe(true);
    expect(await keysOf(tenant)).toEqual([]);
    expect(valueOf(await tenant.create({}, 'key')).sessionId).not.toBe(sessionId);
  });

  it('is over after 24 hours, deleted yet or not', async () => {
    const tenant = new Tenant();
    const first = new PaperSession();
    await tenant.registry.reserve(first.reservation('key'));
    advance(DAY);
    const second = new PaperSession();
    expect(valueOf(await tenant.registry.reserve(second.reservation('key', 'other')))).toMatchObject({
      sessionId: second.id,
      repeat: false,
    });
  });

  it('of a create whose first answer was lost finishes the same id', async () => {
    const tenant = new Tenant();
    failCalls('session.create', 'before', 3);
    expect(outcome(await tenant.create({}, 'key'))).toBe('overloaded');
    advance(10 * SECOND);
    const { sessionId } = valueOf(await tenant.create({}, 'key'));
    const listed = await tenant.list();
    expect(listed.map((session) => session.sessionId)).toEqual([sessionId]);
    expect(await tenant.registry.stats()).toMatchObject({ totalCreated: 1, activeCount: 1 });
  });

  it('gives an unconfirmed reservation its full time again', async () => {
    const tenant = new Tenant();
    const first = new PaperSession();
    await tenant.registry.reserve(first.reservation('key'));
    advance(25 * SECOND);
    const repeat = valueOf(await tenant.registry.reserve(new PaperSession().reservation('key')));
    expect(repeat).toEqual({ sessionId: first.id, deadline: Date.now() + 15 * SECOND, repeat: true });
    advance(29 * SECOND);
    await tenant.alarm();
    expect(await tenant.row(first.id)).not.toBeNull();
    expect(await tenant.registry.stats()).toMatchObject({ totalCreated: 1, activeCount: 1 });
  });

  it('is forgotten with the reservation that nobody used', async () => {
    const tenant = new Tenant();
    const first = new PaperSession();
    await tenant.registry.reserve(first.reservation('key'));
    advance(30 * SECOND);
    expect(await tenant.alarm()).toBe(true);
    expect(await keysOf(tenant)).toEqual([]);
    const next = new PaperSession();
    expect(valueOf(await tenant.registry.reserve(next.reservation('key', 'another body')))).toMatchObject({
      sessionId: next.id,
      repeat: false,
    });
  });

  it('of a session that was erased makes no other one', async () => {
    const tenant = new Tenant();
    const { sessionId } = valueOf(await tenant.create({}, 'key'));
    await tenant.end(sessionId, true);
    expect(outcome(await tenant.create({}, 'key'))).toBe('conflict');
    expect(await tenant.registry.stats()).toMatchObject({ totalCreated: 1, activeCount: 0 });
  });

  it('repeated while a resume of its session is reserved brings back nothing that was erased', async () => {
    changeSettings({ RETENTION_MS: SECOND });
    const tenant = new Tenant();
    const input = { sessionTimeoutMs: MINUTE };
    const { sessionId } = valueOf(await tenant.create(input, 'key'));
    advance(MINUTE);
    expect(await tenant.sessionAlarm(sessionId)).toBe(true);
    // The last moment of its retention.
    advance(SECOND - 1);
    const repeats: string[] = [];
    duringCall('registry.reserve', async () => {
      advance(1);
      expect(await tenant.sessionAlarm(sessionId)).toBe(true);
      repeats.push(outcome(await tenant.create(input, 'key')));
    });
    expect(outcome(await tenant.resume(sessionId))).toBe('session_not_found');
    expect(repeats).toEqual(['conflict']);
    expect(outcome(await tenant.session(sessionId).get())).toBe('session_not_found');
    advance(30 * SECOND);
    await tenant.alarm();
    expect(await tenant.registry.stats()).toMatchObject({
      activeCount: 0,
      totalInMemory: 0,
      totalCreated: 1,
      totalExpired: 1,
    });
  });

  it('survives eviction between the two creates', async () => {
    const tenant = new Tenant();
    const first = valueOf(await tenant.create({}, 'key'));
    await tenant.evictRegistry();
    expect(valueOf(await tenant.create({}, 'key')).sessionId).toBe(first.sessionId);
  });
});
