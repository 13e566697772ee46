import { beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { runInDurableObject } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import type { Session } from '../../src/contract/session.ts';
import { call, callJson, create } from '../support/api.ts';
import { failCalls, resetCalls } from '../support/calls.ts';
import { runSessionAlarm, stopClock, travel } from '../support/clock.ts';
import { limitTo, listAll, stats } from '../support/inventory.ts';
import { expectProblem } from '../support/problems.ts';

const RETENTION_MS = 86_400_000;

beforeAll(stopClock);

let session: Session;
let path: string;
beforeEach(async () => {
  resetCalls();
  await limitTo(1_000);
  session = await create({ sessionTimeoutMs: 60_000 });
  path = `/v1/sessions/${session.sessionId}`;
});

const isListed = async () => (await listAll()).some(({ sessionId }) => sessionId === session.sessionId);

/** Every call on the session answers 404, and no list has it. */
async function expectGone(): Promise<void> {
  for (const [method, address, body] of [
    ['GET', path],
    ['PATCH', path, { model: 'm' }],
    ['POST', `${path}/activity`],
    ['PUT', `${path}/claude-session-id`, { claudeSessionId: 'a' }],
    ['POST', `${path}/resume`],
    ['DELETE', path],
    ['DELETE', `${path}?purge=true`],
  ] as const) {
    await expectProblem(await call(method, address, { body }), 'session_not_found');
  }
  expect(await isListed()).toBe(false);
}

/** What the session's object has stored. */
function stored(): Promise<unknown[]> {
  const stub = env.SESSIONS.getByName(`default/${session.sessionId}`);
  return runInDurableObject(stub, (_, { storage }) => [...storage.kv.list()]);
}

describe('DELETE', () => {
  test('answers the final session, which stays readable', async () => {
    travel(5_000);
    const now = new Date().toISOString();
    const response = await call('DELETE', path);
    expect(response.status).toBe(200);
    const final = { ...session, status: 'ended', endedAt: now, endReason: 'ended', revision: 2 };
    expect(await response.json()).toEqual(final);
    expect(await callJson('GET', path)).toEqual(final);
  });

  test('frees the slot for the very next create', async () => {
    const { activeCount } = await stats();
    await limitTo(activeCount);
    expect((await call('POST', '/v1/sessions')).status).toBe(429);
    await call('DELETE', path);
    expect((await call('POST', '/v1/sessions')).status).toBe(201);
  });

  test('works when all slots are taken', async () => {
    await limitTo(0);
    expect((await call('DELETE', path)).status).toBe(200);
  });

  test('is a 410 for what is not active', async () => {
    await call('DELETE', path);
    await expectProblem(await call('DELETE', path), 'session_ended');
    const short = await create({ sessionTimeoutMs: 60_000 });
    travel(60_000);
    await expectProblem(await call('DELETE', `/v1/sessions/${short.sessionId}`), 'session_expired');
  });

  test('of two at once, one ends the session', async () => {
    const answers = await Promise.all([call('DELETE', path), call('DELETE', path)]);
    expect(answers.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([200, 410]);
  });

  test('holds with the registry away, and frees the slot once it is back', async () => {
    const before = await stats();
    failCalls('registry.report', 'before');
    const startedAt = performance.now();
    expect((await call('DELETE', path)).status).toBe(200);
    expect(performance.now() - startedAt).toBeLessThan(2_500);
    expect((await stats()).activeCount).toBe(before.activeCount);
    resetCalls();
    expect(await runSessionAlarm(session.sessionId)).toBe(true);
    expect(await stats()).toMatchObject({
      activeCount: before.activeCount - 1,
      totalEnded: before.totalEnded + 1,
    });
  });

  test('answers within about two seconds when the registry never does', async () => {
    failCalls('registry.report', 'hang', 1);
    const startedAt = performance.now();
    expect((await call('DELETE', path)).status).toBe(200);
    expect(performance.now() - startedAt).toBeLessThan(3_500);
  }, 10_000);
});

describe('DELETE ?purge=true', () => {
  test('answers the final session of an active one, and erases it', async () => {
    const { totalEnded, activeCount } = await stats();
    const purged = await callJson<Session>('DELETE', `${path}?purge=true`);
    expect(purged).toMatchObject({ sessionId: session.sessionId, status: 'ended', endReason: 'ended' });
    await expectGone();
    expect(await stats()).toMatchObject({ totalEnded: totalEnded + 1, activeCount: activeCount - 1 });
  });

  test('erases an ended one, as it ended', async () => {
    const ended = await callJson('DELETE', path);
    const { totalEnded } = await stats();
    travel(1_000);
    expect(await callJson('DELETE', `${path}?purge=true`)).toEqual(ended);
    await expectGone();
    expect((await stats()).totalEnded).toBe(totalEnded);
  });

  test('erases an expired one, as it expired', async () => {
    travel(61_000);
    const purged = await callJson<Session>('DELETE', `${path}?purge=true`);
    expect(purged).toMatchObject({
      status: 'expired',
      endReason: 'idle_timeout',
      endedAt: session.expiresAt,
    });
    await expectGone();
  });

  test('leaves nothing stored', async () => {
    await call('DELETE', `${path}?purge=true`);
    travel(30_000);
    await runSessionAlarm(session.sessionId);
    expect(await stored()).toEqual([]);
    await expectGone();
  });

  test('hides the session at once with the registry away, and clears the list once it is back', async () => {
    failCalls('registry.report', 'before');
    expect((await call('DELETE', `${path}?purge=true`)).status).toBe(200);
    await expectProblem(await call('GET', path), 'session_not_found');
    resetCalls();
    expect(await runSessionAlarm(session.sessionId)).toBe(true);
    await expectGone();
  });

  test('with false is a plain end', async () => {
    expect((await call('DELETE', `${path}?purge=false`)).status).toBe(200);
    expect((await call('GET', path)).status).toBe(200);
  });
});

describe('retention', () => {
  test('counts from the end; past it every call is a 404, and nothing is stored', async () => {
    await call('DELETE', path);
    travel(RETENTION_MS - 1);
    expect((await call('GET', path)).status).toBe(200);
    expect(await isListed()).toBe(true);
    travel(1);
    await expectGone();
    expect(await runSessionAlarm(session.sessionId)).toBe(true);
    expect(await stored()).toEqual([]);
  });

  test('of an expired session counts from its expiry, however late that is noticed', async () => {
    travel(60_000 + RETENTION_MS - 1);
    expect(await callJson('GET', path)).toMatchObject({ status: 'expired', endedAt: session.expiresAt });
    travel(1);
    await expectGone();
  });
});
