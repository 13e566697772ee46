/**
 * The scheme of the Agent SDK's reference adapter for Redis: a list of JSON for each transcript, and a sorted
 * set of a project's transcripts by their time, changed in one MULTI.
 *
 * @module
 */
import type { SessionKey, SessionStoreEntry } from '../../../src/agent-sdk/index.ts';
import { connectRedis, type AppendFsync } from '../support/redis.ts';
import type { TranscriptStore } from './transcript-store.ts';

const listKey = ({ projectKey, sessionId }: SessionKey): string => `entry:${projectKey}:${sessionId}`;
const indexKey = ({ projectKey }: SessionKey): string => `sessions:${projectKey}`;

export async function redisStore(port: number, appendFsync: AppendFsync): Promise<TranscriptStore> {
  const client = await connectRedis(port);
  return {
    name: `Redis, fsync ${appendFsync}`,
    async append(key, entries) {
      const results = await client
        .multi()
        .rpush(listKey(key), ...entries.map((entry) => JSON.stringify(entry)))
        .zadd(indexKey(key), Date.now(), key.sessionId)
        .exec();
      const failure = results === null ? new Error('Not carried out') : results.find(([error]) => error)?.[0];
      if (failure) throw failure;
    },
    async load(key) {
      const lines = await client.lrange(listKey(key), 0, -1);
      return lines.length === 0 ? null : lines.map((line) => JSON.parse(line) as SessionStoreEntry);
    },
    async close() {
      await client.quit();
    },
  };
}
