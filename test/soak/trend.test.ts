import { describe, expect, it } from 'vitest';
import { lateSlope, levelsOff, median, ofFifth } from './trend.ts';

/** Five minutes, a sample a second. */
const LENGTH = 300;
const series = (valueAt: (second: number) => number): number[] =>
  Array.from({ length: LENGTH }, (_, second) => valueAt(second));
/** A collector that lets garbage heap up, and clears it. */
const sawtooth = (second: number): number => 40 * ((second % 23) / 23);

describe('memory levels off', () => {
  it('where it climbs to its height in the first two minutes, however noisy it is from there', () => {
    expect(levelsOff(series((second) => 60 + 140 * Math.min(1, second / 110) + sawtooth(second)))).toBe(true);
  });

  it('where it falls again', () => {
    expect(levelsOff(series((second) => 300 - second / 2))).toBe(true);
  });

  it('not where each second leaves something behind, under the same noise', () => {
    expect(levelsOff(series((second) => 200 + second / 4 + sawtooth(second)))).toBe(false);
  });

  it('not where the leak begins late', () => {
    expect(levelsOff(series((second) => 200 + Math.max(0, second - 180) / 2))).toBe(false);
  });

  it('not where a peak is all that it was compared with: the middle of a fifth counts', () => {
    expect(levelsOff(series((second) => (second === 150 ? 1_000 : 200 + second / 3)))).toBe(false);
  });

  it('not where there are too few samples to tell', () => {
    expect(levelsOff([])).toBe(false);
    expect(levelsOff([200])).toBe(false);
  });
});

describe('a trend', () => {
  it('is that of the last half', () => {
    expect(lateSlope(series((second) => (second < 150 ? 10 * second : 1_500 + 3 * second)))).toBeCloseTo(3);
    expect(lateSlope(series(() => 7))).toBe(0);
  });

  it('has middles that no outlier moves', () => {
    expect(median([1, 900, 3, 2])).toBe(2.5);
    expect(ofFifth([1, 1, 2, 2, 3, 3, 4, 4, 5, 5], 3)).toBe(3);
  });
});
