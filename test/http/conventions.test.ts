import { describe, expect, test } from 'vitest';
import { version } from '../../package.json';
import { newSessionId } from '../../src/contract/session-id.ts';
import { call, callJson, create } from '../support/api.ts';
import { failCalls, resetCalls } from '../support/calls.ts';
import { expectProblem } from '../support/problems.ts';

describe('X-Request-Id', () => {
  test.each(['a', 'req_1-2', 'x'.repeat(64)])('keeps the caller’s own: %s', async (id) => {
    const response = await call('GET', '/healthz', { headers: { 'X-Request-Id': id } });
    expect(response.headers.get('X-Request-Id')).toBe(id);
  });

  test.each(['x'.repeat(65), 'a b', 'a.b', 'ü', 'a/b', '"', ''])('replaces %j', async (id) => {
    const response = await call('GET', '/healthz', { headers: { 'X-Request-Id': id } });
    const own = response.headers.get('X-Request-Id');
    expect(own).toMatch(/^[A-Za-z0-9_-]{1,64}$/);
    expect(own).not.toBe(id);
  });

  test('is in a problem too, and new for each request', async () => {
    const given = { headers: { 'X-Request-Id': 'mine' } };
    const kept = await expectProblem(await call('GET', '/v1/nothing', given), 'not_found');
    expect(kept.requestId).toBe('mine');
    const first = await expectProblem(await call('GET', '/v1/nothing'), 'not_found');
    const second = await expectProblem(await call('GET', '/v1/nothing'), 'not_found');
    expect(first.requestId).not.toBe(second.requestId);
  });
});

test('no answer may be stored by a cache', async () => {
  const { sessionId } = await create();
  for (const path of [`/v1/sessions/${sessionId}`, '/v1/sessions', '/v1/registry/stats', '/healthz'])
    expect((await call('GET', path)).headers.get('Cache-Control')).toBe('no-store');
});

test.each([
  ['PUT', '/v1/sessions', 'GET, HEAD, POST'],
  ['DELETE', '/v1/sessions', 'GET, HEAD, POST'],
  ['POST', `/v1/sessions/${newSessionId()}`, 'DELETE, GET, HEAD, PATCH'],
  ['GET', `/v1/sessions/${newSessionId()}/activity`, 'POST'],
  ['POST', `/v1/sessions/${newSessionId()}/claude-session-id`, 'PUT'],
  ['GET', `/v1/sessions/${newSessionId()}/resume`, 'POST'],
  ['POST', '/v1/registry/stats', 'GET, HEAD'],
  ['PATCH', '/v1/registry/limits', 'GET, HEAD, PUT'],
  ['DELETE', '/healthz', 'GET, HEAD'],
])('%s %s is a 405 that allows %s', async (method, path, allowed) => {
  const response = await call(method, path);
  expect(response.headers.get('Allow')?.split(', ').toSorted().join(', ')).toBe(allowed);
  await expectProblem(response, 'method_not_allowed');
});

test('HEAD is a 405 where GET is', async () => {
  const response = await call('HEAD', `/v1/sessions/${newSessionId()}/resume`);
  expect(response.status).toBe(405);
  expect(response.headers.get('Allow')).toBe('POST');
});

test.each(['/v1', '/v1/sessions/', '/v1/session', '/v2/sessions', '/v1/sessions/a/b', '/v1/registry'])(
  'nothing is at %s',
  async (path) => {
    await expectProblem(await call('GET', path), 'not_found');
  },
);

test('HEAD answers as GET does, without the body', async () => {
  const { sessionId } = await create();
  const response = await call('HEAD', `/v1/sessions/${sessionId}`);
  expect(response.status).toBe(200);
  expect(response.headers.get('ETag')).toBe('"1"');
  expect(await response.text()).toBe('');
});

test('healthz says that the service is up, and its version', async () => {
  expect(await callJson('GET', '/healthz')).toEqual({ ok: true, version });
});

test('an object that throws is a 500 that shows nothing of why', async () => {
  const broken = {
    getByName: () => ({ get: () => Promise.reject(new Error('secret detail of the inside')) }),
  } as unknown as Env['SESSIONS'];
  // An own namespace, past the one that counts calls.
  const response = await call('GET', `/v1/sessions/${newSessionId()}`, { env: { SESSIONS: broken } });
  const text = await response.clone().text();
  expect(text).not.toContain('secret');
  expect(text).not.toContain('stack');
  await expectProblem(response, 'internal');
});

test('an object that is away is a 503 with Retry-After', async () => {
  const { sessionId } = await create();
  failCalls('session.get', 'before');
  const response = await call('GET', `/v1/sessions/${sessionId}`);
  resetCalls();
  expect(response.headers.get('Retry-After')).toBe('2');
  await expectProblem(response, 'overloaded');
});
