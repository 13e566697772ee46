/**
 * Looks at processes again and again.
 *
 * @module
 */
import { descriptorsOf, residentMb, type Descriptors } from './process-figures.ts';
import type { Served } from './served.ts';

export interface Sample {
  /** Memory of workerd, and of the process that started it, megabytes. */
  readonly workerdMb: number;
  readonly serveMb: number;
  readonly descriptors: Descriptors;
}

export function sampleOf({ pid, workerdPid }: Served): Sample {
  return {
    workerdMb: residentMb(workerdPid),
    serveMb: residentMb(pid),
    descriptors: descriptorsOf(workerdPid),
  };
}

/** Takes samples at equal intervals, until it is stopped. */
export function sampling(served: Served, intervalMs: number): () => readonly Sample[] {
  const samples: Sample[] = [];
  const timer = setInterval(() => samples.push(sampleOf(served)), intervalMs);
  return () => {
    clearInterval(timer);
    return samples;
  };
}
