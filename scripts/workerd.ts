/**
 * Berth without Cloudflare: the Worker and its objects in a plain workerd process, on a folder of this machine.
 * What is served is described in wrangler.toml alone.
 *
 * @module
 */
import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdir, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join, relative, resolve } from 'node:path';
import type { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { unstable_readConfig as readConfig, type Unstable_Config as WranglerConfig } from 'wrangler';

const ROOT = resolve(import.meta.dirname, '..');
const WRANGLER = join(ROOT, 'node_modules/wrangler/bin/wrangler.js');
/** The program itself, as workerd's package says where it is. */
const { default: WORKERD } = createRequire(import.meta.url)('workerd') as { default: string };

/** The Worker's only module in a bundle. */
const MODULE = 'index.js';
/** The files of the page, beside it. */
const PAGE = 'page';
/** Where a server keeps its objects, and what it was started with, below its data folder. */
const OBJECTS_FOLDER = 'objects';
const CONFIG_FILE = 'workerd.capnp';
/** The descriptor on which workerd says which port it got. */
const CONTROL_FD = 3;

/** A server that has not answered by then is not going to. */
const START_TIMEOUT_MS = 15_000;
const HEALTH_INTERVAL_MS = 20;
/** How much of what a server printed last is shown when it fails to start, characters. */
const OUTPUT_TAIL_LENGTH = 4_000;

/** What describes the Worker. */
const WRANGLER_TOML = join(ROOT, 'wrangler.toml');

/** Settings by name, as in `[vars]`; those that are not named are taken from there. */
export type Settings = Readonly<Record<string, string | number>>;

export interface WorkerdOptions {
  /** A folder with the Worker's bundle, made by {@link buildWorker}. */
  readonly bundle: string;
  /** A folder for all that the server keeps. One server a folder: a second one would corrupt it. */
  readonly data: string;
  readonly settings?: Settings;
  /** The wrangler.toml that describes it. Default: Berth's. */
  readonly config?: string;
  /** Default 127.0.0.1. */
  readonly host?: string;
  /** Default 0: any that is free. */
  readonly port?: number;
  /** Gets what the server prints. */
  readonly onOutput?: (text: string) => void;
}

/** A server that answers. */
export interface Workerd {
  /** Without a slash at its end. */
  readonly url: string;
  readonly pid: number;
  /** Ends the process, and waits until it is gone. SIGTERM if not told otherwise. */
  stop(signal?: 'SIGTERM' | 'SIGKILL'): Promise<void>;
}

/** Bundles a Worker, Berth's if not told otherwise, into a folder as a deploy would. Needs no network. */
export async function buildWorker(bundle: string, config = WRANGLER_TOML): Promise<void> {
  await promisify(execFile)(
    process.execPath,
    [WRANGLER, 'deploy', '--dry-run', '--config', config, '--outdir', resolve(bundle)],
    {
      cwd: ROOT,
      env: { ...process.env, WRANGLER_SEND_METRICS: 'false' },
    },
  );
  const { assets } = readConfig({ config });
  if (assets?.directory !== undefined)
    await cp(resolve(dirname(config), assets.directory), join(bundle, PAGE), { recursive: true });
}

/** Starts a server, and waits until it answers. It does not outlive this process. */
export async function startWorkerd(options: WorkerdOptions): Promise<Workerd> {
  const { host = '127.0.0.1', port = 0 } = options;
  const worker = readConfig({ config: options.config ?? WRANGLER_TOML });
  const data = resolve(options.data);
  const config = join(data, CONFIG_FILE);
  const module = relative(data, resolve(options.bundle, MODULE));
  await mkdir(join(data, OBJECTS_FOLDER), { recursive: true });
  // Settings may be secrets.
  await writeFile(config, describe(worker, module, options.settings ?? {}), { mode: 0o600 });

  const child = spawn(
    WORKERD,
    [
      'serve',
      config,
      `--directory-path=${OBJECTS_FOLDER}=${join(data, OBJECTS_FOLDER)}`,
      ...(worker.assets === undefined ? [] : [`--directory-path=${PAGE}=${resolve(options.bundle, PAGE)}`]),
      `--socket-addr=http=${host}:${port}`,
      `--control-fd=${CONTROL_FD}`,
    ],
    { stdio: ['ignore', 'pipe', 'pipe', 'pipe'] },
  );
  const kill = () => child.kill('SIGKILL');
  process.once('exit', kill);
  child.once('exit', () => process.off('exit', kill));

  let tail = '';
  for (const output of [child.stdout, child.stderr])
    output?.setEncoding('utf8').on('data', (text: string) => {
      tail = (tail + text).slice(-OUTPUT_TAIL_LENGTH);
      options.onOutput?.(text);
    });

  try {
    const url = `http://${host}:${await listeningPort(child)}`;
    await healthy(url, child);
    return { url, pid: child.pid ?? 0, stop: (signal = 'SIGTERM') => stop(child, signal) };
  } catch (cause) {
    await stop(child, 'SIGKILL');
    throw new Error(`workerd did not start.\n${tail}`, { cause });
  }
}

const isGone = (child: ChildProcess): boolean => child.exitCode !== null || child.signalCode !== null;

async function stop(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.pid === undefined || isGone(child)) return;
  const gone = once(child, 'exit');
  child.kill(signal);
  await gone;
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

// JSON's strings are Cap'n Proto's too.
const text = (value: string): string => JSON.stringify(value);

function list(items: readonly string[]): string {
  return items.length === 0 ? '[]' : `[\n    ${items.join(',\n    ')},\n  ]`;
}

/** The configuration of workerd, in Cap'n Proto's text form: wrangler.toml, with some settings replaced. */
function describe(worker: WranglerConfig, modulePath: string, settings: Settings): string {
  const objects = worker.durable_objects.bindings;
  const vars = Object.entries({ ...worker.vars, ...settings });
  return `using Workerd = import "/workerd/workerd.capnp";

const config :Workerd.Config = (
  services = [
    (name = "worker", worker = .worker),
    # All that is ever fetched is the keys of the identity provider, which may be on a private network.
    (name = "internet", network = (allow = ["public", "private"], tlsOptions = (trustBrowserCas = true))),
    (name = "${OBJECTS_FOLDER}", disk = (writable = true)),
    ${worker.assets === undefined ? '' : `(name = "${PAGE}", disk = (writable = false)),`}
  ],
  sockets = [(name = "http", http = (), service = "worker")],
);

const worker :Workerd.Worker = (
  modules = [(name = "${MODULE}", esModule = embed ${text(modulePath)})],
  compatibilityDate = ${text(worker.compatibility_date ?? '')},
  compatibilityFlags = [${worker.compatibility_flags.map(text).join(', ')}],
  bindings = ${list([
    ...objects.map(
      (it) => `(name = ${text(it.name)}, durableObjectNamespace = (className = ${text(it.class_name)}))`,
    ),
    ...(worker.assets?.binding === undefined
      ? []
      : [`(name = ${text(worker.assets.binding)}, service = "${PAGE}")`]),
    // A setting is what JSON makes of it, as wrangler has it: text, or a number.
    ...vars.map(([name, value]) => `(name = ${text(name)}, json = ${text(JSON.stringify(value))})`),
  ])},
  durableObjectNamespaces = ${list(
    // The key names the folder of a class's objects: with another one they would not be found.
    objects.map(
      (it) =>
        `(className = ${text(it.class_name)}, uniqueKey = ${text(`${worker.name}-${it.class_name}`)}, enableSql = true)`,
    ),
  )},
  durableObjectStorage = (localDisk = "${OBJECTS_FOLDER}"),
);
`;
}
