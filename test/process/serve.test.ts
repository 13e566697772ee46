import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { delimiter, join } from 'node:path';
import { SignJWT } from 'jose';
import { beforeEach, expect, test, vi } from 'vitest';
import { api, valueOf } from '../../scripts/api.ts';
import type { Session } from '../../src/contract/session.ts';
import { SCOPES } from '../../src/contract/scopes.ts';
import { temporaryFolder } from './server.ts';
import { isAlive, serve, serveInVain, stopAllAfterwards, untilGone } from './served.ts';

const SECRET = 'a-secret-of-more-than-32-bytes-for-tests';
const WITH_SECRET = { env: { AUTH_JWT_SECRET: SECRET } };
/** Well below the grace that viewers make it wait for. */
const PROMPT_MS = 4_500;

const folders = await temporaryFolder();
let data = '';
let count = 0;
beforeEach(async () => {
  count += 1;
  data = join(folders, `${count}`);
  await mkdir(data);
});
stopAllAfterwards();

const token = await new SignJWT({ scope: Object.keys(SCOPES).join(' ') })
  .setProtectedHeader({ alg: 'HS256' })
  .setExpirationTime('1h')
  .sign(new TextEncoder().encode(SECRET));

const create = async (url: string, body: object = {}): Promise<Session> =>
  valueOf(await api(url, token).call<Session>('POST', '/v1/sessions', body));
const read = async (url: string, id: string): Promise<Session> =>
  valueOf(await api(url, token).call<Session>('GET', `/v1/sessions/${id}`));

/** Whether a new request is answered soon. */
const isAnswered = (url: string): Promise<boolean> =>
  fetch(`${url}/healthz`, { signal: AbortSignal.timeout(250) }).then(
    (answer) => answer.ok,
    () => false,
  );

test('it is closed until it is told who may call, and says so at once; the page is there', async () => {
  const { url, output } = await serve(data);
  expect(output()).toContain('AUTH_JWT_SECRET or AUTH_JWKS_URL must be set');
  expect(output()).toContain('503 auth_not_configured');
  expect(await api(url).call('POST', '/v1/sessions')).toMatchObject({
    status: 503,
    problem: { code: 'auth_not_configured' },
  });
  expect((await api(url).call('GET', '/healthz')).status).toBe(200);
  const page = await fetch(url);
  expect(page.headers.get('Content-Type')).toBe('text/html; charset=utf-8');
  expect(await page.text()).toContain('<title>Berth');
  expect((await fetch(`${url}/docs`)).status).toBe(200);
});

test('settings come from flags, then the environment, then the file; secrets are in no file and no list of processes', async () => {
  const secrets = join(folders, 'secrets.env');
  await writeFile(
    secrets,
    `AUTH_JWT_SECRET=${SECRET}\nDEFAULT_CWD=/file\nSESSION_TIMEOUT_MS=1111\nMAX_SESSIONS=3\n`,
  );
  const served = await serve(data, {
    flags: ['--secrets', secrets, '--session-timeout-ms', '90000'],
    env: { SESSION_TIMEOUT_MS: '2222', MAX_SESSIONS: '2', RETENTION_MS: '' },
  });
  expect(served.output()).not.toContain('503');
  const session = await create(served.url);
  expect(session).toMatchObject({ sessionTimeoutMs: 90_000, config: { cwd: '/file' } });
  await create(served.url);
  expect((await api(served.url, token).call('POST', '/v1/sessions')).status).toBe(429);

  for (const pid of [served.pid, served.workerdPid])
    expect(await readFile(`/proc/${pid}/cmdline`, 'utf8')).not.toContain(SECRET);
  const kept = await readdir(data, { recursive: true, withFileTypes: true });
  const files = kept.filter((entry) => entry.isFile());
  expect(files.map(({ name }) => name)).toContain('workerd.capnp');
  for (const { parentPath, name } of files)
    expect((await readFile(join(parentPath, name))).includes(SECRET), name).toBe(false);
});

test('what is running is finished when it is asked to stop, and nothing new is begun', async () => {
  const { url, workerdPid, signal, ended } = await serve(data, WITH_SECRET);
  const headers = { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' };
  const sent = request(`${url}/v1/sessions`, { method: 'POST', headers });
  sent.write('{ "model": "claude-');
  // Something has come of it once another request, made after it, is answered.
  await create(url);
  const startedAt = Date.now();
  signal('SIGTERM');
  await vi.waitFor(() => expect(isAnswered(url)).resolves.toBe(false), { timeout: PROMPT_MS });
  sent.end('sonnet-5" }');
  const [answer] = (await once(sent, 'response')) as [NodeJS.ReadableStream & { statusCode: number }];
  expect(answer.statusCode).toBe(201);
  answer.resume();
  expect(await ended).toMatchObject({ code: 0, signal: null });
  expect(Date.now() - startedAt).toBeLessThan(PROMPT_MS);
  expect(await isAlive(workerdPid)).toBe(false);
});

test('what else is in its folder is left as it is', async () => {
  const theirs = ['worker', 'bundle', 'page'].map((name) => join(data, name, 'index.js'));
  for (const path of theirs) {
    await mkdir(join(path, '..'));
    await writeFile(path, 'theirs');
  }
  await serve(data, WITH_SECRET);
  for (const path of theirs) expect((await readFile(path, 'utf8')) === 'theirs', path).toBe(true);
});

test('npm hands SIGTERM on, and says how it ended', async () => {
  const flags = ['--secrets', '/dev/null'];
  const { url, workerdPid, signal, ended } = await serve(data, { ...WITH_SECRET, npm: true, flags });
  await create(url);
  signal('SIGTERM');
  expect(await ended).toMatchObject({ code: 0, signal: null });
  expect(await isAlive(workerdPid)).toBe(false);
});

test('viewers do not keep it from stopping', async () => {
  const { url, workerdPid, signal, ended } = await serve(data, WITH_SECRET);
  const socket = new WebSocket(`${url.replace('http', 'ws')}/v1/registry/live`, [
    'berth.v1',
    `bearer.${token}`,
  ]);
  await once(socket, 'message');
  signal('SIGTERM');
  expect(await ended).toMatchObject({ code: 0, signal: null });
  expect(await isAlive(workerdPid)).toBe(false);
});

test('killed alone, it takes workerd with it; killed in any way, it starts again with all that was answered', async () => {
  let served = await serve(data, WITH_SECRET);
  const first = await create(served.url);
  served.signal('SIGKILL');
  await untilGone(served.workerdPid);

  served = await serve(data, WITH_SECRET);
  expect(await read(served.url, first.sessionId)).toEqual(first);
  const second = await create(served.url);
  process.kill(served.workerdPid, 'SIGKILL');
  const { code, output } = await served.ended;
  expect(code).toBe(1);
  expect(output).toContain('workerd was ended by SIGKILL');

  served = await serve(data, WITH_SECRET);
  expect(await read(served.url, second.sessionId)).toEqual(second);
  const third = await create(served.url);
  served.signal('SIGKILL');
  process.kill(served.workerdPid, 'SIGKILL');
  await served.ended;

  // At once, not when all is quiet again.
  served = await serve(data, WITH_SECRET);
  for (const session of [first, second, third])
    expect(await read(served.url, session.sessionId)).toEqual(session);
});

test('a second server on the same folder is refused, and the first one goes on', async () => {
  const { url, workerdPid } = await serve(data, WITH_SECRET);
  const session = await create(url);
  const { code, output } = await serveInVain(data, WITH_SECRET);
  expect(code).toBe(1);
  expect(output).toContain(`process ${workerdPid}`);
  expect(output).not.toContain('    at ');
  expect(await read(url, session.sessionId)).toEqual(session);
});

test('where workerd outlives it, the folder stays locked until that is gone too', async () => {
  // Without the program that has the kernel end it.
  const bin = join(folders, 'bin');
  await mkdir(bin);
  const places = (process.env['PATH'] ?? '').split(delimiter);
  const flock = places.map((place) => join(place, 'flock')).find((path) => existsSync(path));
  await symlink(flock ?? 'flock', join(bin, 'flock'));
  const env = { ...WITH_SECRET.env, PATH: bin };
  const { url, pid, workerdPid, signal } = await serve(data, { env });
  const session = await create(url);
  signal('SIGKILL');
  await untilGone(pid);
  expect(await read(url, session.sessionId)).toEqual(session);

  const refused = await serveInVain(data, { env });
  expect(refused.code).toBe(1);
  expect(refused.output).toContain(`process ${workerdPid}`);

  process.kill(workerdPid, 'SIGKILL');
  const next = await serve(data, { env });
  expect(await read(next.url, session.sessionId)).toEqual(session);
});

test.each([
  ['a secret on the command line', ['--auth-jwt-secret', SECRET], "AUTH_JWT_SECRET can't be an argument"],
  ['a secret as a variable', ['--var', `AUTH_JWT_SECRET:${SECRET}`], "AUTH_JWT_SECRET can't be an argument"],
  [
    'no authentication for others',
    ['--auth', 'off', '--host', '0.0.0.0'],
    'AUTH=off is for this machine alone',
  ],
  ['an unknown flag', ['--max-session', '3'], '--max-session'],
  ['an unknown setting', ['--var', 'MAX_SESSION:3'], 'MAX_SESSION'],
  ['a port that is none', ['--port', '65536'], '--port must be'],
  ['a file that is not there', ['--secrets', '/nowhere/at/all'], '--secrets must name a file'],
])('%s is a usage error that says what to do', async (_, flags, why) => {
  const { code, output } = await serveInVain(data, { flags });
  expect(code).toBe(2);
  expect(output.split('\n')[0]).toContain(why);
  expect(output).toContain('Usage: npm run serve');
  expect(output).not.toContain(SECRET);
  expect(await readdir(data)).toEqual([]);
});
