import { expect, test } from 'vitest';
import type { CreateSession, Session } from '../../src/contract/session.ts';
import { parseSessionId } from '../../src/contract/session-id.ts';
import { call, callJson, create } from '../support/api.ts';

const ISO_MILLISECONDS = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;

test('a create without a body has every default', async () => {
  const before = Date.now();
  const response = await call('POST', '/v1/sessions');
  expect(response.status).toBe(201);
  const session = await response.json<Session>();
  const createdAt = Date.parse(session.createdAt);
  expect(createdAt).toBeGreaterThanOrEqual(before);
  expect(session).toEqual({
    sessionId: session.sessionId,
    claudeSessionIds: [],
    config: { cwd: '/workspace', permissionMode: 'default', maxTurns: 10, metadata: {} },
    status: 'active',
    createdAt: new Date(createdAt).toISOString(),
    lastActivity: session.createdAt,
    expiresAt: new Date(createdAt + 3_600_000).toISOString(),
    messageCount: 0,
    sessionTimeoutMs: 3_600_000,
    maxLifetimeMs: null,
    revision: 1,
  });
  expect(session.createdAt).toMatch(ISO_MILLISECONDS);
  expect(parseSessionId(session.sessionId, Date.now())).toBe(session.sessionId);
});

test('a create says where the session is, and its revision', async () => {
  const response = await call('POST', '/v1/sessions', { body: {} });
  const session = await response.json<Session>();
  expect(response.headers.get('Location')).toBe(`/v1/sessions/${session.sessionId}`);
  expect(response.headers.get('ETag')).toBe('"1"');
  expect(await callJson('GET', response.headers.get('Location') ?? '')).toEqual(session);
});

test('a create takes every field, and what was given is what is read', async () => {
  const config = {
    model: 'claude-sonnet-5',
    cwd: '/home/me/äöü',
    permissionMode: 'plan',
    appendSystemPrompt: 'Be brief. 😀',
    maxTurns: 7,
    metadata: { team: 'core', nested: { list: [1, 'two', null, { three: true }] }, n: 1.5, off: false },
  } satisfies CreateSession;
  const made = await create({ ...config, sessionTimeoutMs: 60_000, maxLifetimeMs: 90_000 });
  expect(made).toMatchObject({ config, sessionTimeoutMs: 60_000, maxLifetimeMs: 90_000 });
  expect(Date.parse(made.expiresAt) - Date.parse(made.createdAt)).toBe(60_000);
  expect(await callJson('GET', `/v1/sessions/${made.sessionId}`)).toEqual(made);
});

test('expiresAt is the earlier of the two limits', async () => {
  const made = await create({ sessionTimeoutMs: 60_000, maxLifetimeMs: 5_000 });
  expect(Date.parse(made.expiresAt) - Date.parse(made.createdAt)).toBe(5_000);
});

test.each(['__proto__', 'constructor', 'toString', 'hasOwnProperty'])(
  'metadata keeps a key named %s as any other',
  async (key) => {
    const text = `{"metadata":{"${key}":"x","inner":{"${key}":{"a":1}}}}`;
    const response = await call('POST', '/v1/sessions', { body: text });
    expect(response.status).toBe(201);
    const { sessionId } = await response.json<Session>();
    const read = await (await call('GET', `/v1/sessions/${sessionId}`)).text();
    expect(read).toContain(text.slice(1, -1));
    const list = await (await call('GET', `/v1/sessions?metadata.${key}=x`)).text();
    expect(list).toContain(sessionId);
  },
);

test('settings of the operator are the defaults of a create', async () => {
  const env = { DEFAULT_CWD: '/srv', SESSION_TIMEOUT_MS: 5_000, MAX_LIFETIME_MS: 9_000 };
  const response = await call('POST', '/v1/sessions', { body: {}, env });
  const session = await response.json<Session>();
  expect(session.config.cwd).toBe('/srv');
  expect(session).toMatchObject({ sessionTimeoutMs: 5_000, maxLifetimeMs: 9_000 });
});

test('a lifetime of null means none, whatever the operator’s default', async () => {
  const env = { MAX_LIFETIME_MS: 9_000 };
  const response = await call('POST', '/v1/sessions', { body: { maxLifetimeMs: null }, env });
  expect((await response.json<Session>()).maxLifetimeMs).toBeNull();
});

test('a GET says what the revision is, and is never a 304', async () => {
  const { sessionId } = await create();
  const headers = { 'If-None-Match': '"1"', 'If-Modified-Since': new Date().toUTCString() };
  const response = await call('GET', `/v1/sessions/${sessionId}`, { headers });
  expect(response.status).toBe(200);
  expect(response.headers.get('ETag')).toBe('"1"');
  expect((await response.json<Session>()).sessionId).toBe(sessionId);
});
