/**
 * Berth without Cloudflare: the Worker and its objects in a plain workerd process, on a folder of this machine.
 * What is served is described in wrangler.toml alone.
 *
 * @module
 */
import { execFile, spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { access, cp, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';
import type { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { lockFolder, type FolderLock } from './data-lock.ts';
import { deleteEmptyObjects } from './empty-objects.ts';
import {
  configOf,
  describe,
  MODULE,
  OBJECTS,
  PAGE,
  SECRETS,
  type Settings,
  type WorkerDescription,
} from './workerd-config.ts';

export type { Settings } from './workerd-config.ts';

const ROOT = resolve(import.meta.dirname, '..');
const WRANGLER = join(ROOT, 'node_modules/wrangler/bin/wrangler.js');
/** What describes the Worker. */
const WRANGLER_TOML = join(ROOT, 'wrangler.toml');
/** The same, as it was when the bundle was made: reading it takes no wrangler, which takes a second to load. */
const DESCRIPTION = 'worker.json';
/** The program itself, as workerd's package says where it is. */
const { default: WORKERD } = createRequire(import.meta.url)('workerd') as { default: string };

/**
 * What a server keeps in its data folder beside its objects: what it serves, and what it was started with. The
 * first is deleted as it starts, so nobody else's folder has that name.
 */
const SERVED_FOLDER = 'berth.worker';
const CONFIG_FILE = 'workerd.capnp';
/** The descriptor on which workerd says which port it got. */
const CONTROL_FD = 3;

/** A server that has not answered by then is not going to. */
const START_TIMEOUT_MS = 15_000;
const HEALTH_INTERVAL_MS = 20;
/** How long a server that was asked to stop may go on answering what it has begun. Viewers never finish. */
const STOP_GRACE_MS = 5_000;
/** How much of what a server printed last is shown when it fails to start, characters. */
const OUTPUT_TAIL_LENGTH = 4_000;

type Output = 'kept' | 'inherit' | number;

export interface WorkerdOptions {
  /** A folder with the Worker's bundle, made by {@link buildWorker}. */
  readonly bundle: string;
  /** A folder for all that the server keeps. One server a folder, which it locks. */
  readonly data: string;
  readonly settings?: Settings;
  /** Default 127.0.0.1. */
  readonly host?: string;
  /** Default 0: any that is free. */
  readonly port?: number;
  /**
   * What becomes of what the server prints: kept for the case that it does not start, printed by this process
   * too, or written where this descriptor writes.
   */
  readonly output?: Output;
}

/** A server that answers. */
export interface Workerd {
  /** Where this machine reaches it; without a slash at its end. */
  readonly url: string;
  readonly pid: number;
  /** How many objects that held nothing had files in the data folder, which were deleted. */
  readonly deletedObjects: number;
  /** Resolves with what became of the process, once it is gone. */
  readonly gone: Promise<string>;
  /**
   * Ends the process, and waits until it is gone. By SIGTERM, if not told otherwise, it takes no new requests
   * and finishes those that it has; by SIGKILL after some seconds. Nothing that was answered is lost by either.
   */
  stop(signal?: 'SIGTERM' | 'SIGKILL'): Promise<void>;
}

/** Bundles a Worker, Berth's if not told otherwise, into a folder as a deploy would. Needs no network. */
export async function buildWorker(bundle: string, config = WRANGLER_TOML): Promise<void> {
  const { unstable_readConfig: readConfig } = await import('wrangler');
  const worker = readConfig({ config });
  await promisify(execFile)(
    process.execPath,
    [WRANGLER, 'deploy', '--dry-run', '--config', config, '--outdir', resolve(bundle)],
    {
      cwd: ROOT,
      env: { ...process.env, WRANGLER_SEND_METRICS: 'false' },
    },
  );
  // Asked to stop, wrangler leaves as if it had done its work.
  await access(join(bundle, MODULE));
  if (worker.assets?.directory !== undefined)
    await cp(resolve(dirname(config), worker.assets.directory), join(bundle, PAGE), { recursive: true });
  await writeFile(join(bundle, DESCRIPTION), JSON.stringify(describe(worker)));
}

/** What describes the Worker of a bundle. */
export async function describedIn(bundle: string): Promise<WorkerDescription> {
  return JSON.parse(await readFile(join(bundle, DESCRIPTION), 'utf8')) as WorkerDescription;
}

/**
 * Starts a server, and waits until it answers. It does not outlive this process.
 *
 * @throws `FolderInUse` where another server has the data folder.
 */
export async function startWorkerd(options: WorkerdOptions): Promise<Workerd> {
  const data = resolve(options.data);
  // Conversations are nobody else's business on a machine that has other users.
  await mkdir(data, { recursive: true, mode: 0o700 });
  const lock = lockFolder(data);
  try {
    return await startLocked(options, data, lock);
  } catch (error) {
    lock.release();
    throw error;
  }
}

async function startLocked(options: WorkerdOptions, data: string, lock: FolderLock): Promise<Workerd> {
  const { host = '127.0.0.1', port = 0, settings = {}, output = 'kept' } = options;
  const worker = await describedIn(options.bundle);
  // A copy: a bundle that is built anew is nothing to a server that runs.
  const served = join(data, SERVED_FOLDER);
  await rm(served, { recursive: true, force: true });
  await cp(options.bundle, served, { recursive: true });
  await mkdir(join(data, OBJECTS), { recursive: true });
  await writeFile(join(data, CONFIG_FILE), configOf(worker, SERVED_FOLDER, settings), { mode: 0o600 });
  const deletedObjects = worker.objects.reduce((sum, { key }) => sum + tidy(join(data, OBJECTS, key)), 0);

  const [program, ...wrapped] = [...dyingWithUs(), WORKERD];
  const child = spawn(
    program,
    [
      ...wrapped,
      'serve',
      join(data, CONFIG_FILE),
      `--directory-path=${OBJECTS}=${join(data, OBJECTS)}`,
      ...(worker.assetsBinding === null ? [] : [`--directory-path=${PAGE}=${join(served, PAGE)}`]),
      `--socket-addr=http=${authority(host, port)}`,
      `--control-fd=${CONTROL_FD}`,
    ],
    {
      stdio: ['ignore', ...printingTo(output), 'pipe', lock.fd],
      env: { ...process.env, ...secretsIn({ ...worker.vars, ...settings }) },
      // In a process group of its own, Ctrl-C in a terminal stops it only by way of this process.
      detached: true,
    },
  );
  return answering(child, host, { deletedObjects, lock });
}

/** Standard output and error of a server. */
function printingTo(output: Output): readonly ['pipe' | number, 'pipe' | number] {
  if (output === 'kept') return ['pipe', 'pipe'];
  return output === 'inherit' ? [1, 2] : [output, output];
}

/** Deletes the files of a class's objects that hold nothing. A server starts whether or not that can be done. */
function tidy(folder: string): number {
  try {
    return existsSync(folder) ? deleteEmptyObjects(folder) : 0;
  } catch (error) {
    console.warn(`Files that nothing is in are left in ${folder}: ${String(error)}`);
    return 0;
  }
}

/** Waits until a process that was started answers. */
async function answering(
  child: ChildProcess,
  host: string,
  { deletedObjects, lock }: { deletedObjects: number; lock: FolderLock },
): Promise<Workerd> {
  const kill = () => child.kill('SIGKILL');
  process.once('exit', kill);
  let tail = '';
  for (const output of [child.stdout, child.stderr])
    output?.setEncoding('utf8').on('data', (text: string) => {
      tail = (tail + text).slice(-OUTPUT_TAIL_LENGTH);
    });
  const gone = once(child, 'exit').then(([code, signal]) => {
    process.off('exit', kill);
    // Before anyone hears of it who may start the next one.
    lock.release();
    return signal === null ? `ended with code ${code}` : `was ended by ${signal}`;
  });
  try {
    lock.nameHolder(child.pid ?? 0);
    const port = await listeningPort(child);
    const url = `http://${authority(reachableAt(host), port)}`;
    await healthy(url, child);
    return {
      url,
      pid: child.pid ?? 0,
      deletedObjects,
      gone,
      stop: (signal = 'SIGTERM') => stop(child, gone, signal),
    };
  } catch (cause) {
    await stop(child, gone, 'SIGKILL');
    throw new Error(`workerd did not start.\n${tail}`, { cause });
  }
}

/**
 * The command that starts another one so that the kernel kills it when this process is gone, even by SIGKILL:
 * Linux has one. Elsewhere it would go on, and hold the data folder until it is killed.
 */
function dyingWithUs(): readonly string[] {
  const command = ['setpriv', '--pdeathsig', 'KILL'] as const;
  const [program, ...options] = command;
  return spawnSync(program, [...options, 'true'], { stdio: 'ignore' }).status === 0 ? command : [];
}

function secretsIn(settings: Readonly<Record<string, unknown>>): Record<string, string> {
  const secrets = Object.entries(settings).filter(([name]) => SECRETS.includes(name));
  return Object.fromEntries(secrets.map(([name, value]) => [name, String(value)]));
}

/** A host and a port, as an address has them: those of IPv6 stand in brackets. */
function authority(host: string, port: number): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`;
}

/** Where a server that listens on every address of the machine can be found. */
function reachableAt(host: string): string {
  if (host === '::') return '::1';
  return host === '0.0.0.0' || host === '*' ? '127.0.0.1' : host;
}

const isGone = (child: ChildProcess): boolean => child.exitCode !== null || child.signalCode !== null;

async function stop(child: ChildProcess, gone: Promise<string>, signal: NodeJS.Signals): Promise<void> {
  if (child.pid === undefined) return;
  child.kill(signal);
  const late = setTimeout(() => child.kill('SIGKILL'), STOP_GRACE_MS);
  await gone;
  clearTimeout(late);
}

/** Waits for workerd to say where it listens: `{"event":"listen","socket":"http","port":41234}`. */
async function listeningPort(child: ChildProcess): Promise<number> {
  const control = child.stdio[CONTROL_FD] as Readable;
  let text = '';
  for await (const chunk of control.setEncoding('utf8')) {
    text += String(chunk);
    const port = /"socket":"http","port":(\d+)/.exec(text)?.[1];
    if (port !== undefined) return Number(port);
  }
  throw new Error('It ended before it listened');
}

/** Waits until the server answers. */
async function healthy(url: string, child: ChildProcess): Promise<void> {
  const deadline = Date.now() + START_TIMEOUT_MS;
  while (Date.now() < deadline && !isGone(child)) {
    const response = await fetch(`${url}/healthz`).catch(() => null);
    if (response?.ok) return;
    await sleep(HEALTH_INTERVAL_MS);
  }
  throw new Error(isGone(child) ? 'It ended before it answered' : `No answer in ${START_TIMEOUT_MS} ms`);
}
