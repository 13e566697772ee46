import { beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Session } from '../../src/contract/session.ts';
import { call, callJson, create } from '../support/api.ts';
import { failCalls, resetCalls } from '../support/calls.ts';
import { stopClock, travel } from '../support/clock.ts';
import { limitTo } from '../support/inventory.ts';
import { expectInvalid, expectProblem } from '../support/problems.ts';

beforeAll(stopClock);

let session: Session;
let path: string;
beforeEach(async () => {
  await limitTo(1_000);
  session = await create({ sessionTimeoutMs: 60_000 });
  path = `/v1/sessions/${session.sessionId}`;
});

const touch = (messages?: number, key?: string) =>
  call('POST', `${path}/activity`, {
    ...(messages === undefined ? {} : { body: { messages } }),
    headers: key === undefined ? {} : { 'Idempotency-Key': key },
  });

describe('activity', () => {
  test('slides the idle timeout, counts one message, and keeps the revision', async () => {
    travel(10_000);
    const now = new Date().toISOString();
    const response = await touch();
    expect(response.headers.get('ETag')).toBe('"1"');
    const touched = {
      ...session,
      lastActivity: now,
      expiresAt: new Date(Date.now() + 60_000).toISOString(),
      messageCount: 1,
    };
    expect(await response.json()).toEqual(touched);
    expect(await callJson('GET', path)).toEqual(touched);
  });

  test('keeps a session alive past its first expiry, to the millisecond', async () => {
    travel(59_999);
    expect((await touch()).status).toBe(200);
    travel(59_999);
    expect((await touch(0)).status).toBe(200);
    travel(60_000);
    await expectProblem(await touch(), 'session_expired');
    expect(await callJson('GET', path)).toMatchObject({ status: 'expired', messageCount: 1 });
  });

  test('is not slid beyond the absolute lifetime', async () => {
    const { sessionId } = await create({ sessionTimeoutMs: 60_000, maxLifetimeMs: 90_000 });
    travel(50_000);
    const touched = await callJson<Session>('POST', `/v1/sessions/${sessionId}/activity`);
    expect(Date.parse(touched.expiresAt) - Date.parse(touched.createdAt)).toBe(90_000);
  });

  test('is refused by what has ended', async () => {
    await call('DELETE', path);
    await expectProblem(await touch(), 'session_ended');
  });

  test('is never repeated from inside when its answer was lost', async () => {
    failCalls('session.touch', 'after', 1);
    const lost = await touch(2);
    resetCalls();
    expect(lost.headers.get('Retry-After')).toBe('2');
    await expectProblem(lost, 'overloaded');
    expect((await callJson<Session>('GET', path)).messageCount).toBe(2);
  });
});

describe('Idempotency-Key on activity', () => {
  test('a repeat changes nothing', async () => {
    const first = await (await touch(3, 'key')).json<Session>();
    travel(5_000);
    expect(await (await touch(3, 'key')).json()).toEqual(first);
    expect(first.messageCount).toBe(3);
  });

  test('makes a lost answer safe to repeat', async () => {
    failCalls('session.touch', 'after', 1);
    expect((await touch(3, 'lost')).status).toBe(503);
    resetCalls();
    expect(await (await touch(3, 'lost')).json()).toMatchObject({ messageCount: 3 });
  });

  test('the same key with another count is a 422', async () => {
    await touch(3, 'key');
    await expectProblem(await touch(4, 'key'), 'idempotency_key_reused');
    expect((await callJson<Session>('GET', path)).messageCount).toBe(3);
  });

  test('the last 16 keys are remembered', async () => {
    for (let i = 0; i < 17; i += 1) await touch(1, `key ${i}`);
    for (let i = 1; i < 17; i += 1) await touch(1, `key ${i}`);
    expect((await callJson<Session>('GET', path)).messageCount).toBe(17);
    await touch(1, 'key 0');
    expect((await callJson<Session>('GET', path)).messageCount).toBe(18);
  });

  test('a key belongs to one session', async () => {
    const other = await create();
    await touch(1, 'shared');
    const response = await call('POST', `/v1/sessions/${other.sessionId}/activity`, {
      headers: { 'Idempotency-Key': 'shared' },
    });
    expect((await response.json<Session>()).messageCount).toBe(1);
  });

  test.each(['', 'x'.repeat(256), 'ü', 'tab\there'])('%j is a bad key', async (key) => {
    await expectInvalid(await touch(1, key), 'Idempotency-Key');
    expect(await callJson('GET', path)).toEqual(session);
  });

  test.each(['!', '~', 'with space, and "quotes"', 'x'.repeat(255)])('%j is a good key', async (key) => {
    expect((await touch(1, key)).status).toBe(200);
  });
});
