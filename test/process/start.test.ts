import { stat } from 'node:fs/promises';
import { request } from 'node:http';
import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import { api, valueOf, type Api } from '../../scripts/api.ts';
import type { RegistryStats } from '../../src/contract/registry.ts';
import type { Session } from '../../src/contract/session.ts';
import { BY_NPM_START, startDevServer } from './dev-server.ts';
import { temporaryFolder } from './server.ts';

const folder = await temporaryFolder();

async function start(): Promise<{ url: string; server: Api; kill: () => void }> {
  const { url, kill } = await startDevServer(folder, {}, BY_NPM_START);
  return { url, server: api(url), kill };
}

/** The status of a request with headers that `fetch` would not send. */
function statusOf(url: string, headers: Record<string, string>): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const sent = request(url, { headers }, (answer) => {
      answer.resume();
      resolve(answer.statusCode);
    });
    sent.on('error', reject).end();
  });
}

test('npm start serves sessions that live, expire by themselves, and outlive the server', async () => {
  let { server, kill } = await start();
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

  kill();
  await vi.waitFor(() => expect(server.call('GET', '/healthz')).rejects.toThrow(TypeError), {
    timeout: 5_000,
    interval: 50,
  });
  ({ server, kill } = await start());
  const read = async (id: string) => valueOf(await server.call<Session>('GET', `/v1/sessions/${id}`));
  expect(await read(long.sessionId)).toEqual(touched);
  expect(await read(short.sessionId)).toMatchObject({ status: 'expired', endReason: 'idle_timeout' });
});

test("npm start answers no name but this machine's, whatever a page that was rebound to it sends", async () => {
  const { url } = await startDevServer(await temporaryFolder(), {}, BY_NPM_START);
  const { host } = new URL(url);
  const list = `${url}/v1/sessions`;
  expect(await statusOf(list, { Host: host })).toBe(200);
  expect(await statusOf(list, { Host: 'evil.example' })).toBe(403);
  // What wrangler's own server would take for the address that was asked for.
  expect(await statusOf(list, { Host: 'evil.example', 'MF-Original-URL': list })).toBe(403);
  expect(await statusOf(list, { Host: host, Origin: 'http://evil.example' })).toBe(403);
});

test('npm start asks for tokens where it is told to, and keeps the secret from other users', async () => {
  const kept = await temporaryFolder();
  const settings = { AUTH: 'required', AUTH_JWT_SECRET: 'a-secret-of-more-than-32-bytes-for-tests' };
  const { url } = await startDevServer(kept, settings, BY_NPM_START);
  expect(await statusOf(`${url}/v1/sessions`, {})).toBe(401);
  const { mode } = await stat(join(kept, 'workerd.capnp'));
  expect(mode & 0o077).toBe(0);
});
