import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { join, resolve } from 'node:path';
import { afterAll, expect, test, vi } from 'vitest';
import { api, valueOf, type Api } from '../../scripts/api.ts';
import type { RegistryStats } from '../../src/contract/registry.ts';
import type { Session } from '../../src/contract/session.ts';
import { temporaryFolder } from './server.ts';

const ROOT = resolve(import.meta.dirname, '../..');
const WRANGLER = join(ROOT, 'node_modules/wrangler/bin/wrangler.js');
const START_TIMEOUT_MS = 30_000;

const folder = await temporaryFolder();
let running: ChildProcess | null = null;
afterAll(() => killGroup());

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const address = probe.address();
  probe.close();
  await once(probe, 'close');
  if (address === null || typeof address === 'string') throw new Error('A TCP socket has a port');
  return address.port;
}

/** wrangler has children that outlive it, so that all of its process group is killed. */
function killGroup(): void {
  if (running?.pid === undefined) return;
  process.kill(-running.pid, 'SIGKILL');
  running = null;
}

/** Starts what `npm start` does, but for the port and the folder. */
async function startDevServer(): Promise<Api> {
  const port = await freePort();
  const flags = ['--ip', '127.0.0.1', '--port', `${port}`, '--var', 'AUTH:off', '--persist-to', folder];
  running = spawn(process.execPath, [WRANGLER, 'dev', ...flags], {
    cwd: ROOT,
    env: { ...process.env, CLOUDFLARE_CF_FETCH_ENABLED: 'false', WRANGLER_SEND_METRICS: 'false' },
    detached: true,
    stdio: 'ignore',
  });
  const server = api(`http://127.0.0.1:${port}`);
  await vi.waitFor(async () => valueOf(await server.call('GET', '/healthz')), {
    timeout: START_TIMEOUT_MS,
    interval: 100,
  });
  return server;
}

test('npm start serves sessions that live, expire by themselves, and outlive the server', async () => {
  let server = await startDevServer();
  const create = async (body: object) => valueOf(await server.call<Session>('POST', '/v1/sessions', body));
  const long = await create({ model: 'claude-sonnet-5' });
  const short = await create({ sessionTimeoutMs: 1_000 });
  const touched = valueOf(
    await server.call<Session>('POST', `/v1/sessions/${long.sessionId}/activity`, { messages: 2 }),
  );
  expect(touched).toMatchObject({ status: 'active', messageCount: 2, config: { model: 'claude-sonnet-5' } });
  await vi.waitFor(
    async () => {
      const stats = valueOf(await server.call<RegistryStats>('GET', '/v1/registry/stats'));
      expect(stats).toMatchObject({ totalCreated: 2, activeCount: 1, totalExpired: 1 });
    },
    { timeout: 5_000, interval: 100 },
  );

  killGroup();
  await vi.waitFor(() => expect(server.call('GET', '/healthz')).rejects.toThrow(TypeError), {
    timeout: 5_000,
    interval: 50,
  });
  server = await startDevServer();
  const read = async (id: string) => valueOf(await server.call<Session>('GET', `/v1/sessions/${id}`));
  expect(await read(long.sessionId)).toEqual(touched);
  expect(await read(short.sessionId)).toMatchObject({ status: 'expired', endReason: 'idle_timeout' });
});
