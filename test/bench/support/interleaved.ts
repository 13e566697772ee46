/**
 * Measuring several ways to do the same, in turn: A B C, C B A. What slows the machine down for a while then slows
 * all of them down, what one leaves behind for the next is borne by each, and the ratios within a round hold.
 *
 * @module
 */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** Prepares a sample, untimed, and answers what is to be timed. */
export type Sampler = () => () => Promise<void>;

export interface Rounds {
  /** Rounds that are timed. */
  readonly timed: number;
  /** Rounds before them that are not: compilers, caches and connections get warm. */
  readonly warmUp: number;
}

/** The middle of some values, and between which they all are. */
export interface Spread {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

/**
 * Takes samples of each kind in turn.
 *
 * @returns samples, by kind and round.
 */
export async function inTurn<T>(takers: readonly (() => Promise<T>)[], rounds: Rounds): Promise<T[][]> {
  const samples: T[][] = takers.map(() => []);
  const inOrder = [...takers.entries()];
  for (let round = -rounds.warmUp; round < rounds.timed; round += 1) {
    for (const [i, take] of round % 2 === 0 ? inOrder : inOrder.toReversed()) {
      const sample = await take();
      if (round >= 0) samples[i]?.push(sample);
    }
  }
  return samples;
}

/**
 * Times all samplers in turn.
 *
 * @returns milliseconds, by sampler and round.
 */
export function interleaved(samplers: readonly Sampler[], rounds: Rounds): Promise<number[][]> {
  const takers = samplers.map((prepare) => async () => {
    const sample = prepare();
    // What the one before has left behind is not to be cleaned up at this one's cost.
    collectGarbage();
    const start = performance.now();
    await sample();
    return performance.now() - start;
  });
  return inTurn(takers, rounds);
}

export function spreadOf(values: readonly number[]): Spread {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (index: number): number => sorted[index] ?? NaN;
  const middle = (sorted.length - 1) / 2;
  return {
    median: (at(Math.floor(middle)) + at(Math.ceil(middle))) / 2,
    min: at(0),
    max: at(sorted.length - 1),
  };
}

/** What values are of the base's, round by round. */
export function ratioTo(base: readonly number[], values: readonly number[]): Spread {
  return spreadOf(values.map((value, round) => value / (base[round] ?? NaN)));
}

/** How many times as fast as the base something was, round by round. */
export const speedUp = (base: readonly number[], times: readonly number[]): Spread => ratioTo(times, base);
