/**
 * Single sessions, reached past the Worker: for what happens to one object.
 *
 * @module
 */
import { evictDurableObject, runInDurableObject } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import type { Result } from '../../src/contract/errors.ts';
import { newSessionId } from '../../src/contract/session-id.ts';
import type { CreateSession, Session } from '../../src/contract/session.ts';
import { sessionObjectName } from '../../src/protocol/names.ts';
import { remote } from '../../src/protocol/remote.ts';
import type { RegistryObject } from '../../src/registry/registry-object.ts';
import type { SessionDefaults } from '../../src/session/lifecycle.ts';
import * as lifecycle from '../../src/session/lifecycle.ts';
import type { SessionObject } from '../../src/session/session-object.ts';
import { toReport } from '../../src/session/view.ts';
import { resetCalls } from './calls.ts';
import { resetRows } from './meter.ts';
import { reading, represented, type ReadSession } from './representations.ts';
import { valueOf } from './tenant.ts';

/** What a session gets that names nothing else. */
export const DEFAULTS: SessionDefaults = {
  cwd: '/workspace',
  sessionTimeoutMs: 60_000,
  maxLifetimeMs: null,
};

/** As the settings of the tests have it. */
export const RETENTION_MS = env.RETENTION_MS;

/** The time of the wire, as a number. */
export const at = (timestamp: string | undefined): number => Date.parse(timestamp ?? '');

/** What an object has in its storage. */
export interface Stored {
  readonly keys: readonly string[];
  readonly tables: number;
  readonly alarm: number | null;
}

/** Where nothing was ever stored, or all was deleted. */
export const NOTHING: Stored = { keys: [], tables: 0, alarm: null };

/** One session and its registry, of a tenant of its own. */
export class Place {
  readonly id = newSessionId();
  readonly tenant = `tenant-${newSessionId()}`;
  readonly name = sessionObjectName(this.tenant, this.id);

  get session(): ReadSession {
    return reading(remote<SessionObject>(env.SESSIONS, this.name));
  }

  get registry() {
    return remote<RegistryObject>(env.REGISTRY, this.tenant);
  }

  /** For what the platform's test functions do to an object. */
  get stub() {
    return env.SESSIONS.getByName(this.name);
  }

  /** Takes the slot, as the Worker does before it creates the session. Answers the deadline. */
  async reserve(input: CreateSession = {}): Promise<number> {
    const planned = lifecycle.create(this.id, input, DEFAULTS, Date.now());
    const reserved = await this.registry.reserve({ sessionId: this.id, report: toReport(planned) });
    const { deadline } = valueOf(reserved);
    if (deadline === null) throw new Error('The slot was used before');
    return deadline;
  }

  /** Takes the slot and creates the session. */
  async create(input: CreateSession = {}): Promise<Session> {
    const deadline = await this.reserve(input);
    return valueOf(await this.session.create(this.id, input, DEFAULTS, deadline));
  }

  /** Resumes the session as the Worker does. */
  async resume(): Promise<Result<Session>> {
    const plan = await this.session.planResume();
    if (!plan.ok) return plan;
    const { session, next } = plan.value;
    if (next === null) return represented({ ok: true, value: session });
    const { report, expired, version } = next;
    const reserved = await this.registry.reserve({ sessionId: this.id, report, expired });
    if (!reserved.ok) return reserved;
    return this.session.resume(version, reserved.value.deadline ?? 0);
  }

  /** What is in the session's storage. */
  stored(): Promise<Stored> {
    return runInDurableObject(this.stub, async (_: SessionObject, { storage }) => ({
      keys: [...storage.kv.list()].map(([key]) => key),
      tables: storage.sql.exec('SELECT name FROM sqlite_master').toArray().length,
      alarm: await storage.getAlarm(),
    }));
  }

  /** Has the object finish what it is doing and forget what it has in memory. */
  async evict(): Promise<void> {
    // Only an object that runs can be evicted.
    await this.stored();
    await evictDurableObject(this.stub);
  }

  /** Kills the object where it stands, in the middle of what it is doing. */
  async kill(): Promise<void> {
    await runInDurableObject(this.stub, (_: SessionObject, state) => state.abort('killed by the test')).catch(
      () => undefined,
    );
  }
}

/** A session whose create has been reported, so that nothing but what follows is counted. */
export async function quietSession(input: CreateSession = {}): Promise<Place> {
  const place = new Place();
  await place.create(input);
  await place.evict();
  resetCalls();
  resetRows();
  return place;
}
