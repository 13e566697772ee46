import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import document from '../../docs/scale.md?raw';
import { reportIntervalMs } from '../../src/registry/report-interval.ts';
import {
  agent,
  busiest,
  keptAlive,
  loadAt,
  mean,
  MIXED,
  person,
  reportCalls,
  seldom,
  sessionsWithinBound,
  SIZES,
  type Touching,
} from './report-load.ts';
import { TABLES, between, cellsOf } from './tables.ts';

// The rules are the registry's and the sessions' own; the clock and the touches are the model's.

/** What all reports of activity together may cost the registry. */
const MAX_CALLS_PER_SECOND = 200;
/** Millions of touches take their time, on a machine that has other things to do. */
const PLAY_TIMEOUT_MS = 30_000;
const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;

/** Touches that never leave a report waiting: what the rules allow at the most. */
const incessant: Touching = (chance) => SECOND * chance();
const touchings = [person, agent, keptAlive, seldom, incessant].map((touching) => [[1, touching]] as const);

describe('reports of activity', { timeout: PLAY_TIMEOUT_MS }, () => {
  it('come at most 200 times a second, in its busiest minute too, up to the bound of an hour, and twice a timeout past it', () => {
    let before = 0;
    for (const active of SIZES) {
      const { perSecond, busiestMinutePerSecond } = loadAt(active, HOUR);
      const within = active <= sessionsWithinBound(HOUR);
      const most = within ? MAX_CALLS_PER_SECOND : (2 * active) / (HOUR / SECOND);
      expect(busiestMinutePerSecond, `${active} sessions`).toBeLessThanOrEqual(most);
      // That it is spent, too, is what keeps lists fresh: past 3,000 sessions most of it is.
      if (active >= 10_000) expect(perSecond, `${active} sessions`).toBeGreaterThan(most / 2);
      expect(perSecond).toBeGreaterThan(before);
      before = perSecond;
    }
  });

  it('are what docs/scale.md says', () => {
    expect(cellsOf(between(document, 'reports'))).toEqual(cellsOf(TABLES.reports()));
  });

  it('of any size, timeout and way of touching: 200 a second within an interval, twice a timeout past the bound', () => {
    const sizes = fc.record({
      active: fc.integer({ min: 1, max: 4_000 }),
      timeoutMs: fc.constantFrom(4 * SECOND, 20 * SECOND, 50 * SECOND, 5 * MINUTE),
      touching: fc.constantFrom(MIXED, ...touchings),
      seed: fc.nat(),
    });
    fc.assert(
      fc.property(sizes, ({ active, timeoutMs, touching, seed }) => {
        const intervalMs = Math.min(reportIntervalMs(active), timeoutMs / 2);
        const calls = reportCalls({ active, timeoutMs, touching, seed, forMs: 3 * intervalMs + MINUTE });
        const seconds = Math.floor(intervalMs / SECOND);
        const most = Math.max(MAX_CALLS_PER_SECOND, (2 * active) / (timeoutMs / SECOND));
        // Within an interval no session reports twice.
        expect(busiest(calls, seconds)).toBeLessThanOrEqual(active);
        expect(busiest(calls, seconds) / (intervalMs / SECOND)).toBeLessThanOrEqual(most);
        expect(mean(calls)).toBeLessThanOrEqual(most);
      }),
      { numRuns: 60 },
    );
  });

  it('grow with the sessions past the bound, and no faster', () => {
    const timeoutMs = 10 * MINUTE;
    const bound = sessionsWithinBound(timeoutMs);
    const [once, twice, fourTimes] = [1, 2, 4].map((times) => loadAt(times * bound, timeoutMs).perSecond);
    expect((twice ?? 0) / (once ?? 1)).toBeCloseTo(2, 1);
    expect((fourTimes ?? 0) / (once ?? 1)).toBeCloseTo(4, 1);
  });

  it('are no flood while a tenant grows to its greatest size', () => {
    const calls = reportCalls({ active: 100_000, timeoutMs: HOUR, forMs: HOUR, growsForMs: 10 * MINUTE });
    expect(mean(calls)).toBeLessThanOrEqual(MAX_CALLS_PER_SECOND);
    expect(busiest(calls, 60) / 60).toBeLessThanOrEqual(1.25 * MAX_CALLS_PER_SECOND);
  });

  it('that have no answer are no flood either, while the registry is away and when it comes back', () => {
    const outage = { active: 100_000, timeoutMs: HOUR, forMs: 30 * MINUTE, awayMs: 10 * MINUTE };
    const calls = reportCalls(outage);
    expect(busiest(calls, 60) / 60).toBeLessThanOrEqual(1.5 * MAX_CALLS_PER_SECOND);
    expect(mean(calls.subarray(20 * 60))).toBeLessThanOrEqual(MAX_CALLS_PER_SECOND);
  });
});
