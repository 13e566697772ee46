/**
 * What sessions report of mere activity, worked out for any number of them: the registry's own rule of the
 * interval and the sessions' own rule of when a report is due, on a clock of the model's.
 *
 * Sessions meet only in their number, from which the interval follows. So each is played through by itself,
 * and its reports are counted in the second in which they come.
 *
 * @module
 */
import { reportIntervalMs } from '../../src/registry/report-interval.ts';
import { create, isReportDue, unheard } from '../../src/session/lifecycle.ts';
import type { SessionRecord } from '../../src/session/record.ts';

const SECOND_MS = 1_000;
/** No more sessions than that are played; where there are more, each stands for several. */
const MAX_PLAYED = 360_000;

/** A source of chance that gives the same numbers for the same seed. */
export type Chance = () => number;

/** Numbers from 0 to 1 (mulberry32, by Tommy Ettinger: public domain). */
export function chanceFrom(seed: number): Chance {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** How a session is touched: the wait from one touch to the next, milliseconds. */
export type Touching = (chance: Chance, timeoutMs: number) => number;

const between = (chance: Chance, min: number, max: number): number => min + (max - min) * chance();

/** A person: turns of some minutes with a touch every few seconds, and a few minutes of reading between them. */
export const person: Touching = (chance, timeoutMs) =>
  chance() < 0.95
    ? between(chance, 3 * SECOND_MS, 30 * SECOND_MS)
    : Math.min(between(chance, 60 * SECOND_MS, 900 * SECOND_MS), timeoutMs * 0.9);

/** An agent at work: a touch for every tool that it uses. */
export const agent: Touching = (chance) => between(chance, 2 * SECOND_MS, 20 * SECOND_MS);

/** A timer in the app that keeps the session alive. */
export const keptAlive: Touching = (_, timeoutMs) => Math.min(60 * SECOND_MS, timeoutMs / 3);

/** A session that is seldom used, and almost lost each time. */
export const seldom: Touching = (chance, timeoutMs) => between(chance, timeoutMs / 4, timeoutMs * 0.95);

/** What a tenant may have, by share. */
export const MIXED: readonly (readonly [share: number, touching: Touching])[] = [
  [0.5, person],
  [0.2, agent],
  [0.2, keptAlive],
  [0.1, seldom],
];

export interface Load {
  readonly active: number;
  readonly timeoutMs: number;
  /** How long to look, milliseconds. */
  readonly forMs: number;
  readonly touching?: readonly (readonly [share: number, touching: Touching])[];
  /** While the registry does not answer, from the beginning on, milliseconds. */
  readonly awayMs?: number;
  /** When sessions begin: all were there before if it is left out, else evenly over this time. Milliseconds. */
  readonly growsForMs?: number;
  readonly seed?: number;
}

/** Calls of the registry, by second. */
export type Calls = Uint32Array;

/** The calls that these sessions make, second by second. */
export function reportCalls(load: Load): Calls {
  const chance = chanceFrom(load.seed ?? 1);
  const calls = new Uint32Array(Math.ceil(load.forMs / SECOND_MS));
  const touching = load.touching ?? MIXED;
  const each = Math.ceil(load.active / MAX_PLAYED);
  for (let place = 0; place < load.active; place += each) {
    const weight = Math.min(each, load.active - place);
    for (const at of reportTimes(load, pick(touching, chance()), place, chance)) {
      const second = Math.floor(at / SECOND_MS);
      if (at >= 0) calls[second] = (calls[second] ?? 0) + weight;
    }
  }
  return calls;
}

/** When a session calls the registry. `place` is its place in the order in which they began. */
function reportTimes(load: Load, touching: Touching, place: number, chance: Chance): number[] {
  const { active, timeoutMs, forMs, awayMs = 0, growsForMs } = load;
  const defaults = { cwd: '/', sessionTimeoutMs: timeoutMs, maxLifetimeMs: null };
  // Written again in place: there are many.
  const record: { -readonly [K in keyof SessionRecord]: SessionRecord[K] } = {
    ...create('', {}, defaults, 0).record,
  };
  let now: number;
  if (growsForMs === undefined) {
    // It has been there for long: an interval passes before anything is counted, so that all is as it goes on.
    record.reportIntervalMs = reportIntervalMs(active);
    const interval = Math.min(record.reportIntervalMs, timeoutMs / 2);
    record.reportedAt = -interval * (1 + chance());
    now = -interval + chance() * touching(chance, timeoutMs);
  } else {
    record.reportIntervalMs = reportIntervalMs(place + 1);
    record.reportedAt = (place / active) * growsForMs;
    now = record.reportedAt + touching(chance, timeoutMs);
  }
  const times: number[] = [];
  for (; now < forMs; now += touching(chance, timeoutMs)) {
    if (!isReportDue(record, now)) continue;
    times.push(now);
    record.reportedAt = now;
    if (now >= 0 && now < awayMs) {
      record.reportedAt = unheard(record).reportedAt;
    } else {
      const there = growsForMs === undefined ? 1 : Math.min(now / growsForMs, 1);
      record.reportIntervalMs = reportIntervalMs(Math.ceil(there * active));
    }
  }
  return times;
}

function pick(touching: readonly (readonly [share: number, touching: Touching])[], at: number): Touching {
  let sum = 0;
  for (const [share, it] of touching) {
    sum += share;
    if (at < sum) return it;
  }
  return keptAlive;
}

/** Calls a second, over all of it. */
export function mean(calls: Calls): number {
  return calls.reduce((sum, it) => sum + it, 0) / calls.length;
}

/** The most calls within so many seconds on end. */
export function busiest(calls: Calls, seconds: number): number {
  let sum = 0;
  let most = 0;
  for (let i = 0; i < calls.length; i += 1) {
    sum += (calls[i] ?? 0) - (i < seconds ? 0 : (calls[i - seconds] ?? 0));
    most = Math.max(most, sum);
  }
  return most;
}

/** How many sessions of a timeout may be active for their reports to stay within 200 calls a second. */
export const sessionsWithinBound = (timeoutMs: number): number => (100 * timeoutMs) / SECOND_MS;

/** What a document shows of one size. */
export interface LoadFigures {
  readonly intervalMs: number;
  readonly perSecond: number;
  readonly busiestMinutePerSecond: number;
}

const HOUR_MS = 3_600 * SECOND_MS;
/** Up to the most sessions that a tenant can have, to the bound of an hour's timeout, and past it. */
export const SIZES = [100, 1_000, 3_000, 10_000, 100_000, 360_000, 1_000_000] as const;

/** What was worked out already: the large ones take a second or two. */
const known = new Map<string, LoadFigures>();

/** The load of mixed sessions at a size, once it is settled. */
export function loadAt(active: number, timeoutMs = HOUR_MS): LoadFigures {
  const key = `${active} ${timeoutMs}`;
  const figures = known.get(key) ?? workOut(active, timeoutMs);
  known.set(key, figures);
  return figures;
}

function workOut(active: number, timeoutMs: number): LoadFigures {
  const intervalMs = Math.min(reportIntervalMs(active), timeoutMs / 2);
  const calls = reportCalls({ active, timeoutMs, forMs: Math.max(intervalMs, 600 * SECOND_MS) });
  return {
    intervalMs,
    perSecond: mean(calls),
    busiestMinutePerSecond: busiest(calls, 60) / 60,
  };
}
