import { beforeAll, beforeEach, expect, test } from 'vitest';
import { evictDurableObject, reset } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import type { Series } from '../../src/contract/registry.ts';
import { call, callJson, create } from '../support/api.ts';
import { runSessionAlarm, stopClock, travel } from '../support/clock.ts';
import { limitTo, stats } from '../support/inventory.ts';
import { expectProblem } from '../support/problems.ts';

beforeAll(stopClock);
beforeEach(async () => {
  await reset();
  // To the start of a minute, so that a test's steps fall into the minutes that it means.
  travel(60_000 - (Date.now() % 60_000));
});

const series = async (minutes?: number) =>
  (await callJson<Series>('GET', `/v1/registry/series${minutes === undefined ? '' : `?minutes=${minutes}`}`))
    .data;

test('a registry that nobody has used yet says so, and stores nothing', async () => {
  expect(await stats()).toEqual({
    totalCreated: 0,
    activeCount: 0,
    totalInMemory: 0,
    sessionsByStatus: { active: 0, expired: 0, ended: 0 },
    maxSessions: 100,
    totalExpired: 0,
    totalEnded: 0,
    totalRejected: 0,
    totalMessages: 0,
    averageDurationMs: 0,
    byModel: {},
    byPermissionMode: {},
  });
  expect(await callJson('GET', '/v1/registry/limits')).toEqual({ maxSessions: 100 });
  expect(await callJson('GET', '/v1/sessions')).toEqual({ data: [], nextCursor: null });
  expect((await series()).every(({ active, created }) => active === 0 && created === 0)).toBe(true);
});

test('the statistics count what happened', async () => {
  const first = await create({ model: 'a', permissionMode: 'plan' });
  await create({ model: 'a' });
  await create({ model: 'b' });
  const short = await create({ sessionTimeoutMs: 20_000 });
  // The first report of a create is on its way only after its answer; then activity is told by interval.
  travel(20_000);
  await runSessionAlarm(short.sessionId);
  await call('POST', `/v1/sessions/${first.sessionId}/activity`, { body: { messages: 7 } });
  travel(20_000);
  await call('DELETE', `/v1/sessions/${first.sessionId}`);
  await limitTo(2);
  await expectProblem(await call('POST', '/v1/sessions'), 'max_sessions_reached');
  expect(await stats()).toEqual({
    totalCreated: 4,
    activeCount: 2,
    totalInMemory: 4,
    sessionsByStatus: { active: 2, expired: 1, ended: 1 },
    maxSessions: 2,
    totalExpired: 1,
    totalEnded: 1,
    totalRejected: 1,
    totalMessages: 7,
    averageDurationMs: (20_000 + 40_000) / 2,
    byModel: { a: 1, b: 1 },
    byPermissionMode: { default: 2 },
  });
});

test('the series has every minute, oldest first, the running one last', async () => {
  const { sessionId } = await create();
  await create();
  travel(120_000);
  await call('POST', `/v1/sessions/${sessionId}/activity`, { body: { messages: 3 } });
  await call('DELETE', `/v1/sessions/${sessionId}`);
  const data = await series(4);
  const running = Date.now() - (Date.now() % 60_000);
  expect(data.map(({ minute }) => Date.parse(minute) - running)).toEqual([-180_000, -120_000, -60_000, 0]);
  expect(data.map(({ active, created, ended, messages }) => [active, created, ended, messages])).toEqual([
    [0, 0, 0, 0],
    [2, 2, 0, 0],
    [2, 0, 0, 0],
    [1, 0, 1, 3],
  ]);
});

test('the series is an hour long where nothing else is asked, a day at most', async () => {
  expect(await series()).toHaveLength(60);
  expect(await series(1)).toHaveLength(1);
  expect(await series(1_440)).toHaveLength(1_440);
});

test('a limit holds at once, ends nobody, and survives a restart', async () => {
  const kept = await create();
  await limitTo(0);
  await expectProblem(await call('POST', '/v1/sessions'), 'max_sessions_reached');
  expect(await callJson('GET', `/v1/sessions/${kept.sessionId}`)).toMatchObject({ status: 'active' });
  expect(await stats()).toMatchObject({ activeCount: 1, maxSessions: 0 });
  await evictDurableObject(env.REGISTRY.getByName('default'));
  expect(await callJson('GET', '/v1/registry/limits')).toEqual({ maxSessions: 0 });
  await expectProblem(await call('POST', '/v1/sessions'), 'max_sessions_reached');
  await limitTo(2);
  await create();
  await expectProblem(await call('POST', '/v1/sessions'), 'max_sessions_reached');
});

test('Retry-After is the wait for the earliest expiry, between 1 and 60 seconds', async () => {
  const wait = async () => (await call('POST', '/v1/sessions')).headers.get('Retry-After');
  await limitTo(0);
  expect(await wait()).toBe('60');
  await limitTo(2);
  await create();
  await create({ sessionTimeoutMs: 25_000 });
  expect(await wait()).toBe('25');
  travel(4_500);
  expect(await wait()).toBe('21');
  travel(20_400);
  expect(await wait()).toBe('1');
});

test('a session that is due makes room for the create that needs it, without any alarm', async () => {
  await limitTo(1);
  const first = await create({ sessionTimeoutMs: 60_000 });
  travel(59_999);
  await expectProblem(await call('POST', '/v1/sessions'), 'max_sessions_reached');
  travel(1);
  expect((await call('POST', '/v1/sessions')).status).toBe(201);
  expect(await callJson('GET', `/v1/sessions/${first.sessionId}`)).toMatchObject({ status: 'expired' });
  expect(await stats()).toMatchObject({ activeCount: 1, totalExpired: 1, totalRejected: 1 });
});
