/**
 * A Redis server that writes each change to its append-only file.
 *
 * @module
 */
import { Redis } from 'ioredis';
import { isInstalled, LOOPBACK, startDatabase, type Database } from './database.ts';
import { temporaryFolder } from './folders.ts';

const PROGRAM = 'redis-server';

/** When what was written is made to survive a loss of power: before the answer, or a second later. */
export type AppendFsync = 'always' | 'everysec';

/** All as it comes, but for the append-only file, and for the snapshots that it makes superfluous. */
const settings = (port: number, appendFsync: AppendFsync): [name: string, value: string][] => [
  ['bind', LOOPBACK],
  ['port', String(port)],
  ['appendonly', 'yes'],
  ['appendfsync', appendFsync],
  ['save', ''],
];

export async function connectRedis(port: number): Promise<Redis> {
  const client = new Redis({ host: LOOPBACK, port, lazyConnect: true, retryStrategy: null });
  // The failure to connect is that of the call.
  client.on('error', () => undefined);
  await client.connect();
  return client;
}

/** Null where Redis is not installed. */
export async function startRedis(appendFsync: AppendFsync): Promise<Database | null> {
  if (!isInstalled(PROGRAM)) return null;
  return startDatabase({
    program: PROGRAM,
    args: (port) => settings(port, appendFsync).flatMap(([name, value]) => [`--${name}`, value]),
    cwd: temporaryFolder(),
    stopSignal: 'SIGTERM',
    async ask(port) {
      const client = await connectRedis(port);
      await client.ping();
      client.disconnect();
    },
  });
}
