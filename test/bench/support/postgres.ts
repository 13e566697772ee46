/**
 * A PostgreSQL server with all its settings as they come: each commit is on the disk before it is answered.
 *
 * @module
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { chownSync, globSync } from 'node:fs';
import { join } from 'node:path';
import { Client } from 'pg';
import { isInstalled, LOOPBACK, startDatabase, type Database, type User } from './database.ts';
import { temporaryFolder } from './folders.ts';

/** The server refuses to run as root. This is the user that packages of it make. */
const SERVICE_USER = 'postgres';
/** Debian's packages have the servers here, not on the PATH. */
const PROGRAM_FOLDERS = '/usr/lib/postgresql/*/bin';

const ROLE = { user: 'bench', database: 'postgres' };

export const connectionTo = (port: number) => ({ ...ROLE, host: LOOPBACK, port });

/** The folder of its programs, with a slash; empty for the PATH; null where there are none. */
function programFolder(): string | null {
  const version = (folder: string): number => Number(/\d+/.exec(folder)?.[0]);
  const folders = globSync(PROGRAM_FOLDERS)
    .toSorted((a, b) => version(b) - version(a))
    .map((folder) => `${folder}/`);
  return [...folders, ''].find((folder) => isInstalled(`${folder}initdb`)) ?? null;
}

function idOf(flag: '-u' | '-g'): number {
  const { status, stdout } = spawnSync('id', [flag, SERVICE_USER], { encoding: 'utf8' });
  if (status !== 0) throw new Error(`PostgreSQL does not run as root, and there is no user ${SERVICE_USER}`);
  return Number(stdout);
}

/** Whom the server runs as. */
const serverUser = (): User => (process.getuid?.() === 0 ? { uid: idOf('-u'), gid: idOf('-g') } : {});

/** Null where PostgreSQL is not installed. */
export async function startPostgres(): Promise<Database | null> {
  const programs = programFolder();
  if (programs === null) return null;
  const user = serverUser();
  const folder = temporaryFolder();
  if (user.uid !== undefined && user.gid !== undefined) chownSync(folder, user.uid, user.gid);
  const data = join(folder, 'data');
  execFileSync(
    `${programs}initdb`,
    [`--pgdata=${data}`, `--username=${ROLE.user}`, '--auth=trust', '--encoding=UTF8', '--no-locale'],
    { cwd: folder, ...user, stdio: 'pipe' },
  );
  return startDatabase({
    program: `${programs}postgres`,
    args: (port) => ['-D', data, '-h', LOOPBACK, '-p', String(port), '-k', ''],
    cwd: folder,
    user,
    // The fast shutdown: it waits for nobody.
    stopSignal: 'SIGINT',
    async ask(port) {
      const client = new Client(connectionTo(port));
      await client.connect();
      await client.end();
    },
  });
}
