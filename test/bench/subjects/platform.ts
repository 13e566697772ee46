/**
 * Berth, and the bare Worker and objects that it is measured against, each in a workerd of its own.
 *
 * @module
 */
import { openSync } from 'node:fs';
import { join } from 'node:path';
import { SignJWT } from 'jose';
import { buildWorker, startWorkerd, type Settings } from '../../../scripts/workerd.ts';
import { temporaryFolder } from '../support/folders.ts';
import type { Subject } from './subject.ts';

const BARE = join(import.meta.dirname, '../workers/bare/wrangler.toml');
const SECRET = 'a secret of the benchmarks, which guards nothing';
/** More than a run creates. */
const ROOM = { MAX_SESSIONS: 100_000 };

/** Bundles a Worker, and gives what starts it, each time on a folder of its own. */
async function prepare(config?: string): Promise<(name: string, settings: Settings) => Promise<Subject>> {
  const bundle = temporaryFolder();
  await buildWorker(bundle, config);
  return async (name, settings) => {
    // A file takes the log lines, as a server's do, and not the process that makes the load.
    const output = openSync(join(temporaryFolder(), 'log'), 'a');
    const server = await startWorkerd({ bundle, data: temporaryFolder(), settings, output });
    return { name, url: server.url, headers: {}, stop: () => server.stop() };
  };
}

/** Gives what starts bare objects. */
export async function prepareBare(): Promise<() => Promise<Subject>> {
  const start = await prepare(BARE);
  return () => start('bare object', {});
}

/** Gives what starts Berths: without authentication, and with a token to check at each request. */
export async function prepareBerths(): Promise<(() => Promise<Subject>)[]> {
  const start = await prepare();
  const token = await new SignJWT({ tenant: 'bench', scope: 'sessions:read sessions:write' })
    .setProtectedHeader({ alg: 'HS256' })
    .setIssuedAt()
    .setExpirationTime('1 day')
    .sign(new TextEncoder().encode(SECRET));
  return [
    () => start('Berth', { ...ROOM, AUTH: 'off' }),
    async () => {
      const guarded = await start('Berth, HS256', { ...ROOM, AUTH_JWT_SECRET: SECRET });
      return { ...guarded, headers: { Authorization: `Bearer ${token}` } };
    },
  ];
}

/** Gives what starts Berths that are alike. */
export async function prepareBerth(): Promise<() => Promise<Subject>> {
  const start = await prepare();
  return () => start('Berth', { ...ROOM, AUTH: 'off' });
}
