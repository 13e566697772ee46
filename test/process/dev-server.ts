/**
 * Servers as a developer starts them: by `npm start`, and by `wrangler dev`.
 *
 * @module
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { join, resolve } from 'node:path';
import { afterAll, vi } from 'vitest';

const ROOT = resolve(import.meta.dirname, '../..');
const START_TIMEOUT_MS = 30_000;

export interface DevServer {
  /** Without a slash at its end. */
  readonly url: string;
  /** Kills it, with all that it has started. */
  readonly kill: () => void;
}

const running = new Set<() => void>();
afterAll(() => {
  for (const kill of running) kill();
});

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const address = probe.address();
  probe.close();
  await once(probe, 'close');
  if (address === null || typeof address === 'string') throw new Error('A TCP socket has a port');
  return address.port;
}

/** What starts a server, with the flags that say where it listens and keeps its data. */
type Program = (port: number, folder: string) => readonly string[];

const BY_WRANGLER: Program = (port, folder) => [
  join(ROOT, 'node_modules/wrangler/bin/wrangler.js'),
  'dev',
  '--ip=127.0.0.1',
  `--port=${port}`,
  `--persist-to=${folder}`,
];

/** What `npm start` runs. */
export const BY_NPM_START: Program = (port, folder) => [
  join(ROOT, 'scripts/start.ts'),
  `--port=${port}`,
  `--data=${folder}`,
];

/** Starts a server that keeps its data in a folder, and waits until it answers. */
export async function startDevServer(
  folder: string,
  settings: Readonly<Record<string, string>>,
  program: Program = BY_WRANGLER,
): Promise<DevServer> {
  const port = await freePort();
  const vars = Object.entries(settings).flatMap(([name, value]) => ['--var', `${name}:${value}`]);
  const child = spawn(process.execPath, [...program(port, folder), ...vars], {
    cwd: ROOT,
    env: { ...process.env, CLOUDFLARE_CF_FETCH_ENABLED: 'false', WRANGLER_SEND_METRICS: 'false' },
    detached: true,
    stdio: 'ignore',
  });
  const kill = () => {
    // Its children would outlive it, so that all of its process group is killed.
    if (running.delete(kill) && child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
  };
  running.add(kill);
  const url = `http://127.0.0.1:${port}`;
  await vi.waitFor(
    async () => {
      const { status } = await fetch(`${url}/healthz`);
      if (status !== 200) throw new Error(`It answers ${status}`);
    },
    { timeout: START_TIMEOUT_MS, interval: 100 },
  );
  return { url, kill };
}
