/**
 * What a process uses, as Linux counts it.
 *
 * @module
 */
import { readFileSync, readdirSync } from 'node:fs';

const NS_PER_MS = 1e6;

/** What it has in memory, bytes. */
export function residentBytes(pid: number): number {
  const [, kilobytes = ''] = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
  return Number(kilobytes) * 1024;
}

/** How long all of its threads have run, milliseconds. */
export function cpuMs(pid: number): number {
  const tasks = `/proc/${pid}/task`;
  return readdirSync(tasks)
    .map((task) => Number(readFileSync(`${tasks}/${task}/schedstat`, 'utf8').split(' ')[0]) / NS_PER_MS)
    .reduce((sum, ms) => sum + ms, 0);
}
