/**
 * `npm run serve` as a process: what it prints, what it starts, how it ends.
 *
 * @module
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { afterAll, vi } from 'vitest';

const ROOT = resolve(import.meta.dirname, '../..');
const SCRIPT = join(ROOT, 'scripts/serve.ts');
const BY_NODE = [process.execPath, SCRIPT];
/** As people type it. What npm prints of itself goes to nobody's folder. */
const BY_NPM = ['npm', '--prefix', ROOT, '--logs-max=0', '--update-notifier=false', 'run', 'serve', '--'];
/** A bundle may have to be built first. */
const START_TIMEOUT_MS = 60_000;

export interface Start {
  /** By npm, rather than by what npm runs. */
  readonly npm?: boolean;
  readonly flags?: readonly string[];
  /** All of its environment but `PATH`. */
  readonly env?: Readonly<Record<string, string>>;
}

export interface Served {
  /** Without a slash at its end. */
  readonly url: string;
  readonly pid: number;
  readonly workerdPid: number;
  /** All that it has printed. */
  readonly output: () => string;
  /** Sends a signal to it alone. */
  readonly signal: (signal: NodeJS.Signals) => void;
  /** How it ended, once it has. */
  readonly ended: Promise<Ended>;
}

export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly output: string;
}

/** Whether there is a process that is not merely waiting to be buried. */
export async function isAlive(pid: number): Promise<boolean> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  return /^\d+ \(.*\) [^ZX]/.test(stat);
}

/** Waits until a process is gone: one that was killed takes a moment. */
export async function untilGone(pid: number): Promise<void> {
  await vi.waitUntil(async () => !(await isAlive(pid)), { timeout: 10_000, interval: 20 });
}

const children = new Set<ChildProcess>();
const workerds = new Set<number>();
/** To be called as a file is read. */
export function stopAllAfterwards(): void {
  afterAll(() => {
    for (const child of children) child.kill('SIGKILL');
    // Those that were made to outlive their parents.
    for (const pid of workerds)
      try {
        process.kill(pid, 'SIGKILL');
      } catch {
        // It is gone, as it should be.
      }
  });
}

/** Starts it on a folder, at any free port. */
function launch(data: string, { npm = false, flags = [], env = {} }: Start) {
  const [program = '', ...command] = npm ? BY_NPM : BY_NODE;
  const child = spawn(program, [...command, `--data=${data}`, '--port=0', ...flags], {
    // A folder where nobody's secrets are.
    cwd: data,
    env: { PATH: process.env['PATH'], NODE_NO_WARNINGS: '1', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  children.add(child);
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
  const ended = once(child, 'close').then(([code, signal]): Ended => {
    children.delete(child);
    return { code: code as number | null, signal: signal as NodeJS.Signals | null, output };
  });
  return { child, ended, output: () => output };
}

/** Starts it, and waits until it says where it is. */
export async function serve(data: string, start: Start = {}): Promise<Served> {
  const { child, ended, output } = launch(data, start);
  const announced = /^Berth is at (http:\S+), with its data in /m;
  const waiting = vi.waitUntil(() => announced.exec(output())?.[1], {
    timeout: START_TIMEOUT_MS,
    interval: 20,
  });
  const url = await Promise.race([waiting, ended]);
  if (typeof url !== 'string') throw new Error(`It did not start:\n${output()}`);
  const workerdPid = Number(await readFile(join(data, 'berth.lock'), 'utf8'));
  workerds.add(workerdPid);
  return {
    url,
    pid: child.pid ?? 0,
    workerdPid,
    output,
    signal: (signal) => void child.kill(signal),
    ended,
  };
}

/** Starts it where it is to end by itself. */
export async function serveInVain(data: string, start: Start = {}): Promise<Ended> {
  return launch(data, start).ended;
}
