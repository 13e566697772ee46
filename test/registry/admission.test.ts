import { beforeEach, describe, expect, it } from 'vitest';
import { callsMade, failCalls, resetCalls } from '../support/calls.ts';
import { PaperSession } from '../support/paper-session.ts';
import {
  DEFAULTS,
  HOUR,
  MINUTE,
  SECOND,
  Tenant,
  advance,
  outcome,
  stopClock,
  valueOf,
} from '../support/tenant.ts';

beforeEach(() => {
  stopClock();
  resetCalls();
});

const retryAfter = (result: Awaited<ReturnType<Tenant['registry']['reserve']>>) =>
  result.ok ? null : result.error.retryAfterS;

async function withLimit(maxSessions: number): Promise<Tenant> {
  const tenant = new Tenant();
  await tenant.registry.setLimits({ maxSessions });
  return tenant;
}

describe('admission', () => {
  it('is exact under any concurrency: 100 at once, 7 slots', async () => {
    const tenant = await withLimit(7);
    const results = await Promise.all(
      Array.from({ length: 100 }, () => tenant.registry.reserve(new PaperSession().reservation())),
    );
    expect(results.filter((result) => result.ok)).toHaveLength(7);
    expect(await tenant.registry.stats()).toMatchObject({
      activeCount: 7,
      totalCreated: 7,
      totalRejected: 93,
      sessionsByStatus: { active: 7, expired: 0, ended: 0 },
    });
    expect(await tenant.list()).toHaveLength(7);
  });

  it('says what the limit is, and admits no one at 0', async () => {
    const tenant = await withLimit(0);
    const result = await tenant.registry.reserve(new PaperSession().reservation());
    expect(result).toMatchObject({
      ok: false,
      error: { code: 'max_sessions_reached', detail: 'Maximum sessions limit reached: 0' },
    });
  });

  it('counts and lists a reservation before the session is there', async () => {
    const tenant = new Tenant();
    const session = new PaperSession();
    const reservation = valueOf(await tenant.registry.reserve(session.reservation()));
    expect(reservation).toEqual({
      sessionId: session.id,
      deadline: Date.now() + 15 * SECOND,
      repeat: false,
    });
    expect(await tenant.list()).toMatchObject([{ sessionId: session.id, status: 'active' }]);
    expect(await tenant.registry.stats()).toMatchObject({ activeCount: 1, totalCreated: 1 });
  });

  it('twice for one id is one slot, with its full time again', async () => {
    const tenant = await withLimit(1);
    const session = new PaperSession();
    await tenant.registry.reserve(session.reservation());
    advance(10 * SECOND);
    const again = valueOf(await tenant.registry.reserve(session.reservation()));
    expect(again.deadline).toBe(Date.now() + 15 * SECOND);
    expect(await tenant.row(session.id)).toMatchObject({ due: Date.now() + 30 * SECOND });
    expect(await tenant.registry.stats()).toMatchObject({ activeCount: 1, totalCreated: 1 });
  });

  it('for an id that is already confirmed has nothing left to create', async () => {
    const tenant = new Tenant();
    const session = new PaperSession();
    await tenant.registry.reserve(session.reservation());
    await tenant.registry.report(session.id, session.report);
    expect(valueOf(await tenant.registry.reserve(session.reservation()))).toMatchObject({ deadline: null });
    await tenant.registry.report(session.id, session.end());
    expect(valueOf(await tenant.registry.reserve(session.reservation()))).toMatchObject({ deadline: null });
    expect(await tenant.registry.stats()).toMatchObject({ activeCount: 0, totalCreated: 1 });
  });
});

describe('the limit', () => {
  it('is the setting until it is set, holds at once, and survives eviction', async () => {
    const tenant = new Tenant();
    expect(await tenant.registry.limits()).toEqual({ maxSessions: 100 });
    expect(await tenant.registry.setLimits({ maxSessions: 1 })).toEqual({ maxSessions: 1 });
    expect(outcome(await tenant.create())).toBe('ok');
    expect(outcome(await tenant.create())).toBe('max_sessions_reached');
    await tenant.evictRegistry();
    expect(await tenant.registry.limits()).toEqual({ maxSessions: 1 });
    expect(outcome(await tenant.create())).toBe('max_sessions_reached');
    await tenant.registry.setLimits({ maxSessions: 2 });
    expect(outcome(await tenant.create())).toBe('ok');
  });

  it('below the present count ends nobody, and refuses until there is room', async () => {
    const tenant = new Tenant();
    const ids = [await tenant.created(), await tenant.created(), await tenant.created()];
    await tenant.registry.setLimits({ maxSessions: 1 });
    expect(await tenant.registry.stats()).toMatchObject({ activeCount: 3, maxSessions: 1 });
    for (const id of ids) {
      expect(outcome(await tenant.touch(id))).toBe('ok');
      expect(outcome(await tenant.create())).toBe('max_sessions_reached');
      expect(outcome(await tenant.end(id))).toBe('ok');
    }
    expect(outcome(await tenant.create())).toBe('ok');
  });

  it('bounds what resumes, as it does creates', async () => {
    const tenant = await withLimit(1);
    const id = await tenant.created({ sessionTimeoutMs: MINUTE });
    advance(MINUTE);
    const other = await tenant.created();
    expect(outcome(await tenant.resume(id))).toBe('max_sessions_reached');
    expect(await tenant.session(id).get()).toMatchObject({ value: { status: 'expired' } });
    await tenant.end(other);
    expect(outcome(await tenant.resume(id))).toBe('ok');
    expect(outcome(await tenant.create())).toBe('max_sessions_reached');
  });
});

describe('a refusal', () => {
  it('names the wait for the earliest known expiry, held between 1 and 60 s', async () => {
    const tenant = await withLimit(1);
    await tenant.created({ sessionTimeoutMs: HOUR });
    const refused = () => tenant.registry.reserve(new PaperSession().reservation());
    expect(retryAfter(await refused())).toBe(60);
    advance(HOUR - 20_500);
    expect(retryAfter(await refused())).toBe(21);
    advance(20_499);
    expect(retryAfter(await refused())).toBe(1);
    failCalls('session.settle', 'before');
    advance(10 * SECOND);
    expect(retryAfter(await refused())).toBe(1);
  });

  it('of a tenant without any session names the longest wait', async () => {
    expect(retryAfter(await (await withLimit(0)).registry.reserve(new PaperSession().reservation()))).toBe(
      60,
    );
  });

  it('asks no session that is not due', async () => {
    const tenant = await withLimit(1);
    await tenant.created();
    resetCalls();
    expect(outcome(await tenant.create())).toBe('max_sessions_reached');
    expect(callsMade()).toEqual(['registry.reserve']);
  });

  it('does not come while a lapsed lease can give its slot: the session is asked first', async () => {
    const tenant = await withLimit(2);
    await tenant.created({ sessionTimeoutMs: MINUTE });
    const touched = await tenant.created({ sessionTimeoutMs: MINUTE });
    failCalls('registry.report', 'before');
    advance(30 * SECOND);
    await tenant.touch(touched);
    advance(30 * SECOND);
    expect(outcome(await tenant.create())).toBe('ok');
    // The one that lives, by what only it knows, keeps its slot.
    expect(outcome(await tenant.create())).toBe('max_sessions_reached');
    expect(outcome(await tenant.touch(touched))).toBe('ok');
  });

  it('does not come while an unused reservation has lapsed', async () => {
    const tenant = await withLimit(1);
    await tenant.registry.reserve(new PaperSession().reservation());
    advance(30 * SECOND - 1);
    expect(outcome(await tenant.create())).toBe('max_sessions_reached');
    advance(1);
    expect(outcome(await tenant.create())).toBe('ok');
    expect(await tenant.registry.stats()).toMatchObject({ activeCount: 1, totalCreated: 1 });
  });
});

describe('a create that reaches the session late', () => {
  it('is refused at its deadline, and the slot comes back with nothing counted', async () => {
    const tenant = new Tenant();
    const session = new PaperSession();
    const { deadline } = valueOf(await tenant.registry.reserve(session.reservation()));
    advance(15 * SECOND);
    const late = await tenant.session(session.id).create(session.id, {}, DEFAULTS, deadline ?? 0);
    expect(outcome(late)).toBe('overloaded');
    advance(15 * SECOND);
    expect(await tenant.alarm()).toBe(true);
    expect(await tenant.registry.stats()).toMatchObject({
      activeCount: 0,
      totalCreated: 0,
      totalInMemory: 0,
    });
  });

  it('is confirmed by the sweep where it was in time, but its report was lost', async () => {
    const tenant = new Tenant();
    failCalls('registry.report', 'before');
    const id = await tenant.created();
    expect(await tenant.row(id)).toMatchObject({ reserved: 'create' });
    advance(30 * SECOND);
    expect(await tenant.alarm()).toBe(true);
    expect(await tenant.row(id)).toMatchObject({ reserved: 'no', status: 'active' });
    expect(await tenant.registry.stats()).toMatchObject({ activeCount: 1, totalCreated: 1 });
  });
});
