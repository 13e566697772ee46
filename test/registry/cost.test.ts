import { env } from 'cloudflare:workers';
import { runDurableObjectAlarm } from 'cloudflare:test';
import { beforeEach, describe, expect, it } from 'vitest';
import { newSessionId } from '../../src/contract/session-id.ts';
import { call, create } from '../support/api.ts';
import { sessionObjectName } from '../../src/protocol/names.ts';
import { callsMade, callsSettled, resetCalls } from '../support/calls.ts';
import { resetRows, rowsWritten } from '../support/meter.ts';
import { HOUR, MINUTE, SECOND, START, Tenant, advance, stopClock, stopTimers } from '../support/tenant.ts';

// The bill: object calls, and rows written by the session and by the registry.

const REGISTRY = 'default';
const sessionName = (id: string) => `default/${id}`;
const path = (id: string) => `/v1/sessions/${id}`;

function resetCounts(): void {
  resetCalls();
  resetRows();
}

/** What has been spent since the last reset, once everything off the path has come to its end. */
async function spent(id: string): Promise<{ calls: readonly string[]; rows: number }> {
  await callsSettled();
  return { calls: callsMade(), rows: rowsWritten(sessionName(id)) + rowsWritten(REGISTRY) };
}

const runAlarm = async (id: string): Promise<void> => {
  expect(await runDurableObjectAlarm(env.SESSIONS.getByName(sessionName(id)))).toBe(true);
};

let tests = 0;

beforeEach(async () => {
  // Each test a little later: ids never go back in time.
  tests += 1;
  stopClock(START + tests * 2 * MINUTE);
  // The first use of a tenant is apart: its tables, its first minute, its limit.
  await call('PUT', '/v1/registry/limits', { body: { maxSessions: 1_000 } });
  await create();
  await callsSettled();
  resetCounts();
});

describe('what it costs', () => {
  it('to read a session: one call, no row', async () => {
    const { sessionId } = await create();
    await callsSettled();
    resetCounts();
    expect((await call('GET', path(sessionId))).status).toBe(200);
    expect(await spent(sessionId)).toEqual({ calls: ['session.get'], rows: 0 });
  });

  it('to touch one: one call, one row, and at most one report per interval', async () => {
    const { sessionId } = await create();
    await callsSettled();
    resetCounts();
    for (let i = 0; i < 10; i += 1) {
      advance(SECOND);
      expect((await call('POST', `${path(sessionId)}/activity`)).status).toBe(200);
    }
    const early = await spent(sessionId);
    expect(early).toEqual({ calls: Array.from({ length: 10 }, () => 'session.touch'), rows: 10 });
    advance(5 * SECOND);
    for (let i = 0; i < 14; i += 1) {
      await call('POST', `${path(sessionId)}/activity`);
      await callsSettled();
      advance(SECOND);
    }
    const { calls } = await spent(sessionId);
    expect(calls.filter((name) => name === 'registry.report')).toHaveLength(1);
    expect(rowsWritten(sessionName(sessionId))).toBe(24);
  });

  it('to create one: two calls, one more off the path, 12 rows at the most', async () => {
    const { sessionId } = await create({ model: 'opus' });
    const { calls, rows } = await spent(sessionId);
    expect(calls).toEqual(['registry.reserve', 'session.create', 'registry.report']);
    expect(rows).toBeLessThanOrEqual(12);
  });

  it('to end one: two calls, 8 rows at the most', async () => {
    const { sessionId } = await create({ model: 'opus' });
    await callsSettled();
    resetCounts();
    expect((await call('DELETE', path(sessionId))).status).toBe(200);
    const { calls, rows } = await spent(sessionId);
    expect(calls).toEqual(['session.end', 'registry.report']);
    expect(rows).toBeLessThanOrEqual(8);
  });

  it('to let one fall idle, from its last touch on: two alarms, one report, 9 rows at the most', async () => {
    const { sessionId } = await create({ model: 'opus', sessionTimeoutMs: MINUTE });
    advance(5 * SECOND);
    await call('POST', `${path(sessionId)}/activity`);
    advance(MINUTE - 5 * SECOND);
    // Whatever comes first in a minute writes down the one before: that is the tenant's, once a minute.
    await create();
    await callsSettled();
    resetCounts();
    await runAlarm(sessionId);
    expect(callsMade()).toEqual([]);
    advance(5 * SECOND);
    await runAlarm(sessionId);
    const { calls, rows } = await spent(sessionId);
    expect(calls).toEqual(['registry.report']);
    expect(rows).toBeLessThanOrEqual(9);
    const gone = await call('POST', `${path(sessionId)}/activity`);
    expect(gone.status).toBe(410);
  });

  it('to refuse a create: one call, no row but for those of many refusals together', async () => {
    const { sessionId } = await create();
    await callsSettled();
    await call('PUT', '/v1/registry/limits', { body: { maxSessions: 1 } });
    resetCounts();
    stopTimers();
    for (let i = 0; i < 5; i += 1) expect((await call('POST', '/v1/sessions')).status).toBe(429);
    const { calls, rows } = await spent(sessionId);
    expect(calls).toEqual(Array.from({ length: 5 }, () => 'registry.reserve'));
    expect(rows).toBe(0);
  });

  it('to ask for an id that nobody created: one call, no row, and none of the registry', async () => {
    const id = newSessionId();
    const requests: [method: string, path: string, body?: unknown][] = [
      ['GET', path(id)],
      ['PATCH', path(id), { model: 'opus' }],
      ['POST', `${path(id)}/activity`],
      ['PUT', `${path(id)}/claude-session-id`, { claudeSessionId: 'claude' }],
      ['POST', `${path(id)}/resume`],
      ['DELETE', path(id)],
      ['DELETE', `${path(id)}?purge=true`],
    ];
    for (const [method, address, body] of requests) {
      resetCounts();
      expect((await call(method, address, { body })).status).toBe(404);
      const { calls, rows } = await spent(id);
      expect(calls).toHaveLength(1);
      expect(calls[0]).toMatch(/^session\./);
      expect(rows).toBe(0);
    }
  });

  it('to ask for an id that cannot be ours: no call at all', async () => {
    const future = `ffff${newSessionId().slice(4)}`;
    for (const id of ['nonsense', future, crypto.randomUUID()])
      expect((await call('GET', path(id))).status).toBe(404);
    expect(callsMade()).toEqual([]);
  });
});

describe('what comes on top', () => {
  const spentBy = (tenant: Tenant, id: string) =>
    rowsWritten(sessionObjectName(tenant.name, id)) + rowsWritten(tenant.name);

  /** Runs the alarms of a session and of its registry as they come, until then. Answers what each has cost. */
  async function runAlarms(
    tenant: Tenant,
    id: string,
    end: number,
  ): Promise<[whose: string, rows: number][]> {
    for (const ran: [string, number][] = []; ;) {
      const own = await tenant.inSession(id, (storage) => storage.getAlarm());
      const next = Math.min(own ?? Infinity, (await tenant.alarmAt()) ?? Infinity);
      if (next > end) return ran;
      stopClock(next);
      const before = spentBy(tenant, id);
      expect(await (next === own ? tenant.sessionAlarm(id) : tenant.alarm())).toBe(true);
      ran.push([next === own ? 'session' : 'registry', spentBy(tenant, id) - before]);
    }
  }

  it('of an idle session that is alone in its tenant: two alarms of the registry, and a row for the minute', async () => {
    const tenant = new Tenant();
    const id = await tenant.created({ model: 'opus', sessionTimeoutMs: HOUR });
    // This alarm comes of the create.
    advance(30 * SECOND);
    expect(await tenant.alarm()).toBe(true);
    advance(10 * MINUTE);
    await tenant.touch(id);
    advance(5 * SECOND);
    await tenant.touch(id);
    resetCounts();
    const ran = await runAlarms(tenant, id, Date.now() + HOUR + 45 * SECOND);
    expect(ran).toEqual([
      ['session', 1],
      ['registry', 1],
      // 3 of the session, 5 of its row, its tally and the totals, 1 of the minute that was over.
      ['session', 9],
      ['registry', 1],
    ]);
    expect(callsMade()).toEqual(['registry.report']);
  });

  it('of whatever is counted first in a minute: one row', async () => {
    const tenant = new Tenant();
    const ids = [await tenant.created(), await tenant.created(), await tenant.created()];
    advance(MINUTE);
    const rows: number[] = [];
    for (const id of ids.slice(1)) {
      resetCounts();
      await tenant.end(id);
      rows.push(spentBy(tenant, id));
    }
    expect(rows[0]).toBe((rows[1] ?? 0) + 1);
  });
});
