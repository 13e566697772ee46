import { beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { reset } from 'cloudflare:test';
import type { Session } from '../../src/contract/session.ts';
import { newSessionId } from '../../src/contract/session-id.ts';
import { call, callJson, create } from '../support/api.ts';
import { duringCall, failCalls, resetCalls } from '../support/calls.ts';
import { runRegistryAlarm, runSessionAlarm, stopClock, travel } from '../support/clock.ts';
import { limitTo, stats } from '../support/inventory.ts';
import { expectProblem } from '../support/problems.ts';

beforeAll(stopClock);

let session: Session;
let path: string;
beforeEach(async () => {
  resetCalls();
  await reset();
  session = await create({ sessionTimeoutMs: 60_000 });
  path = `/v1/sessions/${session.sessionId}`;
});

const resume = () => call('POST', `${path}/resume`);

/** Lets the session expire, and the registry hear of it. */
async function expire(): Promise<void> {
  travel(60_000);
  expect(await runSessionAlarm(session.sessionId)).toBe(true);
}

describe('resume', () => {
  test('makes an expired session active again with a fresh timeout', async () => {
    const before = await stats();
    await expire();
    travel(5_000);
    const response = await resume();
    const now = Date.now();
    const resumed = {
      ...session,
      lastActivity: new Date(now).toISOString(),
      expiresAt: new Date(now + 60_000).toISOString(),
      revision: 3,
    };
    expect(await response.json()).toEqual(resumed);
    expect(response.headers.get('ETag')).toBe('"3"');
    expect(await callJson('GET', path)).toEqual(resumed);
    expect(await stats()).toMatchObject({
      activeCount: before.activeCount,
      totalCreated: before.totalCreated,
      totalExpired: before.totalExpired + 1,
    });
  });

  test('works before the alarm has fired, and before the registry has heard', async () => {
    const before = await stats();
    travel(60_000);
    expect((await resume()).status).toBe(200);
    expect(await stats()).toMatchObject({
      activeCount: before.activeCount,
      totalExpired: before.totalExpired + 1,
    });
  });

  test('leaves an active session as it is, asking nobody', async () => {
    failCalls('registry.reserve', 'before');
    expect(await (await resume()).json()).toEqual(session);
  });

  test('is a 410 for what was ended', async () => {
    await call('DELETE', path);
    await expectProblem(await resume(), 'session_ended');
  });

  test('is a 410 past the absolute lifetime, whichever limit it expired by', async () => {
    session = await create({ sessionTimeoutMs: 60_000, maxLifetimeMs: 90_000 });
    path = `/v1/sessions/${session.sessionId}`;
    travel(89_999);
    expect((await resume()).status).toBe(200);
    travel(1);
    expect(await callJson('GET', path)).toMatchObject({ status: 'expired', endReason: 'max_lifetime' });
    await expectProblem(await resume(), 'session_expired');
  });

  test('is a 404 for what never was', async () => {
    await expectProblem(await call('POST', `/v1/sessions/${newSessionId()}/resume`), 'session_not_found');
  });

  test('is a 429 when there is no room, and the session stays expired', async () => {
    await expire();
    await limitTo((await stats()).activeCount);
    const refused = await resume();
    const wait = Number(refused.headers.get('Retry-After'));
    expect(wait).toBeGreaterThanOrEqual(1);
    expect(wait).toBeLessThanOrEqual(60);
    await expectProblem(refused, 'max_sessions_reached');
    expect(await callJson('GET', path)).toMatchObject({ status: 'expired' });
  });

  test('of one session by ten at once takes one slot, and all are told that it is active', async () => {
    await expire();
    const { activeCount } = await stats();
    const answers = await Promise.all(Array.from({ length: 10 }, resume));
    for (const answer of answers) {
      expect(answer.status).toBe(200);
      expect(await answer.json()).toMatchObject({ status: 'active', revision: 3 });
    }
    expect(await callJson('GET', path)).toMatchObject({ status: 'active' });
    expect((await stats()).activeCount).toBe(activeCount + 1);
  });
});

describe('a resume that is interrupted', () => {
  let before: Awaited<ReturnType<typeof stats>>;
  beforeEach(async () => {
    await expire();
    before = await stats();
  });

  test.each([
    ['session.planResume', 'before'],
    ['session.planResume', 'after'],
    ['registry.reserve', 'before'],
    ['registry.reserve', 'after'],
    ['session.resume', 'before'],
  ] as const)('by %s, failing %s, gives its slot back', async (method, kind) => {
    failCalls(method, kind);
    await expectProblem(await resume(), 'overloaded');
    resetCalls();
    travel(30_000);
    await runRegistryAlarm();
    expect(await callJson('GET', path)).toMatchObject({ status: 'expired', revision: 2 });
    expect(await stats()).toEqual(before);
    expect((await resume()).status).toBe(200);
    expect((await stats()).activeCount).toBe(before.activeCount + 1);
  });

  test('by session.resume, failing after its write, keeps its slot', async () => {
    failCalls('session.resume', 'after');
    // Repeated from inside, it finds the session active: but every answer is lost.
    await expectProblem(await resume(), 'overloaded');
    resetCalls();
    expect(await callJson('GET', path)).toMatchObject({ status: 'active', revision: 3 });
    travel(30_000);
    await runRegistryAlarm();
    expect((await stats()).activeCount).toBe(before.activeCount + 1);
    expect(await callJson('GET', path)).toMatchObject({ status: 'active' });
  });

  test('by a report that is lost keeps its slot', async () => {
    failCalls('registry.report', 'before');
    expect((await resume()).status).toBe(200);
    resetCalls();
    travel(30_000);
    expect(await runRegistryAlarm()).toBe(true);
    expect((await stats()).activeCount).toBe(before.activeCount + 1);
    expect(await callJson('GET', path)).toMatchObject({ status: 'active' });
  });

  test('by a purge between its steps does not bring the session back', async () => {
    duringCall('registry.reserve', async () => {
      await call('DELETE', `${path}?purge=true`);
    });
    expect((await resume()).ok).toBe(false);
    await expectProblem(await call('GET', path), 'session_not_found');
    travel(60_000);
    await runRegistryAlarm();
    expect((await stats()).activeCount).toBe(before.activeCount);
  });

  test('past its reservation’s deadline is refused, and gives its slot back', async () => {
    duringCall('registry.reserve', async () => {
      travel(15_000);
    });
    const late = await resume();
    expect(late.headers.get('Retry-After')).toBe('1');
    await expectProblem(late, 'overloaded');
    travel(15_000);
    expect(await runRegistryAlarm()).toBe(true);
    expect(await stats()).toEqual(before);
  });
});
