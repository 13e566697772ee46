/**
 * What a series of samples says: whether something has stopped to grow.
 *
 * @module
 */

/** What is measured at equal intervals. */
export type Samples = readonly number[];

/**
 * How much more the last fifth may have than the third one. Less would be the noise of collectors and
 * allocators; a server that keeps something of every request has grown by more in two minutes.
 */
export const MAX_GROWTH = 1.1;

export function median(samples: Samples): number {
  const sorted = samples.toSorted((a, b) => a - b);
  const middle = (sorted.length - 1) / 2;
  const [low = NaN, high = NaN] = [sorted[Math.floor(middle)], sorted[Math.ceil(middle)]];
  return (low + high) / 2;
}

/** The middle of a fifth of a series: the first, the second, and so on. */
export function ofFifth(samples: Samples, which: 1 | 2 | 3 | 4 | 5): number {
  const edge = (fifths: number): number => Math.round((samples.length * fifths) / 5);
  return median(samples.slice(edge(which - 1), edge(which)));
}

/**
 * Whether something levels off. The first two fifths are not looked at: a server that has just begun grows
 * until it has met all that it does. A series that is too short to tell does not.
 */
export function levelsOff(samples: Samples): boolean {
  return ofFifth(samples, 5) <= MAX_GROWTH * ofFifth(samples, 3);
}

/** By how much something grows from one sample to the next over the last half, by least squares. */
export function lateSlope(samples: Samples): number {
  const late = samples.slice(Math.floor(samples.length / 2));
  const [middle, mean] = [(late.length - 1) / 2, late.reduce((sum, value) => sum + value, 0) / late.length];
  const [shared, spread] = late.reduce(
    ([products, squares], value, i) => [
      products + (i - middle) * (value - mean),
      squares + (i - middle) ** 2,
    ],
    [0, 0],
  );
  return shared / spread;
}
