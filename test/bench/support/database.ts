/**
 * Database servers of this machine, started on loopback and a free port for the time of a run.
 *
 * @module
 */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

export const LOOPBACK = '127.0.0.1';

/** A server that does not answer by then is not going to. */
const START_TIMEOUT_MS = 15_000;
const READY_INTERVAL_MS = 50;
/** One that has not gone by then is killed. */
const STOP_TIMEOUT_MS = 10_000;
/** How much of what a server printed last is shown when it fails to start, characters. */
const OUTPUT_TAIL_LENGTH = 4_000;

/** Whom a program runs as; nothing for whoever runs this. */
export interface User {
  readonly uid?: number;
  readonly gid?: number;
}

export interface Database {
  readonly port: number;
  /** What the program says of its version. */
  readonly version: string;
  stop(): Promise<void>;
}

export interface DatabaseOptions {
  readonly program: string;
  readonly args: (port: number) => string[];
  readonly cwd: string;
  readonly user?: User;
  /** How it is asked to end in good order. */
  readonly stopSignal: NodeJS.Signals;
  /** Has it answer; throws as long as it does not. */
  readonly ask: (port: number) => Promise<void>;
}

/** A port that was free a moment ago. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, LOOPBACK);
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

const isGone = ({ exitCode, signalCode }: ChildProcess): boolean => exitCode !== null || signalCode !== null;

/** Starts a server, and waits until it answers. It does not outlive this process. */
export async function startDatabase(options: DatabaseOptions): Promise<Database> {
  const { program, args, cwd, user, stopSignal, ask } = options;
  const port = await freePort();
  const child = spawn(program, args(port), { cwd, ...user, stdio: ['ignore', 'pipe', 'pipe'] });
  const kill = () => child.kill('SIGKILL');
  process.once('exit', kill);
  child.once('exit', () => process.off('exit', kill));
  let tail = '';
  for (const output of [child.stdout, child.stderr])
    output
      .setEncoding('utf8')
      .on('data', (text: string) => (tail = (tail + text).slice(-OUTPUT_TAIL_LENGTH)));

  const database = { port, version: versionOf(program), stop: () => stop(child, stopSignal) };
  try {
    await answering(child, () => ask(port));
  } catch (cause) {
    await database.stop();
    throw new Error(`${program} did not start.\n${tail}`, { cause });
  }
  return database;
}

/** Asks a server until it answers. */
async function answering(child: ChildProcess, ask: () => Promise<void>): Promise<void> {
  const deadline = Date.now() + START_TIMEOUT_MS;
  for (;;) {
    try {
      return await ask();
    } catch (error) {
      if (isGone(child) || Date.now() > deadline) throw error;
    }
    await sleep(READY_INTERVAL_MS);
  }
}

async function stop(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (isGone(child)) return;
  const gone = once(child, 'exit');
  child.kill(signal);
  const timer = setTimeout(() => child.kill('SIGKILL'), STOP_TIMEOUT_MS);
  await gone;
  clearTimeout(timer);
}

/** Whether there is such a program. */
export const isInstalled = (program: string): boolean =>
  spawnSync(program, ['--version'], { stdio: 'ignore' }).status === 0;

/** The first number with a dot in what a program says of its version. */
function versionOf(program: string): string {
  const { stdout } = spawnSync(program, ['--version'], { encoding: 'utf8' });
  return /\d+\.[\d.]*\d/.exec(stdout)?.[0] ?? 'of an unknown version';
}
