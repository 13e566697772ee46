import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test, vi } from 'vitest';
import { api, valueOf, type Api } from '../../scripts/api.ts';
import type { Workerd } from '../../scripts/workerd.ts';
import type { Session } from '../../src/contract/session.ts';
import { listAll, prepareServer } from './server.ts';

const MAX_SESSIONS = 40;
/** The kill comes at random in this time after the creates were sent: it takes some tries to cut one. */
const MAX_BURST_MS = 120;
const MAX_TRIES = 30;
/** Until then the slot of a create that was cut off may yet be used; milliseconds. */
const SETTLE_MS = 30_000;
/** A slot is reserved a little before the kill. */
const EARLY_MS = 1_000;
const LATE_MS = 5_000;

const start = await prepareServer({ MAX_SESSIONS });

const create = (server: Api) => server.call<Session>('POST', '/v1/sessions');

/** The sessions that hold slots, by whether they exist. */
async function holders(server: Api): Promise<{ alive: string[]; cut: string[] }> {
  const [alive, cut]: [string[], string[]] = [[], []];
  for (const { sessionId } of await listAll(server, 'active')) {
    const { status } = await server.call('GET', `/v1/sessions/${sessionId}`);
    (status === 200 ? alive : cut).push(sessionId);
  }
  return { alive, cut };
}

/** Kills a server in the middle of creates until one is cut off between its reservation and its session. */
async function cutCreates(): Promise<{ server: Workerd; alive: string[]; cut: string[]; killedAt: number }> {
  for (let tries = 0; tries < MAX_TRIES; tries += 1) {
    const before = await start();
    const burst = Array.from({ length: MAX_SESSIONS }, () => create(api(before.url)).catch(() => null));
    await sleep(Math.random() * MAX_BURST_MS);
    const killedAt = Date.now();
    await before.stop('SIGKILL');
    await Promise.all(burst);
    const server = await start();
    const { alive, cut } = await holders(api(server.url));
    if (cut.length > 0) return { server, alive, cut, killedAt };
    for (const id of alive) await api(server.url).call('DELETE', `/v1/sessions/${id}`);
    await server.stop('SIGKILL');
  }
  throw new Error(`No create was cut off in ${MAX_TRIES} tries`);
}

test('the slot of a create that was cut off comes back to a create that needs it, from 30 s on', async () => {
  const { server, alive, cut, killedAt } = await cutCreates();
  const client = api(server.url);
  for (let free = MAX_SESSIONS - alive.length - cut.length; free > 0; free -= 1)
    valueOf(await create(client));
  const refused = await create(client);
  expect(refused).toMatchObject({ status: 429, problem: { code: 'max_sessions_reached' } });

  await vi.waitFor(async () => valueOf(await create(client)), {
    timeout: SETTLE_MS + LATE_MS,
    interval: 250,
  });
  expect(Date.now() - killedAt).toBeGreaterThan(SETTLE_MS - EARLY_MS);
  for (let free = cut.length - 1; free > 0; free -= 1) valueOf(await create(client));
  expect((await create(client)).status).toBe(429);
  expect(await holders(client)).toMatchObject({ alive: { length: MAX_SESSIONS }, cut: [] });
  await server.stop();
});
