import { beforeEach, describe, expect, it } from 'vitest';
import type { Result } from '../../src/contract/errors.ts';
import type { Session } from '../../src/contract/session.ts';
import { duringCall, failCalls, resetCalls } from '../support/calls.ts';
import { PaperSession } from '../support/paper-session.ts';
import { MINUTE, SECOND, Tenant, advance, outcome, stopClock, valueOf } from '../support/tenant.ts';

beforeEach(() => {
  stopClock();
  resetCalls();
});

/** A session that has expired, which the registry knows if it was told. */
async function expired(tenant: Tenant, told = true): Promise<string> {
  const id = await tenant.created({ sessionTimeoutMs: MINUTE, model: 'opus' });
  if (!told) failCalls('registry.report', 'before');
  advance(MINUTE);
  expect(await tenant.sessionAlarm(id)).toBe(true);
  resetCalls();
  return id;
}

const figures = async (tenant: Tenant) => {
  const { activeCount, totalCreated, totalExpired, totalEnded, totalInMemory } =
    await tenant.registry.stats();
  return { activeCount, totalCreated, totalExpired, totalEnded, totalInMemory };
};

const ONE_EXPIRED = { activeCount: 0, totalCreated: 1, totalExpired: 1, totalEnded: 0, totalInMemory: 1 };
const ONE_ACTIVE = { ...ONE_EXPIRED, activeCount: 1 };

describe('a resume', () => {
  it('takes a slot, and the session is active in list and figures', async () => {
    const tenant = new Tenant();
    const id = await expired(tenant);
    expect(await tenant.resume(id)).toMatchObject({ value: { status: 'active' } });
    expect(await figures(tenant)).toEqual(ONE_ACTIVE);
    expect(await tenant.list()).toMatchObject([{ sessionId: id, status: 'active' }]);
    expect((await tenant.registry.stats()).byModel).toEqual({ opus: 1 });
    expect(await tenant.row(id)).toMatchObject({ reserved: 'no', version: 3 });
  });

  it('counts the expiry first where the registry had not heard of it, once', async () => {
    const tenant = new Tenant();
    const id = await expired(tenant, false);
    expect(await tenant.row(id)).toMatchObject({ status: 'active', version: 1 });
    expect(outcome(await tenant.resume(id))).toBe('ok');
    expect(await figures(tenant)).toEqual(ONE_ACTIVE);
  });

  it('that is refused leaves the expiry counted, and takes nothing', async () => {
    const tenant = new Tenant();
    const id = await expired(tenant, false);
    await tenant.registry.setLimits({ maxSessions: 0 });
    expect(outcome(await tenant.resume(id))).toBe('max_sessions_reached');
    expect(await figures(tenant)).toEqual(ONE_EXPIRED);
    expect(await tenant.session(id).get()).toMatchObject({ value: { status: 'expired' } });
  });

  it('while the report of the expiry is on its way: what comes late is dropped', async () => {
    const tenant = new Tenant();
    const id = await tenant.created({ sessionTimeoutMs: MINUTE });
    advance(MINUTE);
    failCalls('registry.report', 'hang', 1);
    const late = valueOf(await tenant.session(id).planResume()).next?.expired;
    expect(outcome(await tenant.resume(id))).toBe('ok');
    if (late === undefined) throw new Error('The session should have expired');
    expect(await tenant.registry.report(id, late)).toMatchObject({ admitted: true });
    expect(await figures(tenant)).toEqual(ONE_ACTIVE);
    expect(outcome(await tenant.touch(id))).toBe('ok');
  });

  it('during the await of the expiry alarm: the alarm leaves the resumed session alone', async () => {
    const tenant = new Tenant();
    const id = await tenant.created({ sessionTimeoutMs: MINUTE });
    advance(MINUTE);
    duringCall('registry.report', async () => {
      expect(outcome(await tenant.session(id).planResume())).toBe('ok');
      const plan = valueOf(await tenant.session(id).planResume()).next;
      if (plan === null) throw new Error('The session should have expired');
      const request = { sessionId: id, report: plan.report, expired: plan.expired };
      const { deadline } = valueOf(await tenant.registry.reserve(request));
      expect(outcome(await tenant.session(id).resume(plan.version, deadline ?? 0))).toBe('ok');
    });
    expect(await tenant.sessionAlarm(id)).toBe(true);
    expect(await figures(tenant)).toEqual(ONE_ACTIVE);
    expect(await tenant.inSession(id, (storage) => storage.getAlarm())).toBe(Date.now() + MINUTE);
  });

  it('by two at once is one slot and one resume, and both are told so', async () => {
    const tenant = new Tenant();
    const id = await expired(tenant);
    const results: Result<Session>[] = [];
    // The second is done before the first, which has its plan, asks for the slot.
    duringCall('session.planResume', async () => {
      results.push(await tenant.resume(id));
    });
    results.push(await tenant.resume(id));
    expect(results).toMatchObject([{ value: { status: 'active' } }, { value: { status: 'active' } }]);
    expect(await figures(tenant)).toEqual(ONE_ACTIVE);
    expect(await tenant.row(id)).toMatchObject({ version: 3 });
  });
});

describe('a resume that meets a purge', () => {
  it.each(['session.planResume', 'registry.reserve'])('after %s counts no message twice', async (method) => {
    const tenant = new Tenant();
    const id = await tenant.created({ sessionTimeoutMs: MINUTE });
    await tenant.touch(id, 7);
    advance(MINUTE);
    expect(await tenant.sessionAlarm(id)).toBe(true);
    duringCall(method, async () => {
      await tenant.end(id, true);
    });
    expect(outcome(await tenant.resume(id))).toBe('session_not_found');
    advance(MINUTE);
    await tenant.alarm();
    expect(await figures(tenant)).toEqual({ ...ONE_EXPIRED, totalInMemory: 0 });
    expect(await tenant.registry.stats()).toMatchObject({ totalMessages: 7 });
  });
});

describe('a reservation of a resume', () => {
  /** Reserves for a resume that never comes. */
  async function reserved(tenant: Tenant, told = true): Promise<string> {
    const id = await expired(tenant, told);
    failCalls('session.resume', 'before');
    expect(outcome(await tenant.resume(id))).toBe('overloaded');
    resetCalls();
    expect(await figures(tenant)).toEqual(ONE_ACTIVE);
    expect(await tenant.row(id)).toMatchObject({ reserved: 'resume' });
    return id;
  }

  it('that is not used reverts, and nothing is counted', async () => {
    const tenant = new Tenant();
    const id = await reserved(tenant);
    advance(30 * SECOND);
    expect(await tenant.alarm()).toBe(true);
    expect(await figures(tenant)).toEqual(ONE_EXPIRED);
    expect(await tenant.row(id)).toMatchObject({ status: 'expired', reserved: 'no', version: 2 });
    expect(outcome(await tenant.resume(id))).toBe('ok');
    expect(await figures(tenant)).toEqual(ONE_ACTIVE);
  });

  it('that was used, though its report was lost, is confirmed by the sweep', async () => {
    const tenant = new Tenant();
    const id = await expired(tenant);
    failCalls('registry.report', 'before', 1);
    expect(outcome(await tenant.resume(id))).toBe('ok');
    expect(await tenant.row(id)).toMatchObject({ reserved: 'resume' });
    advance(30 * SECOND);
    expect(await tenant.alarm()).toBe(true);
    expect(await figures(tenant)).toEqual(ONE_ACTIVE);
    expect(await tenant.row(id)).toMatchObject({ reserved: 'no' });
  });

  it('refuses a resume that comes past its deadline', async () => {
    const tenant = new Tenant();
    const id = await expired(tenant);
    const plan = valueOf(await tenant.session(id).planResume()).next;
    if (plan === null) throw new Error('The session should have expired');
    const request = { sessionId: id, report: plan.report, expired: plan.expired };
    const { deadline } = valueOf(await tenant.registry.reserve(request));
    advance(15 * SECOND);
    expect(outcome(await tenant.session(id).resume(plan.version, deadline ?? 0))).toBe('overloaded');
    advance(15 * SECOND);
    expect(await tenant.alarm()).toBe(true);
    expect(await figures(tenant)).toEqual(ONE_EXPIRED);
  });

  it.each([true, false])(
    'of a session that is erased meanwhile counts nothing twice (heard: %s)',
    async (told) => {
      const tenant = new Tenant();
      const id = await reserved(tenant, told);
      expect(outcome(await tenant.end(id, true))).toBe('ok');
      expect(await figures(tenant)).toEqual({ ...ONE_EXPIRED, totalInMemory: 0 });
      expect(await tenant.row(id)).toBeNull();
    },
  );

  it('of a session that is erased meanwhile, unheard, counts nothing twice when it is swept', async () => {
    const tenant = new Tenant();
    const id = await reserved(tenant);
    failCalls('registry.report', 'before');
    await tenant.end(id, true);
    advance(30 * SECOND);
    expect(await tenant.alarm()).toBe(true);
    expect(await figures(tenant)).toEqual({ ...ONE_EXPIRED, totalInMemory: 0 });
  });

  it('of a session of which nothing is left is released, and nothing is counted', async () => {
    const tenant = new Tenant();
    const id = await reserved(tenant);
    await tenant.inSession(id, (storage) => storage.deleteAll());
    await tenant.evictSession(id);
    advance(30 * SECOND);
    expect(await tenant.alarm()).toBe(true);
    expect(await figures(tenant)).toEqual({ ...ONE_EXPIRED, totalInMemory: 0 });
  });

  it('is refused where the session has moved on since the plan', async () => {
    const tenant = new Tenant();
    const session = new PaperSession({ sessionTimeoutMs: MINUTE });
    await tenant.registry.reserve(session.reservation());
    advance(MINUTE);
    await tenant.registry.report(session.id, session.settle());
    const request = session.resumption();
    await tenant.registry.reserve(request);
    await tenant.registry.report(session.id, session.resume());
    expect(outcome(await tenant.registry.reserve(request))).toBe('conflict');
    await tenant.registry.report(session.id, session.touch());
    expect(outcome(await tenant.registry.reserve(request))).toBe('conflict');
    expect(await figures(tenant)).toEqual(ONE_ACTIVE);
  });
});
