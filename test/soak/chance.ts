/**
 * What differs from one time to the next.
 *
 * @module
 */
import { setTimeout as sleep } from 'node:timers/promises';

export const between = (least: number, most: number): number => least + Math.random() * (most - least);

export const whole = (least: number, most: number): number => Math.floor(between(least, most + 1));

/** True so often, from 0 to 1. */
export const chance = (share: number): boolean => Math.random() < share;

export function oneOf<T>(items: readonly [T, ...T[]]): T {
  return items[whole(0, items.length - 1)] ?? items[0];
}

/** Waits for so many milliseconds, at least and at most. */
export const pause = (least: number, most: number): Promise<void> => sleep(between(least, most));
