/**
 * The least that keeps a session on the platform: the storage work of Berth with no framework, validation,
 * limit, retry, log line or header, and nothing that would survive a bad caller.
 *
 * @module
 */
import { DurableObject } from 'cloudflare:workers';

const TIMEOUT_MS = 3_600_000;

interface Env {
  readonly SESSIONS: DurableObjectNamespace<BareSession>;
  readonly REGISTRY: DurableObjectNamespace<BareRegistry>;
}

interface BareRecord {
  readonly sessionId: string;
  readonly config: Record<string, string>;
  readonly createdAt: number;
  readonly lastActivity: number;
  readonly expiresAt: number;
  readonly messageCount: number;
}

/** One record in one row. */
export class BareSession extends DurableObject<Env> {
  read(): BareRecord | undefined {
    return this.ctx.storage.kv.get<BareRecord>('record');
  }

  touch(messages: number): BareRecord | undefined {
    const record = this.read();
    if (record === undefined) return undefined;
    const now = Date.now();
    const messageCount = record.messageCount + messages;
    const next = { ...record, lastActivity: now, expiresAt: now + TIMEOUT_MS, messageCount };
    this.ctx.storage.kv.put('record', next);
    return next;
  }

  create(record: BareRecord): BareRecord {
    this.ctx.storage.kv.put('record', record);
    void this.ctx.storage.setAlarm(record.expiresAt);
    return record;
  }

  override alarm(): Promise<void> {
    return this.ctx.storage.deleteAll();
  }
}

/** One row a session. */
export class BareRegistry extends DurableObject<Env> {
  readonly #sql = this.ctx.storage.sql;

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    this.#sql.exec(
      'CREATE TABLE IF NOT EXISTS sessions (id TEXT PRIMARY KEY, summary TEXT NOT NULL) WITHOUT ROWID',
    );
  }

  add(record: BareRecord): void {
    this.#sql.exec('INSERT INTO sessions VALUES (?, ?)', record.sessionId, JSON.stringify(record));
  }
}

async function create(request: Request, env: Env): Promise<Response> {
  const now = Date.now();
  const record: BareRecord = {
    sessionId: crypto.randomUUID(),
    config: await request.json(),
    createdAt: now,
    lastActivity: now,
    expiresAt: now + TIMEOUT_MS,
    messageCount: 0,
  };
  await env.REGISTRY.getByName('default').add(record);
  return Response.json(await env.SESSIONS.getByName(record.sessionId).create(record), { status: 201 });
}

/** Answers the same paths as Berth does. */
export default {
  async fetch(request: Request, env: Env): Promise<Response> {
    const [, , , id, action] = new URL(request.url).pathname.split('/');
    if (id === undefined) return request.method === 'POST' ? create(request, env) : new Response('well');
    const session = env.SESSIONS.getByName(id);
    const record =
      action === 'activity'
        ? await session.touch((await request.json<{ messages: number }>()).messages)
        : await session.read();
    return record === undefined ? new Response(null, { status: 404 }) : Response.json(record);
  },
};
