/**
 * The SDK's own store in memory, with what its contract asks for and it lacks.
 *
 * @module
 */
import {
  foldSessionSummary,
  InMemorySessionStore,
  type SessionKey,
  type SessionStore,
  type SessionStoreEntry,
  type SessionSummaryEntry,
} from '@anthropic-ai/claude-agent-sdk';

const encode = (name: string): string => encodeURIComponent(name);

/** It joins keys with slashes: with them encoded, no two are the same. */
const encodeKey = ({ projectKey, sessionId, subpath }: SessionKey): SessionKey => ({
  projectKey: encode(projectKey),
  sessionId: encode(sessionId),
  ...(subpath === undefined ? {} : { subpath: encode(subpath) }),
});

/**
 * Leaves out entries whose uuid the transcript already has; an append of nothing leaves no trace. Summaries
 * are folded from batches as they come, as an adapter does that does not know what the store has.
 */
export class ReferenceStore implements Required<SessionStore> {
  readonly #store = new InMemorySessionStore();
  readonly #summaries = new Map<string, SessionSummaryEntry>();
  readonly #history: ((store: ReferenceStore) => Promise<void>)[] = [];

  /** Another store to which the same has happened. */
  async copy(): Promise<ReferenceStore> {
    const store = new ReferenceStore();
    for (const event of this.#history) await event(store);
    return store;
  }

  async append(key: SessionKey, entries: SessionStoreEntry[]): Promise<void> {
    if (entries.length === 0) return;
    this.#history.push((store) => store.append(key, entries));
    const uuids = new Set(((await this.load(key)) ?? []).map(({ uuid }) => uuid));
    const fresh = entries.filter(({ uuid }) => {
      const isKnown = uuid !== undefined && uuids.has(uuid);
      uuids.add(uuid);
      return !isKnown;
    });
    if (fresh.length > 0) await this.#store.append(encodeKey(key), fresh);
    if (key.subpath !== undefined) return;
    const name = JSON.stringify([key.projectKey, key.sessionId]);
    this.#summaries.set(name, foldSessionSummary(this.#summaries.get(name), key, entries));
  }

  load(key: SessionKey): Promise<SessionStoreEntry[] | null> {
    return this.#store.load(encodeKey(key));
  }

  async listSessions(projectKey: string) {
    const listed = await this.#store.listSessions(encode(projectKey));
    return listed.map(({ sessionId, mtime }) => ({ sessionId: decodeURIComponent(sessionId), mtime }));
  }

  async listSessionSummaries(projectKey: string): Promise<SessionSummaryEntry[]> {
    const summaries = (await this.listSessions(projectKey)).map(({ sessionId }) =>
      this.#summaries.get(JSON.stringify([projectKey, sessionId])),
    );
    return summaries.filter((summary) => summary !== undefined);
  }

  async delete(key: SessionKey): Promise<void> {
    this.#history.push((store) => store.delete(key));
    if (key.subpath === undefined) this.#summaries.delete(JSON.stringify([key.projectKey, key.sessionId]));
    await this.#store.delete(encodeKey(key));
  }

  async listSubkeys(key: { projectKey: string; sessionId: string }): Promise<string[]> {
    const subkeys = await this.#store.listSubkeys(encodeKey(key));
    return subkeys.map((subkey) => decodeURIComponent(subkey));
  }
}
