import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { callsMade, callsSettled, duringCall, failCalls, resetCalls } from '../support/calls.ts';
import {
  DEFAULTS,
  HOUR,
  MINUTE,
  SECOND,
  Tenant,
  advance,
  stopClock,
  stopTimers,
  valueOf,
} from '../support/tenant.ts';

beforeEach(() => {
  stopClock();
  resetCalls();
});
afterEach(() => vi.useRealTimers());

const CHANGED = { model: 'new', metadata: { team: 'x' } };

/** A session that was patched and linked, of which the registry has heard nothing. */
async function unheard(tenant: Tenant): Promise<string> {
  const id = await tenant.created({ model: 'old', sessionTimeoutMs: HOUR });
  failCalls('registry.report', 'before');
  valueOf(await tenant.session(id).patch(CHANGED, DEFAULTS, null));
  valueOf(await tenant.session(id).link({ claudeSessionId: 'claude' }, null));
  await callsSettled();
  expect((await tenant.row(id))?.summary.config.model).toBe('old');
  return id;
}

async function expectKnown(tenant: Tenant, id: string): Promise<void> {
  const found = [{ sessionId: id, config: CHANGED, claudeSessionId: 'claude' }];
  expect(await tenant.list()).toMatchObject(found);
  expect(await tenant.list({ model: 'new' })).toMatchObject(found);
  expect(await tenant.list({ labels: [['team', 'x']] })).toMatchObject(found);
  expect(await tenant.list({ claudeSessionId: 'claude' })).toMatchObject(found);
  expect(await tenant.list({ model: 'old' })).toEqual([]);
  expect((await tenant.registry.stats()).byModel).toEqual({ new: 1 });
}

const alarmAt = (tenant: Tenant, id: string) => tenant.inSession(id, (storage) => storage.getAlarm());

describe('a change whose report was lost is told again', () => {
  it.each([false, true])('by an alarm within 30 s (evicted meanwhile: %s)', async (evicted) => {
    const tenant = new Tenant();
    const id = await unheard(tenant);
    resetCalls();
    if (evicted) await tenant.evictSession(id);
    advance(30 * SECOND);
    expect(await tenant.sessionAlarm(id)).toBe(true);
    await expectKnown(tenant, id);
    expect(await alarmAt(tenant, id)).toBe(Date.now() + HOUR - 30 * SECOND);
  });

  it('by an alarm again and again, until it is heard', async () => {
    const tenant = new Tenant();
    const id = await unheard(tenant);
    for (let i = 0; i < 3; i += 1) {
      advance(30 * SECOND);
      expect(await tenant.sessionAlarm(id)).toBe(true);
      await tenant.evictSession(id);
    }
    resetCalls();
    advance(30 * SECOND);
    expect(await tenant.sessionAlarm(id)).toBe(true);
    await expectKnown(tenant, id);
  });

  it.each([false, true])('by the next touch (evicted meanwhile: %s)', async (evicted) => {
    const tenant = new Tenant();
    const id = await unheard(tenant);
    resetCalls();
    if (evicted) await tenant.evictSession(id);
    await tenant.touch(id);
    await expectKnown(tenant, id);
    resetCalls();
    advance(SECOND);
    await tenant.touch(id);
    expect(callsMade()).toEqual(['session.touch']);
  });

  it('by an alarm, where the next touch told of it in vain', async () => {
    const tenant = new Tenant();
    const id = await unheard(tenant);
    await tenant.touch(id);
    resetCalls();
    await tenant.evictSession(id);
    advance(30 * SECOND);
    expect(await tenant.sessionAlarm(id)).toBe(true);
    await expectKnown(tenant, id);
  });

  it('by the early alarm of a session that was killed before it could tell', async () => {
    const tenant = new Tenant();
    const id = await tenant.created({ model: 'old', sessionTimeoutMs: HOUR });
    advance(MINUTE);
    await tenant.touch(id);
    failCalls('registry.report', 'hang');
    valueOf(await tenant.session(id).patch(CHANGED, DEFAULTS, null));
    valueOf(await tenant.session(id).link({ claudeSessionId: 'claude' }, null));
    await tenant.killSession(id);
    resetCalls();
    advance(HOUR - MINUTE);
    expect(await tenant.sessionAlarm(id)).toBe(true);
    await expectKnown(tenant, id);
  });

  it('though touches came before the loss was known, of which one told of it in vain', async () => {
    const tenant = new Tenant();
    const id = await tenant.created({ model: 'old', sessionTimeoutMs: HOUR });
    failCalls('registry.report', 'hang');
    stopTimers();
    valueOf(await tenant.session(id).patch(CHANGED, DEFAULTS, null));
    valueOf(await tenant.session(id).link({ claudeSessionId: 'claude' }, null));
    for (let i = 0; i < 2; i += 1) valueOf(await tenant.session(id).touch(1, null));
    await tenant.inSession(id, () => vi.advanceTimersByTimeAsync(5 * SECOND));
    resetCalls();
    await tenant.evictSession(id);
    advance(30 * SECOND);
    expect(await tenant.sessionAlarm(id)).toBe(true);
    await expectKnown(tenant, id);
  });
});

it('a loss that is known only once the session is due sets no alarm in the past, which could stall', async () => {
  const tenant = new Tenant();
  const id = await unheard(tenant);
  resetCalls();
  duringCall('registry.report', async () => {
    advance(HOUR);
    throw new Error('the answer was lost');
  });
  advance(30 * SECOND);
  expect(await tenant.sessionAlarm(id)).toBe(true);
  expect(await alarmAt(tenant, id)).toBeGreaterThan(Date.now());
  advance(SECOND);
  expect(await tenant.sessionAlarm(id)).toBe(true);
  expect((await tenant.row(id))?.status).toBe('expired');
});

it('a report of mere activity that was lost sets no alarm and writes no row of its own', async () => {
  const tenant = new Tenant();
  const id = await tenant.created({ sessionTimeoutMs: HOUR });
  const at = await alarmAt(tenant, id);
  failCalls('registry.report', 'before');
  for (let i = 0; i < 3; i += 1) {
    advance(15 * SECOND);
    await tenant.touch(id);
  }
  expect(await alarmAt(tenant, id)).toBe(at);
});
