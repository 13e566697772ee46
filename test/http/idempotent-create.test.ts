import { beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { reset } from 'cloudflare:test';
import type { Session, SessionPage } from '../../src/contract/session.ts';
import { call, callJson } from '../support/api.ts';
import { callsMade, duringCall, failCalls, resetCalls } from '../support/calls.ts';
import { runRegistryAlarm, stopClock, travel } from '../support/clock.ts';
import { inventory, limitTo, stats } from '../support/inventory.ts';
import { expectInvalid, expectProblem } from '../support/problems.ts';

beforeAll(stopClock);

let key: string;
beforeEach(async () => {
  resetCalls();
  key = crypto.randomUUID();
  await reset();
});

const post = (body: unknown = { model: 'm' }) =>
  call('POST', '/v1/sessions', { body, headers: { 'Idempotency-Key': key } });

describe('a repeated create', () => {
  test('is a 200 with the same session, and takes no second slot', async () => {
    const first = await post();
    expect(first.status).toBe(201);
    const session = await first.json<Session>();
    const before = await inventory();
    const again = await post();
    expect(again.status).toBe(200);
    expect(again.headers.get('Location')).toBeNull();
    expect(again.headers.get('ETag')).toBe('"1"');
    expect(await again.json()).toEqual(session);
    expect(await inventory()).toEqual(before);
  });

  test('answers the session as it is now', async () => {
    const { sessionId } = await (await post()).json<Session>();
    const path = `/v1/sessions/${sessionId}`;
    const patched = await callJson('PATCH', path, { body: { model: 'n' } });
    expect(await (await post()).json()).toEqual(patched);
    const ended = await callJson('DELETE', path);
    expect(await (await post()).json()).toEqual(ended);
  });

  test('after the session expired gives it as it is', async () => {
    const body = { sessionTimeoutMs: 60_000 };
    const { sessionId } = await (await post(body)).json<Session>();
    travel(60_000);
    const again = await post(body);
    expect(again.status).toBe(200);
    expect(await again.json()).toMatchObject({ sessionId, status: 'expired', endReason: 'idle_timeout' });
  });

  test('works when all slots are taken', async () => {
    const { sessionId } = await (await post()).json<Session>();
    await limitTo(0);
    const again = await post();
    expect(again.status).toBe(200);
    expect(await again.json()).toMatchObject({ sessionId });
  });

  test('of a session that was erased is a 409', async () => {
    const { sessionId } = await (await post()).json<Session>();
    await call('DELETE', `/v1/sessions/${sessionId}?purge=true`);
    await expectProblem(await post(), 'conflict');
  });

  test('with the fields in another order is the same body', async () => {
    await post('{"model":"m","metadata":{"a":1,"b":[1,{"c":2,"d":3}]}}');
    const again = await post('{"metadata":{"b":[1,{"d":3,"c":2}],"a":1}, "model":"\\u006d"}');
    expect(again.status).toBe(200);
  });

  test.each([{ model: 'n' }, {}, { model: 'm', maxTurns: 10 }])(
    'with another body is a 422: %j',
    async (body) => {
      await post();
      const before = await inventory();
      await expectProblem(await post(body), 'idempotency_key_reused');
      expect(await inventory()).toEqual(before);
    },
  );

  test('is forgotten after 24 hours', async () => {
    const { sessionId } = await (await post()).json<Session>();
    travel(86_400_000 - 1);
    expect((await post()).status).toBe(200);
    travel(1);
    const later = await post();
    expect(later.status).toBe(201);
    expect((await later.json<Session>()).sessionId).not.toBe(sessionId);
  });

  test('of one that was refused is a new try', async () => {
    await limitTo(0);
    await expectProblem(await post(), 'max_sessions_reached');
    await limitTo(1_000);
    expect((await post({ model: 'another' })).status).toBe(201);
  });
});

describe('simultaneous creates with one key', () => {
  test('are one session and one slot', async () => {
    const { activeCount, totalCreated } = await stats();
    const answers = await Promise.all(Array.from({ length: 10 }, () => post()));
    const ids = await Promise.all(answers.map(async (it) => (await it.json<Session>()).sessionId));
    expect(new Set(ids).size).toBe(1);
    expect(answers.filter(({ status }) => status === 201)).toHaveLength(1);
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(9);
    expect(await stats()).toMatchObject({ activeCount: activeCount + 1, totalCreated: totalCreated + 1 });
  });

  test('are one 201, also where the second overtakes the first between its steps', async () => {
    let second: Response | null = null;
    duringCall('registry.reserve', async () => {
      second = await post();
    });
    const first = await post();
    expect([first, second]).toMatchObject([{ status: 201 }, { status: 200 }]);
  });
});

describe('a create whose first answer was lost', () => {
  test.each([
    ['registry.reserve', 'after'],
    ['session.create', 'before'],
    ['session.create', 'after'],
  ] as const)('by %s, failing %s, is finished by its repeat under the same id', async (method, kind) => {
    const before = await stats();
    failCalls(method, kind);
    const lost = await post();
    expect(lost.headers.get('Retry-After')).toBe('2');
    await expectProblem(lost, 'overloaded');
    resetCalls();
    const { data } = await callJson<SessionPage>('GET', '/v1/sessions');
    const again = await post();
    expect([200, 201]).toContain(again.status);
    const session = await again.json<Session>();
    expect(session.sessionId).toBe(data[0]?.sessionId);
    expect(await stats()).toMatchObject({
      activeCount: before.activeCount + 1,
      totalCreated: before.totalCreated + 1,
    });
    expect(await callJson('GET', `/v1/sessions/${session.sessionId}`)).toEqual(session);
  });

  test('is repeated from inside after a fault of a moment, without being noticed', async () => {
    const before = await stats();
    resetCalls();
    failCalls('registry.reserve', 'after', 1);
    failCalls('session.create', 'after', 1);
    const response = await call('POST', '/v1/sessions', { body: {} });
    expect(response.status).toBe(201);
    const made = callsMade().filter((name) => name !== 'registry.report');
    expect(made).toEqual(['registry.reserve', 'registry.reserve', 'session.create', 'session.create']);
    expect(await stats()).toMatchObject({
      activeCount: before.activeCount + 1,
      totalCreated: before.totalCreated + 1,
    });
  });

  test('and never written is forgotten with its slot; a repeat is a new session', async () => {
    failCalls('session.create', 'before');
    await expectProblem(await post(), 'overloaded');
    resetCalls();
    const before = await stats();
    travel(30_000);
    expect(await runRegistryAlarm()).toBe(true);
    expect(await stats()).toMatchObject({
      activeCount: before.activeCount - 1,
      totalCreated: before.totalCreated - 1,
    });
    expect((await post()).status).toBe(201);
  });
});

test.each(['', 'x'.repeat(256), 'ü'])('%j is a bad key, and stores nothing', async (bad) => {
  const before = await inventory();
  key = bad;
  await expectInvalid(await post(), 'Idempotency-Key');
  expect(await inventory()).toEqual(before);
});
