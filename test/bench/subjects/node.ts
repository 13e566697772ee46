/**
 * What a user would pick instead of Berth: Hono on Node, over the manager in memory or over Redis.
 *
 * @module
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { LOOPBACK } from '../support/database.ts';
import { startRedis } from '../support/redis.ts';
import type { Subject } from './subject.ts';

const APP = join(import.meta.dirname, 'node-app.ts');

async function startApp(name: string, args: readonly string[]): Promise<Subject> {
  // It ends when the channel to this process does.
  const child = fork(APP, args);
  const [{ port }] = (await once(child, 'message')) as [{ port: number }];
  return {
    name,
    url: `http://${LOOPBACK}:${port}`,
    headers: {},
    async stop() {
      const gone = once(child, 'exit');
      child.disconnect();
      await gone;
    },
  };
}

export const startInMemory = (): Promise<Subject> => startApp('Node, in memory', []);

/** Null where Redis is not installed. */
export async function startOverRedis(): Promise<Subject | null> {
  const redis = await startRedis('always');
  if (redis === null) return null;
  const app = await startApp('Node and Redis', [String(redis.port)]);
  return {
    ...app,
    async stop() {
      await app.stop();
      await redis.stop();
    },
  };
}
