/**
 * A tenant of its own for each test, with a clock that stands still. The clock shows another decade, so that
 * no alarm fires by itself: a test runs the alarms it means.
 *
 * @module
 */
import { env } from 'cloudflare:workers';
import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from 'cloudflare:test';
import { vi } from 'vitest';
import type { Result } from '../../src/contract/errors.ts';
import type { CreateSession, ListedSession, Session } from '../../src/contract/session.ts';
import { Objects } from '../../src/http/objects.ts';
import { createSession, resumeSession } from '../../src/http/session-service.ts';
import { sessionObjectName } from '../../src/protocol/names.ts';
import { remote, type Remote } from '../../src/protocol/remote.ts';
import type { IndexRow } from '../../src/registry/index-row.ts';
import type { ListFilter } from '../../src/registry/list-query.ts';
import { SessionIndex } from '../../src/registry/session-index.ts';
import type { RegistryObject } from '../../src/registry/registry-object.ts';
import type { SessionDefaults } from '../../src/session/lifecycle.ts';
import { callsSettled, interpose } from './calls.ts';
import { reading, represented, type ReadSession } from './representations.ts';

/** The full minute at which the clock of a test stands first. */
export const START = Date.UTC(2036, 4, 1, 12);

export const SECOND = 1_000;
export const MINUTE = 60 * SECOND;
export const HOUR = 60 * MINUTE;

export const DEFAULTS: SessionDefaults = { cwd: '/workspace', sessionTimeoutMs: HOUR, maxLifetimeMs: null };

/** Stops the clock, of tests and objects alike. */
export function stopClock(time = START): void {
  vi.useFakeTimers({ toFake: ['Date'], now: time });
}

/** Stops timers too, which {@link Tenant.wait} lets go on. */
export function stopTimers(): void {
  vi.useFakeTimers({ toFake: ['Date', 'setTimeout', 'clearTimeout'], now: Date.now() });
}

/** Moves the clock on, or back. */
export function advance(ms: number): void {
  vi.setSystemTime(Date.now() + ms);
}

/** What a result holds; fails the test where it is a failure. */
export function valueOf<T>(result: Result<T>): T {
  if (!result.ok) throw new Error(`${result.error.code}: ${result.error.detail}`);
  return result.value;
}

/** What a result came to: `ok`, or the code of its failure. */
export const outcome = (result: Result<unknown>): string => (result.ok ? 'ok' : result.error.code);

/** Waits for something that real timers or other objects bring about; the clock of the test stands still. */
export async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await scheduler.wait(1);
}

let tenants = 0;

export class Tenant {
  readonly name: string;
  readonly objects: Objects;

  constructor() {
    tenants += 1;
    this.name = `tenant-${tenants}`;
    this.objects = new Objects(interpose(env), this.name);
  }

  /** The registry, by RPC. */
  get registry(): Remote<RegistryObject> {
    return remote(interpose(env).REGISTRY, this.name);
  }

  /** A session, by RPC. */
  session(id: string): ReadSession {
    return reading(remote(interpose(env).SESSIONS, sessionObjectName(this.name, id)));
  }

  get registryStub(): DurableObjectStub {
    return env.REGISTRY.getByName(this.name);
  }

  sessionStub(id: string): DurableObjectStub {
    return env.SESSIONS.getByName(sessionObjectName(this.name, id));
  }

  /** Creates a session as the Worker does, and waits until the registry has heard of it. */
  async create(input: CreateSession = {}, key: string | null = null): Promise<Result<Session>> {
    const made = await createSession(this.objects, input, DEFAULTS, key);
    await callsSettled();
    return made.ok ? represented({ ok: true, value: made.value.session }) : made;
  }

  /** The id of a session that was created and confirmed. */
  async created(input: CreateSession = {}): Promise<string> {
    return valueOf(await this.create(input)).sessionId;
  }

  async touch(id: string, messages = 1): Promise<Result<Session>> {
    const touched = await this.objects.session(id, 'once', (it) => it.touch(messages, null));
    await callsSettled();
    return represented(touched);
  }

  async end(id: string, purge = false): Promise<Result<Session>> {
    const ended = await this.objects.session(id, 'once', (it) => it.end(purge, null));
    await callsSettled();
    return represented(ended);
  }

  async resume(id: string): Promise<Result<Session>> {
    const resumed = await resumeSession(this.objects, id);
    await callsSettled();
    return represented(resumed);
  }

  list(filter: Partial<ListFilter> = {}): Promise<ListedSession[]> {
    return this.registry.list({ statuses: ['active'], labels: [], limit: 100, ...filter });
  }

  /** The registry's row of a session, or null, settling nothing. */
  row(id: string): Promise<IndexRow | null> {
    return this.inRegistry((storage) => new SessionIndex(storage.sql).find(id));
  }

  /** Runs something beside the registry, in its storage. */
  inRegistry<T>(body: (storage: DurableObjectStorage) => T | Promise<T>): Promise<T> {
    return runInDurableObject(this.registryStub, (_, state) => body(state.storage));
  }

  inSession<T>(id: string, body: (storage: DurableObjectStorage) => T | Promise<T>): Promise<T> {
    return runInDurableObject(this.sessionStub(id), (_, state) => body(state.storage));
  }

  /** Lets time pass, for the clock and for the timers of the registry. */
  async wait(ms: number): Promise<void> {
    await runInDurableObject(this.registryStub, async () => {
      await vi.advanceTimersByTimeAsync(ms);
    });
  }

  /** Has the registry forget what it holds in memory. */
  async evictRegistry(): Promise<void> {
    await callsSettled();
    await evictDurableObject(this.registryStub);
  }

  /** Has a session forget what it holds in memory. */
  async evictSession(id: string): Promise<void> {
    await callsSettled();
    await evictDurableObject(this.sessionStub(id));
  }

  /** Kills a session where it stands, in the middle of what it is doing. */
  async killSession(id: string): Promise<void> {
    const kill = (_: unknown, state: DurableObjectState) => state.abort('killed by the test');
    await runInDurableObject(this.sessionStub(id), kill).catch(() => undefined);
  }

  /** When the registry's alarm stands, or null. */
  alarmAt(): Promise<number | null> {
    return this.inRegistry((storage) => storage.getAlarm());
  }

  /** Runs the registry's alarm; false where none is set. */
  async alarm(): Promise<boolean> {
    const ran = await runDurableObjectAlarm(this.registryStub);
    await callsSettled();
    return ran;
  }

  /** Runs a session's alarm; false where none is set. */
  async sessionAlarm(id: string): Promise<boolean> {
    const ran = await runDurableObjectAlarm(this.sessionStub(id));
    await callsSettled();
    return ran;
  }
}
