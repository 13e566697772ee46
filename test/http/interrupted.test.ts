import { beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { reset } from 'cloudflare:test';
import type { Session } from '../../src/contract/session.ts';
import { call, callJson, create } from '../support/api.ts';
import { duringCall, failCalls, resetCalls } from '../support/calls.ts';
import { runRegistryAlarm, runSessionAlarm, stopClock, travel } from '../support/clock.ts';
import { limitTo, listAll, stats } from '../support/inventory.ts';
import { expectProblem } from '../support/problems.ts';

/** From when on an unused reservation is settled, and a minute: when a slot must be right again at the latest. */
const RESERVATION_SETTLE_MS = 30_000;
const MINUTE_MS = 60_000;

beforeAll(stopClock);
beforeEach(async () => {
  resetCalls();
  await reset();
});

const counted = async () => {
  const { activeCount, totalCreated, totalExpired, totalEnded } = await stats();
  expect(await listAll('status=active')).toHaveLength(activeCount);
  return { activeCount, totalCreated, totalExpired, totalEnded };
};

describe('a create that is interrupted', () => {
  const post = () => call('POST', '/v1/sessions', { body: { sessionTimeoutMs: 10 * MINUTE_MS } });

  test('before its slot is taken leaves nothing', async () => {
    failCalls('registry.reserve', 'before');
    await expectProblem(await post(), 'overloaded');
    resetCalls();
    expect(await counted()).toMatchObject({ activeCount: 0, totalCreated: 0 });
  });

  test.each([
    ['registry.reserve', 'after'],
    ['session.create', 'before'],
  ] as const)(
    '%s %s: the slot is held, then given back, and the create not counted',
    async (method, kind) => {
      failCalls(method, kind);
      await expectProblem(await post(), 'overloaded');
      resetCalls();
      const [row] = await listAll();
      expect(await counted()).toMatchObject({ activeCount: 1 });
      await expectProblem(await call('GET', `/v1/sessions/${row?.sessionId}`), 'session_not_found');
      travel(RESERVATION_SETTLE_MS);
      expect(await runRegistryAlarm()).toBe(true);
      expect(await counted()).toEqual({ activeCount: 0, totalCreated: 0, totalExpired: 0, totalEnded: 0 });
      expect(await listAll()).toEqual([]);
    },
  );

  test('after its session was written keeps the slot: the session lives', async () => {
    failCalls('session.create', 'after');
    await expectProblem(await post(), 'overloaded');
    resetCalls();
    travel(RESERVATION_SETTLE_MS);
    await runRegistryAlarm();
    expect(await counted()).toMatchObject({ activeCount: 1, totalCreated: 1 });
    const [row] = await listAll();
    expect(await callJson('GET', `/v1/sessions/${row?.sessionId}`)).toMatchObject({ status: 'active' });
  });

  test('by a report that never arrives keeps the slot: the registry asks', async () => {
    failCalls('registry.report', 'before');
    const { sessionId } = await create({ sessionTimeoutMs: 10 * MINUTE_MS });
    travel(RESERVATION_SETTLE_MS);
    expect(await runRegistryAlarm()).toBe(true);
    expect(await counted()).toMatchObject({ activeCount: 1, totalCreated: 1 });
    expect(await callJson('GET', `/v1/sessions/${sessionId}`)).toMatchObject({ status: 'active' });
  });

  test('past its deadline writes nothing, and its slot comes back', async () => {
    duringCall('registry.reserve', async () => travel(15_000));
    const late = await post();
    expect(late.headers.get('Retry-After')).toBe('1');
    await expectProblem(late, 'overloaded');
    const [row] = await listAll();
    await expectProblem(await call('GET', `/v1/sessions/${row?.sessionId}`), 'session_not_found');
    travel(15_000);
    expect(await runRegistryAlarm()).toBe(true);
    expect(await counted()).toMatchObject({ activeCount: 0, totalCreated: 0 });
  });

  test('makes room for the next one by itself, without an alarm', async () => {
    await limitTo(1);
    failCalls('session.create', 'before');
    await expectProblem(await post(), 'overloaded');
    resetCalls();
    await expectProblem(await post(), 'max_sessions_reached');
    travel(RESERVATION_SETTLE_MS);
    expect((await post()).status).toBe(201);
    expect(await counted()).toMatchObject({ activeCount: 1, totalCreated: 1 });
  });
});

describe('an end that is interrupted', () => {
  let session: Session;
  let path: string;
  beforeEach(async () => {
    session = await create({ sessionTimeoutMs: 10 * MINUTE_MS });
    path = `/v1/sessions/${session.sessionId}`;
  });

  test('before it arrives has done nothing', async () => {
    failCalls('session.end', 'before');
    await expectProblem(await call('DELETE', path), 'overloaded');
    resetCalls();
    expect(await callJson('GET', path)).toEqual(session);
    expect((await call('DELETE', path)).status).toBe(200);
    expect(await counted()).toMatchObject({ activeCount: 0, totalEnded: 1 });
  });

  test('after it was carried out holds, and is counted once', async () => {
    failCalls('session.end', 'after');
    await expectProblem(await call('DELETE', path), 'overloaded');
    resetCalls();
    await expectProblem(await call('DELETE', path), 'session_ended');
    expect(await counted()).toMatchObject({ activeCount: 0, totalEnded: 1 });
  });

  test('with the registry away holds; the alarm tells it, and however often it is counted once', async () => {
    failCalls('registry.report', 'before');
    expect((await call('DELETE', path)).status).toBe(200);
    expect(await counted()).toMatchObject({ activeCount: 1, totalEnded: 0 });
    travel(5_000);
    expect(await runSessionAlarm(session.sessionId)).toBe(true);
    expect(await counted()).toMatchObject({ activeCount: 1, totalEnded: 0 });
    resetCalls();
    failCalls('registry.report', 'after', 1);
    travel(5_000);
    expect(await runSessionAlarm(session.sessionId)).toBe(true);
    travel(5_000);
    expect(await runSessionAlarm(session.sessionId)).toBe(true);
    expect(await counted()).toMatchObject({ activeCount: 0, totalEnded: 1 });
  });
});

describe('an expiry that is interrupted', () => {
  let session: Session;
  beforeEach(async () => {
    session = await create({ sessionTimeoutMs: MINUTE_MS });
  });

  test('by an alarm that was lost gives its slot back within a minute', async () => {
    travel(2 * MINUTE_MS);
    expect(await runRegistryAlarm()).toBe(true);
    expect(await counted()).toMatchObject({ activeCount: 0, totalExpired: 1 });
    const found = await callJson<Session>('GET', `/v1/sessions/${session.sessionId}`);
    expect(found).toMatchObject({ status: 'expired', endedAt: session.expiresAt });
  });

  test('by a registry that is away is told again, and counted once', async () => {
    failCalls('registry.report', 'before');
    travel(MINUTE_MS);
    expect(await runSessionAlarm(session.sessionId)).toBe(true);
    resetCalls();
    failCalls('registry.report', 'after', 1);
    travel(5_000);
    expect(await runSessionAlarm(session.sessionId)).toBe(true);
    travel(5_000);
    expect(await runSessionAlarm(session.sessionId)).toBe(true);
    expect(await counted()).toMatchObject({ activeCount: 0, totalExpired: 1 });
  });

  test('by a session that cannot be asked keeps its slot until it can', async () => {
    failCalls('session.settle', 'before');
    travel(2 * MINUTE_MS);
    expect(await runRegistryAlarm()).toBe(true);
    const { activeCount } = await stats();
    expect(activeCount).toBe(1);
    resetCalls();
    travel(15_000);
    expect(await runRegistryAlarm()).toBe(true);
    expect(await counted()).toMatchObject({ activeCount: 0, totalExpired: 1 });
  });
});

test('reading, touching, changing and ending never wait for a registry that is away', async () => {
  const { sessionId } = await create();
  const path = `/v1/sessions/${sessionId}`;
  failCalls('registry.report', 'before');
  failCalls('registry.reserve', 'before');
  travel(MINUTE_MS);
  expect((await call('GET', path)).status).toBe(200);
  expect((await call('POST', `${path}/activity`)).status).toBe(200);
  expect((await call('PATCH', path, { body: { model: 'm' } })).status).toBe(200);
  const link = { body: { claudeSessionId: 'c' } };
  expect((await call('PUT', `${path}/claude-session-id`, link)).status).toBe(200);
  expect((await call('DELETE', path)).status).toBe(200);
});
