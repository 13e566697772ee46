import { beforeAll, beforeEach, expect, test } from 'vitest';
import { reset, runInDurableObject } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import type { Session } from '../../src/contract/session.ts';
import { SessionIndex } from '../../src/registry/session-index.ts';
import { Statistics } from '../../src/registry/statistics.ts';
import { call, create } from '../support/api.ts';
import { runRegistryAlarm, runSessionAlarm, stopClock, travel } from '../support/clock.ts';
import { limitTo, listAll, stats } from '../support/inventory.ts';

const MAX = 50;

beforeAll(stopClock);
beforeEach(async () => {
  await reset();
  await limitTo(MAX);
});

/** The count, the list and the statistics as they are stored, all read in one step of the registry. */
function lookInside(): Promise<{ rows: number; counted: number; listed: number; tallied: number }> {
  return runInDurableObject(env.REGISTRY.getByName('default'), (_, { storage }) => {
    const active = "SELECT count(*) AS n FROM sessions WHERE status = 'active'";
    const filter = { statuses: ['active'], labels: [], limit: 1_000 } as const;
    const { activeCount, byPermissionMode } = new Statistics(storage).read(true);
    return {
      rows: storage.sql.exec<{ n: number }>(active).one().n,
      counted: activeCount,
      listed: new SessionIndex(storage.sql).list(filter, Date.now()).length,
      tallied: Object.values(byPermissionMode).reduce((sum, count) => sum + count, 0),
    };
  });
}

async function expectExact(): Promise<number> {
  const { rows, counted, listed, tallied } = await lookInside();
  expect({ counted, listed, tallied }).toEqual({ counted: rows, listed: rows, tallied: rows });
  expect(rows).toBeLessThanOrEqual(MAX);
  return rows;
}

/** The same over HTTP, where nothing else goes on. */
async function expectExactOverHttp(): Promise<number> {
  const { activeCount, sessionsByStatus } = await stats();
  expect(sessionsByStatus.active).toBe(activeCount);
  expect(await listAll('status=active')).toHaveLength(activeCount);
  expect(activeCount).toBeLessThanOrEqual(MAX);
  return activeCount;
}

const postMany = (count: number, body: object) =>
  Promise.all(Array.from({ length: count }, () => call('POST', '/v1/sessions', { body })));

test('300 simultaneous creates with room for 50 are 50 × 201 and 250 × 429 with Retry-After', async () => {
  const answers = await postMany(300, {});
  const refused = answers.filter(({ status }) => status === 429);
  expect(answers.filter(({ status }) => status === 201)).toHaveLength(50);
  expect(refused).toHaveLength(250);
  for (const { headers } of refused) {
    const wait = Number(headers.get('Retry-After'));
    expect(wait).toBeGreaterThanOrEqual(1);
    expect(wait).toBeLessThanOrEqual(60);
  }
  expect(await expectExact()).toBe(50);
  expect(await expectExactOverHttp()).toBe(50);
  expect(await stats()).toMatchObject({ totalCreated: 50, totalRejected: 250 });
  const made = await Promise.all(
    answers.filter(({ status }) => status === 201).map((it) => it.json<Session>()),
  );
  const listed = (await listAll()).map(({ sessionId }) => sessionId);
  expect(listed.toSorted()).toEqual(made.map(({ sessionId }) => sessionId).toSorted());
}, 20_000);

/** What is done to a session, each up to a number between one half and one. */
const CHANGES = [
  [0.65, 'DELETE', ''],
  [0.7, 'DELETE', '?purge=true'],
  [0.85, 'POST', '/resume'],
  [1, 'POST', '/activity'],
] as const;

/** Numbers that look random and are the same each time (mulberry32). */
function numbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

test.each([1, 2])(
  'a storm of ends, expiries, resumes and creates keeps the count exact (%i)',
  async (seed) => {
    const random = numbers(seed);
    const known: string[] = [(await create()).sessionId];
    const pick = () => known[Math.floor(random() * known.length)] ?? '';
    /** Does something, and answers its status if that is none of those that may come of it. */
    const act = async (): Promise<number | null> => {
      const kind = random();
      if (kind < 0.5) {
        const body = { sessionTimeoutMs: 5_000 + Math.floor(random() * 60_000) };
        const response = await call('POST', '/v1/sessions', { body });
        if (response.status === 201) known.push((await response.json<Session>()).sessionId);
        return [201, 429, 503].includes(response.status) ? null : response.status;
      }
      const [, method, suffix] = CHANGES.find(([upTo]) => kind < upTo) ?? CHANGES[0];
      const { status } = await call(method, `/v1/sessions/${pick()}${suffix}`);
      return [200, 404, 409, 410, 429, 503].includes(status) ? null : status;
    };
    for (let round = 0; round < 8; round += 1) {
      const storm = Array.from({ length: 25 }, act);
      const looks = [expectExact(), expectExact()];
      if (random() < 0.5) travel(Math.floor(random() * 20_000));
      for (const id of known.slice(-5)) looks.push(runSessionAlarm(id).then(() => 0));
      const [unexpected] = await Promise.all([Promise.all(storm), Promise.all(looks)]);
      expect(unexpected.filter((status) => status !== null)).toEqual([]);
      await expectExact();
    }
    await expectExactOverHttp();
    // All that was left alone expires: every slot comes back.
    travel(10 * 60_000);
    await runRegistryAlarm();
    expect(await expectExact()).toBe(0);
    expect(await expectExactOverHttp()).toBe(0);
  },
  20_000,
);
