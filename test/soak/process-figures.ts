/**
 * What a process holds, as Linux tells it.
 *
 * @module
 */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

/** What the open descriptors of a process lead to. */
export interface Descriptors {
  readonly sockets: number;
  /** Files of objects. */
  readonly databases: number;
  readonly others: number;
}

export const allOf = ({ sockets, databases, others }: Descriptors): number => sockets + databases + others;

/** An object's database, and what SQLite has beside it. */
const OBJECT_FILE = /\/[\da-f]{64}\.sqlite/;

/** The memory that a process has, megabytes. */
export function residentMb(pid: number): number {
  const kilobytes = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  return Number(kilobytes) / 1_024;
}

export function descriptorsOf(pid: number): Descriptors {
  const folder = `/proc/${pid}/fd`;
  const targets = readdirSync(folder).map((fd) => targetOf(`${folder}/${fd}`));
  const sockets = targets.filter((target) => target.startsWith('socket:')).length;
  const databases = targets.filter((target) => OBJECT_FILE.test(target)).length;
  const open = targets.filter((target) => target !== '').length;
  return { sockets, databases, others: open - sockets - databases };
}

/** Empty for one that was closed since it was listed. */
function targetOf(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return '';
  }
}

/** Whether there is a process that is not merely waiting to be buried. */
export function isAlive(pid: number): boolean {
  try {
    return /^\d+ \(.*\) [^ZX]/.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
}
