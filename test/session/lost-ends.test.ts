import { beforeEach, describe, expect, it } from 'vitest';
import { callsMade, callsSettled, failCalls, resetCalls } from '../support/calls.ts';
import { changeSettings } from '../support/settings.ts';
import { DEFAULTS, HOUR, MINUTE, SECOND, Tenant, advance, outcome, stopClock } from '../support/tenant.ts';

const DAY = 24 * HOUR;
const LONG = { sessionTimeoutMs: 30 * DAY };

beforeEach(() => {
  stopClock();
  resetCalls();
  changeSettings();
});

/** Runs the session's alarms as they come, until there is none or the time is over. */
async function runAlarms(tenant: Tenant, id: string, ms: number): Promise<void> {
  const until = Date.now() + ms;
  for (;;) {
    const at = await tenant.inSession(id, (storage) => storage.getAlarm());
    if (at === null || at > until) {
      stopClock(until);
      return;
    }
    if (at > Date.now()) stopClock(at);
    await tenant.sessionAlarm(id);
  }
}

const figures = async (tenant: Tenant) => {
  const { activeCount, totalEnded, totalExpired, totalInMemory } = await tenant.registry.stats();
  return { activeCount, totalEnded, totalExpired, totalInMemory };
};

const ONE_ENDED = { activeCount: 0, totalEnded: 1, totalExpired: 0, totalInMemory: 0 };

describe.each([
  ['an end', false],
  ['a purge', true],
])('%s whose report was lost gives its slot back, and is counted as ended,', (_, purge) => {
  it.each([0, SECOND, MINUTE])('where the retention is %d ms', async (retentionMs) => {
    changeSettings({ RETENTION_MS: retentionMs });
    const tenant = new Tenant();
    await tenant.registry.setLimits({ maxSessions: 1 });
    const id = await tenant.created(LONG);
    advance(MINUTE);
    failCalls('registry.report', 'before', 1);
    expect(outcome(await tenant.end(id, purge))).toBe('ok');
    await runAlarms(tenant, id, 5 * SECOND);
    expect((await figures(tenant)).activeCount).toBe(0);
    await runAlarms(tenant, id, DAY);
    expect(await figures(tenant)).toEqual(ONE_ENDED);
    expect(outcome(await tenant.create())).toBe('ok');
  });

  it('after an outage of the registry that was longer than the retention', async () => {
    changeSettings({ RETENTION_MS: MINUTE });
    const tenant = new Tenant();
    const id = await tenant.created(LONG);
    advance(MINUTE);
    failCalls('registry.report', 'before');
    await tenant.end(id, purge);
    await runAlarms(tenant, id, 20 * MINUTE);
    expect(await tenant.row(id)).toMatchObject({ status: 'active' });
    expect(outcome(await tenant.session(id).get())).toBe('session_not_found');
    resetCalls();
    await runAlarms(tenant, id, 5 * MINUTE);
    expect(await figures(tenant)).toEqual(ONE_ENDED);
  });

  it('and leaves nothing behind, telling of itself no more than it has to', async () => {
    const tenant = new Tenant();
    const id = await tenant.created(LONG);
    advance(MINUTE);
    failCalls('registry.report', 'before', 1);
    await tenant.end(id, purge);
    resetCalls();
    await runAlarms(tenant, id, 2 * DAY);
    const stored = await tenant.inSession(id, async (storage) => ({
      keys: [...storage.kv.list()].length,
      alarm: await storage.getAlarm(),
    }));
    expect(stored).toEqual({ keys: 0, alarm: null });
    expect(callsMade().length).toBeLessThanOrEqual(2);
    await runAlarms(tenant, id, 60 * DAY);
    expect(callsMade().length).toBeLessThanOrEqual(2);
  });
});

it('an expiry after a cut of the timeout, both unheard for longer than the retention, gives its slot back', async () => {
  changeSettings({ RETENTION_MS: MINUTE });
  const tenant = new Tenant();
  const id = await tenant.created(LONG);
  failCalls('registry.report', 'before');
  await tenant.session(id).patch({ sessionTimeoutMs: SECOND }, DEFAULTS, null);
  await callsSettled();
  await runAlarms(tenant, id, 20 * MINUTE);
  expect(await tenant.row(id)).toMatchObject({ status: 'active' });
  expect(outcome(await tenant.session(id).get())).toBe('session_not_found');
  resetCalls();
  await runAlarms(tenant, id, 5 * MINUTE);
  expect(await figures(tenant)).toEqual({ ...ONE_ENDED, totalEnded: 0, totalExpired: 1 });
});
