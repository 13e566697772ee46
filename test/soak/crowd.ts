/**
 * All who use a server at once, until it is time to stop.
 *
 * @module
 */
import { setTimeout as sleep } from 'node:timers/promises';
import {
  BerthClient,
  type ListStatus,
  type RegistryStats,
  type SessionQuery,
} from '../../src/client/index.ts';
import { newSessionId } from '../../src/contract/session-id.ts';
import { chance, oneOf, pause } from './chance.ts';
import { converse, keepAlive, MODELS, PROJECT, TEAMS, type World } from './conversation.ts';
import { visit, type Visits } from './viewers.ts';

/** A page of a list, and how many of them one looks at. */
const PAGE = 20;
const MAX_PAGES = 4;
/** A run that is broken need not go on. */
const MAX_SURPRISES = 100;
/** An answer that is not waited for, milliseconds. */
const ABANDONED_AFTER_MS = 3;

export interface Crowd {
  /** Until the last of them had finished, milliseconds. */
  tookMs: number;
  readonly visits: Visits;
  /** Ids that no session ever had, which were asked for. */
  strangers: number;
}

/** Has everyone work for the time of the load, and finish what they are at. */
export async function crowd(world: World, url: string, token: string): Promise<Crowd> {
  const { client, tally, amounts } = world;
  const startedAt = performance.now();
  const endsAt = startedAt + amounts.loadMs;
  const isOver = (): boolean => performance.now() >= endsAt || tally.surprises.length > MAX_SURPRISES;
  const came: Crowd = { tookMs: 0, visits: { polite: 0, rude: 0 }, strangers: 0 };
  const many = (count: number, work: () => Promise<void>): Promise<void>[] =>
    Array.from({ length: count }, work);
  const again = (work: () => Promise<void>) => async () => {
    while (!isOver()) await work();
  };

  const makeRoom = () =>
    tally.call('limit', [], () => client.registry.setLimits({ maxSessions: amounts.maxSessions.ample }));

  await makeRoom();
  await Promise.all([
    ...many(amounts.kept, () => keepAlive(world, isOver)),
    ...many(
      amounts.apps,
      again(() => converse(world)),
    ),
    ...many(
      amounts.listers,
      again(() => list(world)),
    ),
    ...many(amounts.visitors, () => visit(client, tally, { url, token, visits: came.visits, isOver })),
    again(() => look(world))(),
    again(() => stray(world, url, came))(),
    operate(world, isOver),
  ]);
  await makeRoom();
  came.tookMs = performance.now() - startedAt;
  return came;
}

/** Pages through a list: what it holds is what was asked for, newest first, each once. */
async function list({ client, tally }: World): Promise<void> {
  await pause(50, 350);
  const status = oneOf<ListStatus>(['active', 'active', 'expired', 'ended', 'all']);
  const query: SessionQuery = {
    status,
    limit: PAGE,
    ...(chance(0.3) ? { model: oneOf(MODELS) } : {}),
    ...(chance(0.3) ? { metadata: { team: oneOf(TEAMS) } } : {}),
  };
  if (chance(0.1))
    return tally.abandon(
      'abandoned list',
      (signal) => client.sessions.list(query, { signal }),
      ABANDONED_AFTER_MS,
    );
  let last = '~';
  let cursor: string | undefined;
  for (let page = 0; page < MAX_PAGES; page += 1) {
    const listed = await tally.call('list', [], () => client.sessions.list({ ...query, cursor }));
    if (!listed.ok) return;
    for (const { sessionId, status: shown, config } of listed.value.data) {
      if (status !== 'all' && shown !== status) tally.surprise(`list: ${shown} among ${status}`);
      if (query.model !== undefined && config.model !== query.model)
        tally.surprise(`list: ${config.model} among ${query.model}`);
      if (sessionId >= last) tally.surprise(`list: ${sessionId} after ${last}`);
      last = sessionId;
    }
    if (listed.value.nextCursor === null) return;
    cursor = listed.value.nextCursor;
  }
}

/** Looks at all that there is to look at. */
async function look({ client, tally, amounts }: World): Promise<void> {
  await pause(100, 300);
  const stats = await tally.call('statistics', [], () => client.registry.stats());
  if (stats.ok) checkStats(stats.value, amounts.maxSessions.ample, (text) => tally.surprise(text));
  await tally.call('series', [], () => client.registry.series({ minutes: 60 }));
  await tally.call('metrics', [], () => client.registry.metrics());
  await tally.call('transcripts', [], () => client.transcripts.list(PROJECT, { limit: PAGE }));
  await tally.call('health', [], () => client.health());
}

/** The figures agree with each other at any time, and the limit holds. */
function checkStats(stats: RegistryStats, most: number, surprise: (text: string) => void): void {
  const { active, expired, ended } = stats.sessionsByStatus;
  const sums = [stats.byModel, stats.byPermissionMode].map((shares) =>
    Object.values(shares).reduce((sum, share) => sum + share, 0),
  );
  if (stats.activeCount !== active || stats.totalInMemory !== active + expired + ended)
    surprise(`statistics: ${JSON.stringify(stats)} do not add up`);
  if (sums.some((sum) => sum !== active)) surprise(`statistics: shares of ${JSON.stringify(stats)}`);
  if (active > most) surprise(`statistics: ${active} active, where ${most} may be`);
}

/** Asks for what isn't there, or may not be had. */
async function stray({ client, tally }: World, url: string, came: Crowd): Promise<void> {
  await pause(100, 300);
  came.strangers += 1;
  await mustFail(tally, 'unknown session', 'session_not_found', () => client.sessions.get(newSessionId()));
  await mustFail(tally, 'no session id', 'session_not_found', () => client.sessions.touch('nobody'));
  await mustFail(tally, 'bad create', 'invalid_request', () => client.sessions.create({ maxTurns: 0 }));
  const anyone = new BerthClient({ baseUrl: url, fetch: tally.fetch });
  await mustFail(tally, 'no token', 'unauthenticated', () => anyone.sessions.list());
}

async function mustFail(
  tally: World['tally'],
  kind: string,
  code: string,
  make: () => Promise<unknown>,
): Promise<void> {
  const outcome = await tally.call(kind, [code], make);
  if (outcome.ok) tally.surprise(`${kind}: was answered`);
}

/** Makes room, and takes it again. */
async function operate({ client, tally, amounts }: World, isOver: () => boolean): Promise<void> {
  const { ample, tight } = amounts.maxSessions;
  for (let maxSessions = ample; !isOver(); maxSessions = maxSessions === ample ? tight : ample) {
    await tally.call('limit', [], () => client.registry.setLimits({ maxSessions }));
    await sleep(amounts.limitChangeMs);
  }
}
