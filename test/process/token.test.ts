import { execFile } from 'node:child_process';
import { mkdtemp, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { decodeJwt, type JWTPayload } from 'jose';
import { beforeAll, describe, expect, test, vi } from 'vitest';
import { api } from '../../scripts/api.ts';
import { SCOPES } from '../../src/contract/scopes.ts';
import type { Session } from '../../src/contract/session.ts';
import type { Workerd } from '../../scripts/workerd.ts';
import { prepareServer, temporaryFolder } from './server.ts';

const SCRIPT = resolve(import.meta.dirname, '../../scripts/token.ts');
const SECRET = 'a-secret-of-more-than-32-bytes-for-tests';
const SETTINGS = { AUTH_JWT_SECRET: SECRET, AUTH_ISSUER: 'https://issuer.example', AUTH_AUDIENCE: 'berth' };

const folder = await temporaryFolder();

interface Outcome {
  readonly code: number;
  readonly output: string;
  readonly errors: string;
}

/** Runs the script with nothing in its environment but what is given. */
function run(
  argv: readonly string[],
  env: Record<string, string> = SETTINGS,
  cwd = folder,
): Promise<Outcome> {
  return new Promise((done) => {
    const child = execFile(
      process.execPath,
      [SCRIPT, ...argv],
      { cwd, env: { NODE_NO_WARNINGS: '1', ...env } },
      (_, output, errors) => done({ code: child.exitCode ?? -1, output, errors }),
    );
  });
}

async function printed(...argv: string[]): Promise<string> {
  const { code, output, errors } = await run(argv);
  expect({ code, errors }).toEqual({ code: 0, errors: '' });
  expect(output).toMatch(/^[\w-]+\.[\w-]+\.[\w-]+\n$/);
  return output.trim();
}

const claimsOf = (token: string): JWTPayload => decodeJwt(token);

describe('a printed token', async () => {
  const start = await prepareServer({ AUTH: 'required', ...SETTINGS });
  let server: Workerd;
  beforeAll(async () => {
    server = await start();
  });

  test('is taken by the server, for what it names and no more', async () => {
    const token = await printed(
      '--tenant',
      'acme',
      '--scope',
      'sessions:read sessions:write',
      '--expires',
      '30d',
    );
    const caller = api(server.url, token);
    const made = await caller.call<Session>('POST', '/v1/sessions');
    expect(made.status).toBe(201);
    expect((await caller.call('GET', '/v1/registry/stats')).status).toBe(403);
    expect((await api(server.url).call('GET', '/v1/sessions')).status).toBe(401);
    const claims = claimsOf(token);
    expect(claims).toMatchObject({ tenant: 'acme', scope: 'sessions:read sessions:write' });
    expect((claims.exp ?? 0) - (claims.iat ?? 0)).toBe(30 * 86_400);
    expect(claims.jti).toMatch(/^[\da-f-]{36}$/);

    const id = made.ok ? made.value.sessionId : '';
    const narrow = await printed('--tenant', 'acme', '--scope', 'all', '--expires', '5m', '--session', id);
    expect((await api(server.url, narrow).call('GET', `/v1/sessions/${id}`)).status).toBe(200);
    expect((await api(server.url, narrow).call('GET', '/v1/sessions')).status).toBe(403);
    const other = await printed('--tenant', 'other', '--scope', 'all', '--expires', '5m');
    expect((await api(server.url, other).call('GET', `/v1/sessions/${id}`)).status).toBe(404);
  });

  test('lets a browser watch until it runs out', async () => {
    const token = await printed('--scope', 'registry:read', '--expires', '2s');
    const socket = new WebSocket(`${server.url.replace('http', 'ws')}/v1/registry/live`, [
      'berth.v1',
      `bearer.${token}`,
    ]);
    const messages: string[] = [];
    socket.addEventListener('message', ({ data }) => messages.push(String(data)));
    await vi.waitUntil(() => messages.length > 0);
    expect(socket.protocol).toBe('berth.v1');
    // A message would be compressed anew for each viewer.
    expect(socket.extensions).toBe('');
    expect(JSON.parse(messages[0] ?? '')).toMatchObject({ type: 'stats' });
    // The server says so at once; workerd then takes its time to let go of the connection.
    await vi.waitUntil(() => socket.readyState === WebSocket.CLOSING, { timeout: 5_000 });
    expect(Date.now()).toBeGreaterThanOrEqual((claimsOf(token).exp ?? 0) * 1000);
  });

  test('is needed before the upgrade', async () => {
    const socket = new WebSocket(`${server.url.replace('http', 'ws')}/v1/registry/live`, [
      'berth.v1',
      'bearer.x',
    ]);
    const outcome = await new Promise((done) => {
      socket.addEventListener('open', () => done('open'));
      socket.addEventListener('error', () => done('refused'));
    });
    expect(outcome).toBe('refused');
  });

  test('is still taken when failed authentications are over their limit, which memory counts here', async () => {
    const statuses = new Set<number>();
    const knock = async () => {
      for (let i = 0; i < 260; i += 1)
        statuses.add((await api(server.url, 'rubbish').call('GET', '/v1/sessions')).status);
    };
    // A window may end meanwhile: two of them are not.
    for (let i = 0; i < 3 && !statuses.has(429); i += 1) await Promise.all(Array.from({ length: 8 }, knock));
    expect(statuses).toEqual(new Set([401, 429]));
    const token = await printed('--scope', 'all', '--expires', '5m');
    expect((await api(server.url, token).call('GET', '/v1/sessions')).status).toBe(200);
  });
});

test('every scope is named by "all"', async () => {
  const { scope } = claimsOf(await printed('--scope', 'all', '--expires', '1h'));
  expect(scope).toBe(Object.keys(SCOPES).join(' '));
});

test('it has the issuer and audience that are set, and the default tenant', async () => {
  const claims = claimsOf(await printed('--scope', 'sessions:read', '--expires', '1h'));
  expect(claims).toMatchObject({ iss: SETTINGS.AUTH_ISSUER, aud: 'berth', tenant: 'default' });
  expect(claims).not.toHaveProperty('session');
});

test('the secret may be in .dev.vars, and the environment goes before it', async () => {
  const cwd = await mkdtemp(join(folder, 'project-'));
  await writeFile(join(cwd, '.dev.vars'), `AUTH_JWT_SECRET="${SECRET}"\nAUTH_ISSUER=from-the-file\n`);
  const argv = ['--scope', 'all', '--expires', '1h'];
  expect(claimsOf((await run(argv, {}, cwd)).output)).toMatchObject({ iss: 'from-the-file' });
  const both = await run(argv, { AUTH_ISSUER: 'from-the-environment' }, cwd);
  expect(claimsOf(both.output)).toMatchObject({ iss: 'from-the-environment' });
});

const GOOD = ['--scope', 'all', '--expires', '1h'];

test.each<[what: string, argv: string[], why: string, env?: Record<string, string>]>([
  ['nothing', [], '--scope is missing'],
  ['no expiry', ['--scope', 'all'], '--expires is missing'],
  ['no scope', ['--expires', '1h'], '--scope is missing'],
  ['an empty scope', ['--scope', ' ', '--expires', '1h'], '--scope names none'],
  ['an unknown scope', ['--scope', 'sessions:read admin', '--expires', '1h'], 'there is no scope "admin"'],
  [
    'a scope of every object',
    ['--scope', 'constructor', '--expires', '1h'],
    'there is no scope "constructor"',
  ],
  ['an expiry of no time', ['--scope', 'all', '--expires', '0d'], '--expires must be'],
  ['an expiry in words', ['--scope', 'all', '--expires', 'tomorrow'], '--expires must be'],
  ['an expiry in the past', ['--scope', 'all', '--expires=-1d'], '--expires must be'],
  ['a tenant with a slash', [...GOOD, '--tenant', 'a/b'], '--tenant must have'],
  ['an empty tenant', [...GOOD, '--tenant', ''], '--tenant must have'],
  ['a session that is none', [...GOOD, '--session', 'abc'], '--session must be'],
  ['an unknown option', [...GOOD, '--admin'], '--admin'],
  ['a word too many', [...GOOD, 'word'], 'word'],
  ['an option without its value', ['--scope'], '--scope'],
  ['no secret', GOOD, 'AUTH_JWT_SECRET', {}],
  ['a short secret', GOOD, 'AUTH_JWT_SECRET must have at least 32 bytes', { AUTH_JWT_SECRET: 'too-short' }],
  [
    'an identity provider',
    GOOD,
    'AUTH_JWKS_URL',
    { ...SETTINGS, AUTH_JWKS_URL: 'https://issuer.example/keys' },
  ],
])('%s is a usage error that says what to do', async (_, argv, why, env = SETTINGS) => {
  const { code, output, errors } = await run(argv, env);
  expect(code).toBe(2);
  expect(output).toBe('');
  expect(errors.split('\n')[0]).toContain(why);
  expect(errors).toContain('Usage: npm run token');
  expect(errors).not.toContain('    at ');
  for (const secret of [SECRET, 'too-short']) expect(errors).not.toContain(secret);
});
