import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { env } from 'cloudflare:workers';
import { newSessionId } from '../../src/contract/session-id.ts';
import { call, callJson } from '../support/api.ts';
import { callsMade, resetCalls } from '../support/calls.ts';
import { expectProblem } from '../support/problems.ts';

beforeEach(resetCalls);
afterEach(() => vi.restoreAllMocks());

const session = `/v1/sessions/${newSessionId()}`;
const API = [
  ['POST', '/v1/sessions', {}],
  ['GET', '/v1/sessions'],
  ['GET', session],
  ['PATCH', session, {}],
  ['POST', `${session}/activity`],
  ['PUT', `${session}/claude-session-id`, { claudeSessionId: 'a' }],
  ['POST', `${session}/resume`],
  ['DELETE', session],
  ['GET', '/v1/registry/stats'],
  ['GET', '/v1/registry/series'],
  ['GET', '/v1/registry/limits'],
  ['PUT', '/v1/registry/limits', { maxSessions: 1 }],
] as const;

/** An environment with settings that its type would not allow. */
const having = (settings: Record<string, unknown>): Partial<Env> => settings;

describe('without authentication set', () => {
  const { AUTH: _, ...unset } = env;

  test.each([
    ['required', { AUTH: 'required' }],
    ['empty', { AUTH: '' }],
    ['another word', { AUTH: 'none' }],
    ['OFF', { AUTH: 'OFF' }],
    ['no text', { AUTH: false }],
    ['absent', { ...unset, AUTH: undefined }],
  ])('AUTH %s: every call of the API is a 503, and no object is called', async (name, settings) => {
    for (const [method, path, body] of API) {
      const response = await call(method, path, { body, env: having(settings) });
      await expectProblem(response, 'auth_not_configured');
    }
    expect({ name, calls: callsMade() }).toEqual({ name, calls: [] });
  });

  test('what is public answers', async () => {
    expect(await callJson('GET', '/healthz', { env: having({ AUTH: 'required' }) })).toMatchObject({
      ok: true,
    });
    expect((await call('GET', '/openapi.json', { env: having({ AUTH: 'required' }) })).status).toBe(200);
  });
});

describe('AUTH=off answers this machine alone:', () => {
  const get = (headers: Record<string, string>) => call('GET', '/v1/sessions', { headers });

  test.each([
    'localhost',
    'localhost:8787',
    '127.0.0.1',
    '127.0.0.1:1',
    '127.1.2.3:8787',
    '[::1]',
    '[::1]:8787',
    'LOCALHOST:8787',
  ])('Host %s', async (host) => {
    expect((await get({ Host: host })).status).toBe(200);
  });

  test.each([
    'example.com',
    'example.com:8787',
    'localhost.example.com',
    '127.0.0.1.nip.io',
    '10.0.0.1',
    '0.0.0.0',
    'user@example.com',
    'localhost@example.com',
    '[::2]',
    '',
    'a b',
  ])('not Host %j, and no object is called', async (host) => {
    await expectProblem(await get({ Host: host }), 'forbidden');
    expect(callsMade()).toEqual([]);
  });

  test.each(['http://localhost:8787', 'https://localhost:8787'])('Origin %s of its own', async (origin) => {
    expect((await get({ Host: 'localhost:8787', Origin: origin })).status).toBe(200);
  });

  test.each([
    'https://example.com',
    'http://localhost:3000',
    'null',
    '',
    'http://localhost:8787.example.com',
  ])('not the foreign Origin %j, and no object is called', async (origin) => {
    await expectProblem(await get({ Host: 'localhost:8787', Origin: origin }), 'forbidden');
    expect(callsMade()).toEqual([]);
  });

  test('an origin that the operator named', async () => {
    const settings = having({ CORS_ORIGINS: 'https://a.example https://b.example' });
    const headers = { Host: 'localhost', Origin: 'https://b.example' };
    expect((await call('GET', '/v1/sessions', { headers, env: settings })).status).toBe(200);
  });
});

describe('a bad setting is a 503 that the log explains:', () => {
  test.each([
    ['SESSION_TIMEOUT_MS', 'abc'],
    ['SESSION_TIMEOUT_MS', -1],
    ['SESSION_TIMEOUT_MS', '999'],
    ['SESSION_TIMEOUT_MS', 1.5],
    ['MAX_SESSIONS', '-1'],
    ['MAX_SESSIONS', '1e3'],
    ['MAX_SESSIONS', 100_001],
    ['MAX_LIFETIME_MS', '5'],
    ['MAX_LIFETIME_MS', 'never'],
    ['RETENTION_MS', -1],
    ['RETENTION_MS', {}],
    ['DEFAULT_CWD', ''],
    ['DEFAULT_CWD', 5],
    ['CORS_ORIGINS', 'example.com'],
    ['CORS_ORIGINS', 'https://example.com/path'],
  ])('%s=%s', async (name, value) => {
    const log = vi.spyOn(console, 'error').mockImplementation(() => undefined);
    const response = await call('GET', '/v1/sessions', { env: having({ [name]: value }) });
    const wait = Number(response.headers.get('Retry-After'));
    expect(wait).toBeGreaterThan(0);
    const problem = await expectProblem(response, 'overloaded');
    expect(JSON.stringify(problem)).not.toContain(name);
    const lines = log.mock.calls.map(([line]) => JSON.parse(String(line)) as Record<string, unknown>);
    expect(lines).toContainEqual(expect.objectContaining({ level: 'error', setting: name }));
    expect(callsMade()).toEqual([]);
  });

  test('but healthz answers', async () => {
    expect((await call('GET', '/healthz', { env: having({ MAX_SESSIONS: 'x' }) })).status).toBe(200);
  });
});

test('settings may be text, as --var gives them', async () => {
  const settings = having({ SESSION_TIMEOUT_MS: '5000', MAX_LIFETIME_MS: ' 9000 ', RETENTION_MS: '' });
  const made = await callJson('POST', '/v1/sessions', { env: settings });
  expect(made).toMatchObject({ sessionTimeoutMs: 5_000, maxLifetimeMs: 9_000 });
});
