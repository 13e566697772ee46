/**
 * Transcripts for tests: each with a project of its own, reached over HTTP as clients reach it, and its two
 * objects, reached from behind.
 *
 * @module
 */
import { env } from 'cloudflare:workers';
import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from 'cloudflare:test';
import { vi } from 'vitest';
import type { JsonObject } from '../../src/contract/session.ts';
import type { AppendResult, ListedTranscript, TranscriptPage } from '../../src/contract/transcript.ts';
import type { TranscriptName } from '../../src/protocol/transcript.ts';
import { projectObjectName, transcriptObjectName } from '../../src/protocol/names.ts';
import { call, callJson, type Call } from './api.ts';
import { callsMade, callsSettled } from './calls.ts';

/** What the tests have set: how long a transcript stays. */
export const RETENTION_MS = env.TRANSCRIPT_RETENTION_MS;

/** What an object has in its storage. */
export interface Stored {
  readonly keys: readonly string[];
  readonly tables: number;
  readonly alarm: number | null;
}

/** Where nothing was ever stored, or all was deleted. */
export const NOTHING: Stored = { keys: [], tables: 0, alarm: null };

/** The path of a project's transcripts, or of one of them. */
export function pathOf(project: string, session?: string): string {
  const list = `/v1/projects/${encodeURIComponent(project)}/transcripts`;
  return session === undefined ? list : `${list}/${encodeURIComponent(session)}`;
}

/** A parameter of a query, where it has a value. */
const parameter = (name: string, value: string | number | undefined): string =>
  value === undefined ? '' : `&${name}=${encodeURIComponent(value)}`;

/** An entry with a uuid of its own. */
export const entry = (more: JsonObject = {}): JsonObject => ({ uuid: crypto.randomUUID(), ...more });

/** Several of those. */
export const entries = (count: number): JsonObject[] =>
  Array.from({ length: count }, (_, number) => entry({ number }));

/** The lines of an answer, parsed. */
export async function linesOf(response: Response): Promise<JsonObject[]> {
  const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(
    await response.arrayBuffer(),
  );
  if (text !== '' && !text.endsWith('\n')) throw new Error('The last line is cut');
  const lines = text.split('\n').slice(0, -1);
  return lines.map((line) => JSON.parse(line) as JsonObject);
}

let projects = 0;

/** How to make an append. */
export interface AppendOptions extends Call {
  readonly subpath?: string;
  readonly touch?: string;
  readonly key?: string;
  readonly summary?: { readonly data: JsonObject; readonly ifVersion: number; readonly ifMtime?: number };
}

/** One transcript. */
export class Conversation implements TranscriptName {
  readonly project: string;
  readonly session: string;

  constructor(session = 'conversation', project = `project-${(projects += 1)}`) {
    this.project = project;
    this.session = session;
  }

  get path(): string {
    return pathOf(this.project, this.session);
  }

  /** Appends, and gives the answer as it is. */
  post(batch: readonly unknown[], options: AppendOptions = {}): Promise<Response> {
    const { subpath, touch, key, summary, headers = {}, ...more } = options;
    const query = `?${parameter('subpath', subpath)}${parameter('touch', touch)}`.replace('?&', '?');
    return call('POST', `${this.path}/entries${query === '?' ? '' : query}`, {
      body: { entries: batch, ...(summary === undefined ? {} : { summary }) },
      headers: key === undefined ? headers : { ...headers, 'Idempotency-Key': key },
      ...more,
    });
  }

  /** Appends; fails the test where that fails. */
  async append(batch: readonly unknown[], options: AppendOptions = {}): Promise<AppendResult> {
    const response = await this.post(batch, options);
    if (response.status !== 200) throw new Error(`${response.status} ${await response.text()}`);
    return response.json<AppendResult>();
  }

  get(query: { subpath?: string; after?: number } = {}): Promise<Response> {
    const text = `?${parameter('subpath', query.subpath)}${parameter('after', query.after)}`;
    return call('GET', `${this.path}/entries${text.replace('?&', '?')}`);
  }

  /** All entries; null where there is no transcript. */
  async read(subpath?: string): Promise<JsonObject[] | null> {
    const response = await this.get(subpath === undefined ? {} : { subpath });
    if (response.status === 404) return null;
    if (response.status !== 200) throw new Error(`${response.status} ${await response.text()}`);
    return linesOf(response);
  }

  /** Deletes all, or one subpath; fails the test where that fails. */
  async delete(subpath?: string): Promise<void> {
    const path = subpath === undefined ? this.path : `${this.path}/entries?${parameter('subpath', subpath)}`;
    const response = await call('DELETE', path);
    if (response.status !== 204) throw new Error(`${response.status} ${await response.text()}`);
  }

  async subpaths(): Promise<string[]> {
    return (await callJson<{ data: string[] }>('GET', `${this.path}/subpaths`)).data;
  }

  /** The first page of its project's list. */
  async list(): Promise<ListedTranscript[]> {
    return (await callJson<TranscriptPage>('GET', pathOf(this.project))).data;
  }

  /** How its project lists it; undefined where it doesn't. */
  async listed(): Promise<ListedTranscript | undefined> {
    return (await this.list()).find(({ sessionId }) => sessionId === this.session);
  }

  objectName(): Promise<string> {
    return transcriptObjectName('default', this.project, this.session);
  }

  async stub(): Promise<DurableObjectStub> {
    return env.TRANSCRIPTS.getByName(await this.objectName());
  }

  async projectStub(): Promise<DurableObjectStub> {
    return env.PROJECTS.getByName(await projectObjectName('default', this.project));
  }

  /** Runs the transcript's alarm, and waits for what it does. Says whether one stood. */
  async alarm(): Promise<boolean> {
    const ran = await runDurableObjectAlarm(await this.stub());
    await callsSettled();
    return ran;
  }

  /** Lets time pass on a stopped clock, the transcript's alarms firing when they are due. */
  async pass(ms: number): Promise<void> {
    const end = Date.now() + ms;
    for (;;) {
      const { alarm } = await this.stored();
      if (alarm === null || alarm > end) break;
      vi.setSystemTime(Math.max(alarm, Date.now()));
      if (!(await this.alarm())) throw new Error('The alarm did not run');
    }
    vi.setSystemTime(end);
  }

  /** What the transcript has stored. */
  async stored(): Promise<Stored> {
    return storedIn(await this.stub());
  }

  /** What its project has stored. */
  async storedByProject(): Promise<Stored> {
    return storedIn(await this.projectStub());
  }

  /** Has the transcript finish what it is doing and forget what it has in memory. */
  async evict(): Promise<void> {
    await callsSettled();
    // Only an object that runs can be evicted.
    await this.stored();
    await evictDurableObject(await this.stub());
  }

  /** Kills the transcript's object where it stands, in the middle of what it is doing. */
  async kill(): Promise<void> {
    const killed = runInDurableObject(await this.stub(), (_, state) => state.abort('killed by the test'));
    await killed.catch(() => undefined);
  }
}

function storedIn(stub: DurableObjectStub): Promise<Stored> {
  return runInDurableObject(stub, async (_, { storage }) => ({
    keys: [...storage.kv.list()].map(([key]) => key),
    tables: storage.sql.exec('SELECT name FROM sqlite_master').toArray().length,
    alarm: await storage.getAlarm(),
  }));
}

/** How often projects were told of a transcript since the last reset. */
export const timesTold = (): number => callsMade().filter((method) => method === 'project.put').length;
