/**
 * `wrangler dev`, as `npm start` runs it, but for its port, its folder and its settings.
 *
 * @module
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { join, resolve } from 'node:path';
import { afterAll, vi } from 'vitest';

const ROOT = resolve(import.meta.dirname, '../..');
const WRANGLER = join(ROOT, 'node_modules/wrangler/bin/wrangler.js');
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

/** Starts a server that keeps its data in a folder, and waits until it answers. */
export async function startDevServer(
  folder: string,
  settings: Readonly<Record<string, string>>,
): Promise<DevServer> {
  const port = await freePort();
  const vars = Object.entries(settings).flatMap(([name, value]) => ['--var', `${name}:${value}`]);
  const flags = ['--ip', '127.0.0.1', '--port', `${port}`, '--persist-to', folder, ...vars];
  const child = spawn(process.execPath, [WRANGLER, 'dev', ...flags], {
    cwd: ROOT,
    env: { ...process.env, CLOUDFLARE_CF_FETCH_ENABLED: 'false', WRANGLER_SEND_METRICS: 'false' },
    detached: true,
    stdio: 'ignore',
  });
  const kill = () => {
    // wrangler has children that outlive it, so that all of its process group is killed.
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
