/**
 * The adapter and the reference, put through the same scenario.
 *
 * @module
 */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import type { SessionKey, SessionStoreEntry } from '@anthropic-ai/claude-agent-sdk';
import { EdgeSessionStore } from '../../../src/agent-sdk/index.ts';
import { BerthClient } from '../../../src/client/index.ts';
import { FaultyNetwork } from './faulty-network.ts';
import { ReferenceStore } from './reference-store.ts';
import type { Place, Scenario, Step } from './scenario.ts';

type Summaries = Awaited<ReturnType<EdgeSessionStore['listSessionSummaries']>>;

const textOf = (value: unknown): string => JSON.stringify(value);
const ids = (listed: { sessionId: string }[]) => listed.map(({ sessionId }) => sessionId).toSorted();
/** Summaries by id. */
const dataOf = (summaries: Summaries) =>
  summaries.map(({ sessionId, data }) => textOf([sessionId, data])).toSorted();

/** What a transcript holds, and what lists show of its conversation. */
async function stateOf(store: EdgeSessionStore | ReferenceStore, key: SessionKey): Promise<string> {
  const summaries = await store.listSessionSummaries(key.projectKey);
  const own = summaries.filter(({ sessionId }) => sessionId === key.sessionId);
  return textOf([await store.load(key), dataOf(own)]);
}

export class Trial {
  readonly #network = new FaultyNetwork();
  readonly #reference = new ReferenceStore();
  readonly #scenario: Scenario;
  /** Two adapters, as two processes would have them. */
  readonly #stores: readonly [EdgeSessionStore, EdgeSessionStore];

  constructor(url: string, scenario: Scenario) {
    const run = randomUUID();
    const project = (key: string) => `${run}:${key}`;
    const client = new BerthClient({ baseUrl: url, fetch: this.#network.fetch });
    this.#stores = [new EdgeSessionStore(client, { project }), new EdgeSessionStore(client, { project })];
    this.#scenario = scenario;
  }

  /** Takes every step, and demands after each that what it was about is the same. */
  async run(): Promise<void> {
    for (const step of this.#scenario.steps) {
      const key = this.#keyOf(step.place);
      await this.#take(step, key);
      await this.#demandSame(key);
    }
  }

  /** Demands that everything is the same: what there is, and what there isn't. */
  async demandSameInAll(): Promise<void> {
    const { projects, sessions, subpaths } = this.#scenario;
    const [store] = this.#stores;
    for (const projectKey of projects) {
      await this.#demandSameLists(projectKey);
      for (const sessionId of sessions) {
        const key = { projectKey, sessionId };
        await this.#demandSame(key);
        for (const subpath of subpaths) await this.#demandSame({ ...key, subpath });
        const [actual, expected] = [await store.listSubkeys(key), await this.#reference.listSubkeys(key)];
        assert.deepEqual(actual.toSorted(), expected.toSorted());
      }
    }
  }

  #keyOf({ project, session, subpath }: Place): SessionKey {
    const { projects, sessions, subpaths } = this.#scenario;
    const key = { projectKey: projects[project] ?? '', sessionId: sessions[session] ?? '' };
    return subpath === null ? key : { ...key, subpath: subpaths[subpath] ?? '' };
  }

  async #take(step: Step, key: SessionKey): Promise<void> {
    const [one, other] = this.#stores;
    if (step.what === 'race') return this.#race(key, step.entries, step.others);
    const store = step.writer === 0 ? one : other;
    if (step.what === 'delete') {
      await store.delete(key);
      return this.#reference.delete(key);
    }
    if (step.mishap !== null && step.entries.length > 0) this.#network.plan(step.mishap);
    // What fails, the SDK tries again with the same batch.
    await store.append(key, step.entries).catch(() => store.append(key, step.entries));
    return this.#reference.append(key, step.entries);
  }

  /** Two writers at once. Which was first only shows afterwards: the reference takes them in that order. */
  async #race(key: SessionKey, entries: SessionStoreEntry[], others: SessionStoreEntry[]): Promise<void> {
    const [one, other] = this.#stores;
    await Promise.all([one.append(key, entries), other.append(key, others)]);
    const inOrder = await this.#reference.copy();
    for (const batch of [entries, others]) await inOrder.append(key, batch);
    const isInOrder = (await stateOf(one, key)) === (await stateOf(inOrder, key));
    for (const batch of isInOrder ? [entries, others] : [others, entries])
      await this.#reference.append(key, batch);
  }

  async #demandSame(key: SessionKey): Promise<void> {
    for (const store of this.#stores)
      assert.equal(textOf(await store.load(key)), textOf(await this.#reference.load(key)));
  }

  async #demandSameLists(projectKey: string): Promise<void> {
    const [store] = this.#stores;
    const listed = await store.listSessions(projectKey);
    assert.deepEqual(ids(listed), ids(await this.#reference.listSessions(projectKey)));
    for (const { mtime } of listed) assert.ok(Number.isSafeInteger(mtime) && mtime > 1e12);
    const summaries = await store.listSessionSummaries(projectKey);
    assert.deepEqual(dataOf(summaries), dataOf(await this.#reference.listSessionSummaries(projectKey)));
    assert.deepEqual(
      summaries.map(({ sessionId, mtime }) => ({ sessionId, mtime })),
      listed,
    );
  }
}
