/**
 * A run, step by step: the load, the count, the quiet after it, a restart.
 *
 * @module
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { SignJWT } from 'jose';
import { BerthClient } from '../../src/client/index.ts';
import { SCOPES } from '../../src/contract/scopes.ts';
import { temporaryFolder } from '../bench/support/folders.ts';
import type { Amounts } from './amounts.ts';
import { Book } from './book.ts';
import { census, endAllBut, untilQuiet } from './census.ts';
import type { World } from './conversation.ts';
import { crowd, type Crowd } from './crowd.ts';
import { dataFilesOf, sessionFilesIn } from './data-files.ts';
import { isAlive } from './process-figures.ts';
import * as promised from './promises.ts';
import * as report from './report.ts';
import { sampleOf, sampling, type Sample } from './sampler.ts';
import { serve, type Served } from './served.ts';
import { Tally } from './tally.ts';
import { Viewer } from './viewers.ts';

const SECRET = 'a secret of the soak, which guards nothing at all';
/** Sessions that are alive when the server is stopped, and are to be so when it is back. */
const OUTLIVING = 5;
/** What is sent to viewers is there by then, milliseconds. */
const SEEN_MS = 1_500;
/** Those that were ended last are erased by then once their retention is over, milliseconds. */
const ERASED_MS = 5_000;
/** An object sleeps after some seconds, with all that it had open. What is open after that stays open. */
const SLEEP_TIMEOUT_MS = 45_000;
/** A client's idle connection is closed after some seconds. */
const SOCKETS_TIMEOUT_MS = 15_000;
const LOOK_INTERVAL_MS = 250;
const AWAKE_INTERVAL_MS = 1_000;

export interface Soaked {
  readonly promises: readonly promised.Kept[];
  /** Its results, as Markdown. */
  readonly report: string;
  /** What should not have happened, and what the servers complained of. */
  readonly strange: readonly string[];
}

/** A server on a folder of its own, and those who use it. */
interface Run {
  readonly world: World;
  readonly token: string;
  readonly data: string;
  readonly server: Served;
  /** The only one who watches from the beginning to the end. */
  readonly viewer: Viewer;
  /** What the server held before anyone came, and once there was the viewer. */
  readonly before: Sample;
  readonly watched: Sample;
}

/** Carries one out. */
export async function soak(amounts: Amounts, say: (text: string) => void): Promise<Soaked> {
  const run = await begin(amounts);
  const { world, data, viewer } = run;
  say(`load for ${amounts.loadMs / 1_000} s`);
  const { came, samples, sections } = await load(run);
  say('waiting until all is quiet, and asking every session');
  const exact = await count(run);
  const busyMb = dataFilesOf(data).megabytes;
  say('waiting until nothing is open');
  const quiet = await calm(run);
  const quietMb = dataFilesOf(data).megabytes;
  say('starting again');
  const { servers, kept } = await restart(run, came);
  const promises = [
    ...exact,
    promised.limitHeld(world, viewer),
    ...promised.noSurprises(world, servers),
    ...promised.memory(world, samples),
    ...quiet,
    ...kept,
  ];
  const [summary = '', ...tables] = sections;
  const folder = `The data folder had ${busyMb.toFixed(0)} MB after the load, ${quietMb.toFixed(0)} MB when all was over, ${dataFilesOf(data).megabytes.toFixed(1)} MB after the restart.`;
  return {
    promises,
    report: [summary, report.kept(promises), ...tables, folder].join('\n\n'),
    strange: [...world.tally.surprises, ...servers.flatMap(({ log }) => log.complaints)],
  };
}

const settingsFor = ({ retentionMs }: Amounts): Record<string, string> => ({
  AUTH_JWT_SECRET: SECRET,
  RETENTION_MS: String(retentionMs),
  TRANSCRIPT_RETENTION_MS: String(retentionMs),
});

async function begin(amounts: Amounts): Promise<Run> {
  const data = temporaryFolder();
  const token = await new SignJWT({ scope: Object.keys(SCOPES).join(' ') })
    .setProtectedHeader({ alg: 'HS256' })
    .setExpirationTime('1 day')
    .sign(new TextEncoder().encode(SECRET));
  const server = await serve(data, settingsFor(amounts));
  const before = sampleOf(server);
  const tally = new Tally();
  const client = new BerthClient({ baseUrl: server.url, token, fetch: tally.fetch });
  const viewer = new Viewer(client, tally);
  await viewer.begun();
  await client.registry.stats();
  const world = { client, tally, book: new Book(), amounts };
  return { world, token, data, server, viewer, before, watched: sampleOf(server) };
}

async function load({ world, token, server }: Run): Promise<{
  came: Crowd;
  samples: readonly Sample[];
  sections: readonly string[];
}> {
  const stopSampling = sampling(server, world.amounts.sampleMs);
  const came = await crowd(world, server.url, token);
  const samples = stopSampling();
  // Now, before anyone else is asked for anything.
  const sections = [
    report.summary(world, came),
    report.held(samples, world),
    ...(world.amounts.isFull ? [report.sensitivity(samples, world)] : []),
    report.calls(world, came),
    report.answersOf(world),
  ];
  return { came, samples, sections };
}

/** What the registry counts, and the viewer has seen, is what the sessions say. */
async function count({ world, viewer }: Run): Promise<promised.Kept[]> {
  await untilQuiet(world);
  const asked = await census(world);
  await sleep(SEEN_MS);
  const exact = promised.exactness(world, asked, viewer);
  await endAllBut(OUTLIVING, world);
  return [...exact, promised.messages(world, await world.client.registry.stats())];
}

/** Nothing stays open of those who have gone. */
async function calm({ world, server, viewer, before, watched }: Run): Promise<promised.Kept[]> {
  const { client, tally, amounts } = world;
  // A registry that falls asleep has its sockets closed for it.
  const wake = () => void tally.call('statistics', [], () => client.registry.stats());
  const awake = setInterval(wake, AWAKE_INTERVAL_MS);
  if (amounts.isFull) await sleep(amounts.retentionMs + ERASED_MS);
  const watchedAfter = await closed(
    server,
    ({ descriptors }) => descriptors.sockets <= watched.descriptors.sockets,
    SOCKETS_TIMEOUT_MS,
  );
  clearInterval(awake);
  viewer.close();
  const after = await closed(
    server,
    ({ descriptors: { sockets, databases } }) =>
      sockets <= before.descriptors.sockets && (!amounts.isFull || databases === 0),
    amounts.isFull ? SLEEP_TIMEOUT_MS : SOCKETS_TIMEOUT_MS,
  );
  return [
    ...promised.sockets([watched, watchedAfter], [before, after]),
    promised.openFiles(world, before, after),
  ];
}

/** Waits until something is open no longer, or for so long that it will not be closed. */
async function closed(
  server: Served,
  isClosed: (sample: Sample) => boolean,
  timeoutMs: number,
): Promise<Sample> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const sample = sampleOf(server);
    if (isClosed(sample) || performance.now() > deadline) return sample;
    await sleep(LOOK_INTERVAL_MS);
  }
}

/** Stops the server, starts another one on its folder, and stops that too. */
async function restart(
  { world, token, data, server }: Run,
  { strangers }: Crowd,
): Promise<{ servers: readonly Served[]; kept: promised.Kept[] }> {
  const { tally, book, amounts } = world;
  const stats = await world.client.registry.stats();
  const left = sessionFilesIn(data);
  const endings = [await server.stop()];
  const second = await serve(data, settingsFor(amounts));
  const tidy = sessionFilesIn(data);
  const client = new BerthClient({ baseUrl: second.url, token, fetch: tally.fetch });
  const statsAgain = await client.registry.stats();
  const alive = await Promise.all(book.idsOf('kept').map((id) => client.sessions.get(id)));
  endings.push(await second.stop());
  const servers = [server, second];
  const survivors = servers.flatMap(({ pid, workerdPid }) => [pid, workerdPid].filter(isAlive));
  return {
    servers,
    kept: [
      ...promised.restarted(world, {
        stats: [stats, statsAgain],
        files: [left, tidy],
        tidied: second.tidied,
        alive: [OUTLIVING, alive.filter(({ status }) => status === 'active').length],
        strangers,
      }),
      promised.stopped(endings, survivors.length),
    ],
  };
}
