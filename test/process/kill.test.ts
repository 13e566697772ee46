import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test, vi } from 'vitest';
import { api, valueOf, type Api } from '../../scripts/api.ts';
import type { RegistryStats, Series } from '../../src/contract/registry.ts';
import type { Session } from '../../src/contract/session.ts';
import { Load, SHORT_TIMEOUT_MS, type Known } from './load.ts';
import { listAll, prepareServer } from './server.ts';

const ROUNDS = 5;
const MAX_SESSIONS = 150;
/** How long the load runs before the kill, milliseconds. */
const [MIN_LOAD_MS, MAX_LOAD_MS] = [300, 1_500];
/** All short sessions fall due while the server is down. */
const DOWN_MS = SHORT_TIMEOUT_MS + 100;
/** An end or expiry that was cut off before its report is reported again after 5 s. */
const REPORT_RETRY_MS = 10_000;
/** The slot of a create that was cut off is settled from 30 s on. */
const RESERVATION_MS = 40_000;

// The setting is another one: a limit that was set at run time holds over restarts.
const start = await prepareServer({ MAX_SESSIONS: 1_000 });

const stats = async (server: Api) => valueOf(await server.call<RegistryStats>('GET', '/v1/registry/stats'));
const get = (server: Api, id: string) => server.call<Session>('GET', `/v1/sessions/${id}`);

async function read(server: Api, ids: Iterable<string>): Promise<Session[]> {
  return Promise.all([...ids].map(async (id) => valueOf(await get(server, id))));
}

/** What has happened by the series, which, unlike a list, asks no session. */
async function happened(server: Api, what: 'expired' | 'created'): Promise<number> {
  const series = valueOf(await server.call<Series>('GET', '/v1/registry/series?minutes=60'));
  return series.data.reduce((sum, minute) => sum + minute[what], 0);
}

/** A session is as its clients were told; where they were not told, as it may be. */
function expectAsAnswered(session: Session, known: Known): void {
  const possible = {
    none: known.short ? ['expired'] : ['active'],
    asked: known.short ? ['expired', 'ended'] : ['active', 'ended'],
    ended: ['ended'],
    expired: ['expired'],
  };
  expect(possible[known.ending], `the status of ${JSON.stringify(known)}`).toContain(session.status);
  expect(session.messageCount).toBeGreaterThanOrEqual(known.answered);
  expect(session.messageCount).toBeLessThanOrEqual(known.answered + known.unanswered);
}

/** A create with a key can be repeated until it is answered, and makes one session. */
async function repeatLostCreates(server: Api, load: Load): Promise<number> {
  let withoutKey = 0;
  for (const { key, body } of load.lostCreates.splice(0)) {
    if (key === null) {
      withoutKey += 1;
      continue;
    }
    const repeat = () => server.call<Session>('POST', '/v1/sessions', body, { 'Idempotency-Key': key });
    const [first, second] = [await repeat(), await repeat()];
    expect(first.ok ? second : first).toMatchObject(
      first.ok
        ? { status: 200, value: { sessionId: first.value.sessionId } }
        : { problem: { code: 'max_sessions_reached' } },
    );
    if (first.ok) load.learn(first.value);
  }
  return withoutKey;
}

test('what was answered with success survives SIGKILL, and the count is exact', async () => {
  const load = new Load();
  let lost = 0;

  for (let round = 0; round < ROUNDS; round += 1) {
    const before = await start();
    const loaded = api(before.url);
    if (round === 0) valueOf(await loaded.call('PUT', '/v1/registry/limits', { maxSessions: MAX_SESSIONS }));
    let killed = false;
    const running = load.run(loaded, () => killed);
    await sleep(MIN_LOAD_MS + Math.random() * (MAX_LOAD_MS - MIN_LOAD_MS));
    killed = true;
    await before.stop('SIGKILL');
    await running;
    expect(load.surprises).toEqual([]);

    await sleep(DOWN_MS);
    const after = await start();
    const server = api(after.url);
    // Nothing but alarms can have told the registry of these.
    const fellDue = [...load.known.values()].filter(
      ({ short, ending }) => ending === 'expired' || (short && ending === 'none'),
    ).length;
    await vi.waitFor(async () => expect(await happened(server, 'expired')).toBeGreaterThanOrEqual(fellDue), {
      timeout: REPORT_RETRY_MS,
      interval: 50,
    });
    for (const session of await read(server, load.known.keys())) {
      const known = load.known.get(session.sessionId);
      if (known !== undefined) expectAsAnswered(session, known);
      load.learn(session);
    }
    lost += await repeatLostCreates(server, load);
    await expectListed(server, load, lost);
    await after.stop('SIGKILL');
  }

  const last = await start();
  await expectBalanced(api(last.url), load);
  await last.stop();
});

/** Count and list are the same rows; every active session is among them, and no more than may be. */
async function expectListed(server: Api, load: Load, lost: number): Promise<void> {
  const listed = await vi.waitFor(
    async () => {
      const ids = (await listAll(server, 'active')).map(({ sessionId }) => sessionId);
      expect((await stats(server)).activeCount).toBe(ids.length);
      return new Set(ids);
    },
    { timeout: REPORT_RETRY_MS, interval: 50 },
  );
  expect(listed.size).toBeLessThanOrEqual(MAX_SESSIONS);
  const living = [...load.known.values()].filter(({ ending, short }) => ending === 'none' && !short);
  for (const { sessionId } of living) expect(listed).toContain(sessionId);
  // A create without an answer, sent without a key: its session may be there, or its slot alone.
  const strangers = [...listed].filter((id) => !load.known.has(id));
  expect(strangers.length).toBeLessThanOrEqual(lost);
}

/** Once what was cut off is settled: list, count, statistics and the sessions themselves say the same. */
async function expectBalanced(server: Api, load: Load): Promise<void> {
  await vi.waitFor(
    async () => {
      const listed = await listAll(server, 'active');
      for (const { sessionId } of listed) {
        const session = await get(server, sessionId);
        expect(session.ok && session.value.status).toBe('active');
      }
      const all = await listAll(server, 'all');
      const sessions = await read(server, new Set([...load.known.keys(), ...all.map((it) => it.sessionId)]));
      const active = sessions.filter(({ status }) => status === 'active');
      expect(listed.map((it) => it.sessionId).toSorted()).toEqual(
        active.map((it) => it.sessionId).toSorted(),
      );
      expect((await stats(server)).activeCount).toBe(active.length);
    },
    { timeout: RESERVATION_MS, interval: 500 },
  );

  const listed = await listAll(server, 'all');
  const sessions = await read(
    server,
    listed.map(({ sessionId }) => sessionId),
  );
  for (const session of sessions.filter(({ status }) => status === 'active'))
    valueOf(await server.call('DELETE', `/v1/sessions/${session.sessionId}`));
  const ids = new Set(listed.map(({ sessionId }) => sessionId));
  for (const id of load.known.keys()) expect(ids).toContain(id);
  const final = await read(server, ids);
  const [expired, ended] = (['expired', 'ended'] as const).map(
    (status) => final.filter((session) => session.status === status).length,
  );
  expect(await stats(server)).toMatchObject({
    maxSessions: MAX_SESSIONS,
    activeCount: 0,
    totalInMemory: final.length,
    totalCreated: final.length,
    sessionsByStatus: { active: 0, expired, ended },
    totalExpired: expired,
    totalEnded: ended,
    totalMessages: final.reduce((sum, { messageCount }) => sum + messageCount, 0),
    byModel: {},
  });
  expect(await happened(server, 'created')).toBe(final.length);
}
