/**
 * What an app would have without Berth: Hono on Node, over something that keeps sessions. A process of its own,
 * so that what drives it does not share its core.
 *
 * @module
 */
import { randomUUID } from 'node:crypto';
import { serve } from '@hono/node-server';
import { Hono } from 'hono';
import { OriginalManager } from '../../support/original-manager.ts';
import type { ClaudeCodeSession, ClaudeCodeSessionConfig } from '../../../src/client/manager.ts';
import { connectRedis } from '../support/redis.ts';

const CWD = '/workspace';
const TIMEOUT_MS = 3_600_000;
const MAX_SESSIONS = 100_000;

/** Keeps sessions. A promise for each, though some know at once. */
interface Keeper {
  create(config: ClaudeCodeSessionConfig): Promise<ClaudeCodeSession | null>;
  read(id: string): Promise<ClaudeCodeSession | null>;
  touch(id: string, messages: number): Promise<ClaudeCodeSession | null>;
}

/** The manager in memory: nothing outlives the process. */
function inMemory(): Keeper {
  const manager = new OriginalManager({ sessionTimeout: TIMEOUT_MS, maxSessions: MAX_SESSIONS, cwd: CWD });
  return {
    create: (config) => Promise.resolve(manager.createSession(config)),
    read: (id) => Promise.resolve(manager.getSession(id)),
    touch(id) {
      manager.updateActivity(id);
      return Promise.resolve(manager.getSession(id));
    },
  };
}

/** Takes a slot if there is one, and writes the session: what has expired frees its slot first. */
const CREATE = `
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', ARGV[1])
if redis.call('ZCARD', KEYS[1]) >= tonumber(ARGV[3]) then return 0 end
redis.call('ZADD', KEYS[1], ARGV[1] + ARGV[2], ARGV[4])
redis.call('SET', KEYS[2], ARGV[5], 'PX', ARGV[2])
return 1`;

/** Counts activity and slides the timeout, of the record and of the slot. */
const TOUCH = `
local text = redis.call('GET', KEYS[2])
if not text then return nil end
local session = cjson.decode(text)
session.messageCount = session.messageCount + ARGV[3]
session.lastActivity = ARGV[4]
session.expiresAt = ARGV[5]
text = cjson.encode(session)
redis.call('SET', KEYS[2], text, 'PX', ARGV[2])
redis.call('ZADD', KEYS[1], ARGV[1] + ARGV[2], ARGV[6])
return text`;

/** The same calls over Redis, each a round trip, and exact as far as one Redis goes. */
async function inRedis(port: number): Promise<Keeper> {
  const redis = await connectRedis(port);
  const slots = 'slots';
  const keyOf = (id: string): string => `session:${id}`;
  const parsed = (text: unknown): ClaudeCodeSession | null =>
    typeof text === 'string' ? (JSON.parse(text) as ClaudeCodeSession) : null;
  const [create, touch] = await Promise.all(
    [CREATE, TOUCH].map((script) => redis.script('LOAD', script) as Promise<string>),
  );
  return {
    async create(config) {
      const now = Date.now();
      const session: ClaudeCodeSession = {
        sessionId: randomUUID(),
        config: {
          ...(config.model === undefined ? {} : { model: config.model }),
          cwd: config.cwd ?? CWD,
          permissionMode: config.permissionMode ?? 'default',
          maxTurns: config.maxTurns ?? 10,
          metadata: (config.metadata ?? {}) as ClaudeCodeSession['config']['metadata'],
        },
        status: 'active',
        createdAt: new Date(now).toISOString(),
        expiresAt: new Date(now + TIMEOUT_MS).toISOString(),
        lastActivity: new Date(now).toISOString(),
        messageCount: 0,
      };
      const { sessionId: id } = session;
      const text = JSON.stringify(session);
      const taken = await redis.evalsha(
        create ?? '',
        2,
        slots,
        keyOf(id),
        now,
        TIMEOUT_MS,
        MAX_SESSIONS,
        id,
        text,
      );
      return taken === 1 ? session : null;
    },
    read: async (id) => parsed(await redis.get(keyOf(id))),
    async touch(id, messages) {
      const now = Date.now();
      const [at, until] = [now, now + TIMEOUT_MS].map((time) => new Date(time).toISOString());
      return parsed(
        await redis.evalsha(
          touch ?? '',
          2,
          slots,
          keyOf(id),
          now,
          TIMEOUT_MS,
          messages,
          at ?? '',
          until ?? '',
          id,
        ),
      );
    },
  };
}

const redisPort = Number(process.argv[2]);
const keeper = Number.isNaN(redisPort) ? inMemory() : await inRedis(redisPort);
const app = new Hono()
  .get('/healthz', (c) => c.text('well'))
  .post('/v1/sessions', async (c) => {
    const session = await keeper.create(await c.req.json());
    return session === null ? c.text('full', 429) : c.json(session, 201);
  })
  .get('/v1/sessions/:id', async (c) => {
    const session = await keeper.read(c.req.param('id'));
    return session === null ? c.notFound() : c.json(session);
  })
  .post('/v1/sessions/:id/activity', async (c) => {
    const { messages } = await c.req.json<{ messages: number }>();
    const session = await keeper.touch(c.req.param('id'), messages);
    return session === null ? c.notFound() : c.json(session);
  });

serve({ fetch: app.fetch, hostname: '127.0.0.1', port: 0 }, ({ port }) => process.send?.({ port }));
process.once('disconnect', () => process.exit(0));
