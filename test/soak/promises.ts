/**
 * What a soak is to show, and whether it did.
 *
 * @module
 */
import type { RegistryStats } from '../../src/client/index.ts';
import type { Census } from './census.ts';
import type { World } from './conversation.ts';
import { allOf } from './process-figures.ts';
import type { Sample } from './sampler.ts';
import type { Ending, Served } from './served.ts';
import { levelsOff, MAX_GROWTH, ofFifth } from './trend.ts';
import type { Viewer } from './viewers.ts';

/** A server that is asked to stop and has nothing to finish is gone by then, milliseconds. */
const STOP_MS = 3_000;

/** Something that was promised. */
export interface Kept {
  readonly what: string;
  readonly held: boolean;
  /** What it was seen by. */
  readonly seen: string;
}

/** All of these are the same. */
function same(what: string, figures: Readonly<Record<string, number>>): Kept {
  const values = Object.values(figures);
  return {
    what,
    held: values.every((value) => value === values[0]),
    seen: Object.entries(figures)
      .map(([name, value]) => `${value.toLocaleString('en')} ${name}`)
      .join(', '),
  };
}

/** The count is exact. */
export function exactness(
  { book, tally }: World,
  { stats, listed, active, asked }: Census,
  viewer: Viewer,
): Kept[] {
  const sets = [listed, active].map((ids) => ids.toSorted().join(' '));
  const counted = same('the count is exact', {
    counted: stats.activeCount,
    listed: listed.length,
    [`that say they are active, of ${asked.toLocaleString('en')} asked`]: active.length,
  });
  return [
    { ...counted, held: counted.held && sets[0] === sets[1] },
    same('each create is counted and shown once', {
      created: book.fates.size,
      counted: stats.totalCreated,
      'seen by a viewer': viewer.count('created'),
    }),
    same('each expiry too', {
      expired: book.expiries,
      counted: stats.totalExpired,
      'seen by a viewer': viewer.count('expired'),
    }),
    same('each end', {
      ended: book.ends,
      counted: stats.totalEnded,
      'seen by a viewer': viewer.count('ended'),
    }),
    same('each return', { resumed: book.resumed, 'seen by a viewer': viewer.count('resumed') }),
    same('each refusal for want of a slot', {
      'turned away': tally.turnedAway,
      counted: stats.totalRejected,
    }),
  ];
}

/** Once those that stay have told the registry how much was said. */
export const messages = ({ book }: World, stats: RegistryStats): Kept =>
  same('each message', { sent: book.messages, counted: stats.totalMessages });

/** Nobody got more than there is. */
export function limitHeld({ amounts }: World, viewer: Viewer): Kept {
  const most = amounts.maxSessions.ample;
  return {
    what: 'the limit holds',
    held: viewer.mostActive > 0 && viewer.mostActive <= most,
    seen: `at most ${viewer.mostActive} of ${most} active in all that the viewer saw`,
  };
}

/** Nothing but what was to be reckoned with. */
export function noSurprises({ tally }: World, servers: readonly Served[]): Kept[] {
  const complaints = servers.flatMap(({ log }) => log.complaints);
  const movedAlarms = servers.reduce((sum, { log }) => sum + log.movedAlarms, 0);
  const failed = servers.flatMap(({ log }) => [...log.statuses].filter(([status]) => status >= 500));
  return [
    {
      what: 'no error but those that are meant to be',
      held: tally.surprises.length === 0 && failed.length === 0,
      seen:
        tally.surprises.length === 0
          ? `nothing else, in ${requestsOf(tally).toLocaleString('en')} requests`
          : `${tally.surprises.length} surprises`,
    },
    {
      what: 'no error or warning in the log',
      held: complaints.length === 0,
      seen: `${complaints.length} lines; ${movedAlarms} times workerd says that an alarm had been set anew when it came`,
    },
  ];
}

export function requestsOf({ kinds }: World['tally']): number {
  return [...kinds.values()].reduce((sum, { requests }) => sum + requests, 0);
}

/** Memory, of both processes. A run of seconds does not tell. */
export function memory({ amounts }: World, samples: readonly Sample[]): Kept[] {
  if (!amounts.isFull) return [];
  const kinds = [
    ['workerd', samples.map(({ workerdMb }) => workerdMb)],
    ['the process that starts it', samples.map(({ serveMb }) => serveMb)],
  ] as const;
  return kinds.map(([name, series]) => ({
    what: `the memory of ${name} levels off`,
    held: levelsOff(series),
    seen: `in the last fifth ${(ofFifth(series, 5) / ofFifth(series, 3)).toFixed(2)} times that of the third, where ${MAX_GROWTH} is allowed`,
  }));
}

type BeforeAndAfter = readonly [before: Sample, after: Sample];

/** Of those who have gone: while the registry is awake and watched, and once nobody is there. */
export function sockets(watched: BeforeAndAfter, alone: BeforeAndAfter): Kept[] {
  const [[busyBefore, busyAfter], [before, after]] = [watched, alone].map((samples) =>
    samples.map(({ descriptors }) => descriptors.sockets),
  ) as [[number, number], [number, number]];
  return [
    {
      what: 'who has gone leaves no socket, though the registry is awake',
      held: busyAfter <= busyBefore,
      seen: `${busyBefore} with one viewer before the load, ${busyAfter} with the same one after it`,
    },
    {
      what: 'no socket is left',
      held: after <= before,
      seen: `${before} before anyone came, ${after} once all had gone`,
    },
  ];
}

/** Once no object is awake, where there is time for that. */
export function openFiles({ amounts }: World, before: Sample, after: Sample): Kept {
  const [first, last] = [before.descriptors, after.descriptors];
  if (amounts.isFull)
    return {
      what: 'no file is left open',
      held: allOf(last) <= allOf(first),
      seen: `${allOf(first)} descriptors before, ${allOf(last)} after`,
    };
  return {
    what: 'no file is left open but those of objects',
    held: last.others <= first.others,
    seen: `${first.others} descriptors before, ${last.others} after`,
  };
}

export interface Restart {
  readonly stats: readonly [before: RegistryStats, after: RegistryStats];
  /** Files of sessions while it ran, and once it had started again. */
  readonly files: readonly [before: number, after: number];
  readonly tidied: number;
  /** Sessions that were alive, and those of them that still say so. */
  readonly alive: readonly [before: number, after: number];
  readonly strangers: number;
}

/** What a restart leaves as it was, and what it clears away. */
export function restarted({ amounts }: World, restart: Restart): Kept[] {
  const { stats, files, tidied, alive, strangers } = restart;
  const [counts, again] = [JSON.stringify(stats[0]), JSON.stringify(stats[1])];
  return [
    same('sessions outlive a restart', { before: alive[0], after: alive[1] }),
    { what: 'statistics too', held: counts === again, seen: counts === again ? 'the same' : again },
    {
      what: 'a restart deletes the files of sessions that are gone',
      // Erased sessions leave a mark for half a minute, for which a short run does not wait.
      held: amounts.isFull ? files[1] === alive[0] : tidied >= strangers && files[1] <= files[0] - strangers,
      seen: `${files[0].toLocaleString('en')} before, ${files[1].toLocaleString('en')} after, for ${alive[0]} sessions that are kept`,
    },
  ];
}

/** Asked to stop, it ends, and all that it had started. */
export function stopped(endings: readonly Ending[], survivors: number): Kept {
  return {
    what: 'SIGTERM ends it',
    held:
      survivors === 0 &&
      endings.every(({ code, signal, tookMs }) => code === 0 && signal === null && tookMs <= STOP_MS),
    seen: endings.map(({ code, tookMs }) => `code ${code} after ${Math.round(tookMs)} ms`).join(', '),
  };
}
