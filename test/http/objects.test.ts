import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { env } from 'cloudflare:workers';
import { ok } from '../../src/contract/errors.ts';
import { newSessionId } from '../../src/contract/session-id.ts';
import { Objects } from '../../src/http/objects.ts';
import type { SessionAnswer } from '../../src/protocol/session-representation.ts';
import { call, create } from '../support/api.ts';
import { callsMade, failCalls, resetCalls } from '../support/calls.ts';

afterEach(() => vi.useRealTimers());
beforeEach(resetCalls);

const platformError = (message: string, properties: object) => Object.assign(new Error(message), properties);
const RETRYABLE = () => platformError('Network connection lost', { retryable: true });
const OVERLOADED = () => platformError('Too many requests', { retryable: true, overloaded: true });
const MISSING = () => new TypeError('The RPC receiver does not implement the method "get".');

/** Objects whose every stub fails in turn as told, then answers with its number. */
function failing(...errors: (() => Error)[]) {
  let stubs = 0;
  const getByName = () => ({ number: (stubs += 1) });
  const objects = new Objects({ ...env, SESSIONS: { getByName } as unknown as Env['SESSIONS'] }, 'default');
  const attempt = (repeatable: 'repeatable' | 'once') =>
    objects.session(newSessionId(), repeatable, (stub) => {
      const { number } = stub as unknown as { number: number };
      const error = errors.shift();
      return error === undefined ? Promise.resolve(`${number} {}` as const) : Promise.reject(error());
    });
  return { attempt, stubs: () => stubs };
}

describe('a failed call to an object', () => {
  test('is repeated with a fresh stub, where the failure is retryable and the call may be', async () => {
    const { attempt } = failing(RETRYABLE, RETRYABLE);
    expect(await attempt('repeatable')).toEqual(ok('3 {}'));
  });

  test('is repeated twice at most, then a 503', async () => {
    const { attempt, stubs } = failing(RETRYABLE, RETRYABLE, RETRYABLE);
    const result = await attempt('repeatable');
    expect(result).toMatchObject({ ok: false, error: { code: 'overloaded', retryAfterS: 2 } });
    expect(stubs()).toBe(3);
  });

  test('is repeated where an old object lacks the method', async () => {
    expect(await failing(MISSING).attempt('repeatable')).toEqual(ok('2 {}'));
  });

  test('is repeated where an old object answers in another way', async () => {
    const answers: unknown[] = [ok({ json: '{}', revision: 1 }), '2 {}'];
    const objects = new Objects(env, 'default');
    const outcome = await objects.session(newSessionId(), 'repeatable', () =>
      Promise.resolve(answers.shift() as SessionAnswer),
    );
    expect(outcome).toEqual(ok('2 {}'));
  });

  test.each([RETRYABLE, MISSING])('is never repeated where that is not safe', async (error) => {
    const { attempt, stubs } = failing(error);
    expect(await attempt('once')).toMatchObject({ ok: false, error: { code: 'overloaded' } });
    expect(stubs()).toBe(1);
  });

  test.each(['repeatable', 'once'] as const)('of an overloaded one is never repeated (%s)', async (how) => {
    const { attempt, stubs } = failing(OVERLOADED);
    expect(await attempt(how)).toMatchObject({ ok: false, error: { code: 'overloaded', retryAfterS: 2 } });
    expect(stubs()).toBe(1);
  });

  test('of an unknown kind is thrown: it is a bug', async () => {
    const { attempt, stubs } = failing(() => new Error('a bug'));
    await expect(attempt('repeatable')).rejects.toThrow('a bug');
    expect(stubs()).toBe(1);
  });

  test('waits longer each time', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const { attempt, stubs } = failing(RETRYABLE, RETRYABLE);
    const done = attempt('repeatable');
    await vi.advanceTimersByTimeAsync(49);
    expect(stubs()).toBe(1);
    await vi.advanceTimersByTimeAsync(51);
    expect(stubs()).toBe(2);
    await vi.advanceTimersByTimeAsync(49);
    expect(stubs()).toBe(2);
    await vi.advanceTimersByTimeAsync(151);
    expect(await done).toEqual(ok('3 {}'));
  });
});

test('a call without an answer is a 503 after ten seconds, and not repeated', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  let calls = 0;
  const done = new Objects(env, 'default').registry(() => {
    calls += 1;
    return new Promise<never>(() => undefined);
  });
  await vi.advanceTimersByTimeAsync(9_999);
  const early = await Promise.race([done, Promise.resolve('still waiting')]);
  expect(early).toBe('still waiting');
  await vi.advanceTimersByTimeAsync(1);
  expect(await done).toMatchObject({ ok: false, error: { code: 'overloaded', retryAfterS: 2 } });
  expect(calls).toBe(1);
});

describe('a route whose object fails for a moment', () => {
  // Repeated: what a second time does no more than once. Once: what would count, or deny what was done.
  test.each([
    ['GET', '', undefined, {}, 'session.get', 200],
    ['PATCH', '', { model: 'm' }, {}, 'session.patch', 200],
    ['PUT', '/claude-session-id', { claudeSessionId: 'a' }, {}, 'session.link', 200],
    ['POST', '/resume', undefined, {}, 'session.planResume', 200],
    ['POST', '/activity', undefined, {}, 'session.touch', 503],
    ['POST', '/activity', undefined, { 'Idempotency-Key': 'k' }, 'session.touch', 503],
    ['DELETE', '', undefined, {}, 'session.end', 503],
    ['PATCH', '', { model: 'm' }, { 'If-Match': '"1"' }, 'session.patch', 503],
  ] as const)('%s …%s %j %j: %s is a %i', async (method, path, body, headers, rpc, status) => {
    const { sessionId } = await create();
    resetCalls();
    failCalls(rpc, 'before', 1);
    const response = await call(method, `/v1/sessions/${sessionId}${path}`, { body, headers });
    expect(response.status).toBe(status);
    expect(callsMade().filter((name) => name === rpc)).toHaveLength(status === 200 ? 2 : 1);
    expect(response.headers.get('Retry-After')).toBe(status === 200 ? null : '2');
  });
});
