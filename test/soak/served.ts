/**
 * `npm run serve` as a process, and what it prints.
 *
 * @module
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';

const SCRIPT = resolve(import.meta.dirname, '../../scripts/serve.ts');
const LOCK_FILE = 'berth.lock';
/** A bundle may have to be built first. */
const START_TIMEOUT_MS = 60_000;
/** What it may say besides its log. */
const ANNOUNCED = /^Berth is at (http:\S+), with its data in /;
/** workerd, where a caller found a session due while its alarm was on its way: it is set anew, and comes again. */
const ALARM_MOVED = /warning: NOSENTRY SQLite alarm handler canceled/;
const TIDIED = /^Files of (\d+) objects that held nothing were deleted\.$/;

export interface Ending {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** From the signal until all that it had started was gone. */
  readonly tookMs: number;
}

export interface Served {
  /** Without a slash at its end. */
  readonly url: string;
  /** The process that was started, and the one that serves. */
  readonly pid: number;
  readonly workerdPid: number;
  /** How many objects had nothing but a file when it started. */
  readonly tidied: number;
  readonly log: Log;
  /** Asks it to stop, by SIGTERM. */
  stop(): Promise<Ending>;
}

/** What a server has printed. */
export class Log {
  /** Lines of requests, by status. */
  readonly statuses = new Map<number, number>();
  /** Errors and warnings of its log, and whatever else it says that is no part of a quiet life. */
  readonly complaints: string[] = [];
  /** Alarms that workerd called off since they had been set anew meanwhile. */
  movedAlarms = 0;

  /** Takes a line of what it prints. */
  take(line: string): void {
    if (!line.startsWith('{"level"')) {
      if (ALARM_MOVED.test(line)) this.movedAlarms += 1;
      else if (line !== '') this.complaints.push(line);
      return;
    }
    const entry = JSON.parse(line) as { level: string; event: string; status?: number };
    if (entry.level !== 'info') this.complaints.push(line);
    if (entry.event === 'request' && entry.status !== undefined)
      this.statuses.set(entry.status, (this.statuses.get(entry.status) ?? 0) + 1);
  }
}

/** Starts it on a folder that is there, at a free port, with settings and secrets from the environment. */
export async function serve(data: string, settings: Readonly<Record<string, string>>): Promise<Served> {
  const child = spawn(process.execPath, [SCRIPT, `--data=${data}`, '--port=0'], {
    // A folder where nobody's secrets are.
    cwd: data,
    env: { PATH: process.env['PATH'], NODE_NO_WARNINGS: '1', ...settings },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const kill = (): boolean => child.kill('SIGKILL');
  process.once('exit', kill);
  const ended = once(child, 'close').then(([code, signal]) => {
    process.off('exit', kill);
    return { code: code as number | null, signal: signal as NodeJS.Signals | null };
  });

  const log = new Log();
  let tidied = 0;
  const announced = new Promise<string>((announce) => {
    const hear = (line: string): void => {
      const url = ANNOUNCED.exec(line)?.[1];
      const deleted = TIDIED.exec(line)?.[1];
      if (url !== undefined) announce(url);
      else if (deleted !== undefined) tidied = Number(deleted);
      else log.take(line);
    };
    for (const input of [child.stdout, child.stderr]) createInterface({ input }).on('line', hear);
  });
  const late = AbortSignal.timeout(START_TIMEOUT_MS);
  const url = await Promise.race([announced, ended, once(late, 'abort')]);
  if (typeof url !== 'string') {
    kill();
    throw new Error(`It did not start:\n${log.complaints.join('\n')}`);
  }
  return {
    url,
    pid: child.pid ?? 0,
    workerdPid: Number(readFileSync(join(data, LOCK_FILE), 'utf8')),
    tidied,
    log,
    async stop() {
      const askedAt = performance.now();
      child.kill('SIGTERM');
      return { ...(await ended), tookMs: performance.now() - askedAt };
    },
  };
}
