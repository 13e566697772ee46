/**
 * Appends that leave out what is stored already, so that an import can be repeated.
 *
 * @module
 */
import { createHash } from 'node:crypto';
import type { EdgeSessionStore, SessionKey, SessionStoreEntry } from '../src/agent-sdk/index.ts';
import { NotFoundError, type BerthClient, type EntriesRef } from '../src/client/index.ts';
import type { ImportStore } from './agent-sdk.ts';

/** The entries of a transcript, as far as it takes to know them again. */
class StoredEntries {
  readonly #uuids = new Set<string>();
  /** How many of the others are alike, by digest. */
  readonly #others = new Map<string, number>();

  add(entry: object): void {
    if ('uuid' in entry && typeof entry.uuid === 'string') this.#uuids.add(entry.uuid);
    else this.#count(digestOf(entry), 1);
  }

  /** Whether an entry is stored; of several that are alike, as many as are stored. */
  take(entry: SessionStoreEntry): boolean {
    if (typeof entry.uuid === 'string') return this.#uuids.has(entry.uuid);
    const digest = digestOf(entry);
    if ((this.#others.get(digest) ?? 0) === 0) return false;
    this.#count(digest, -1);
    return true;
  }

  #count(digest: string, by: 1 | -1): void {
    this.#others.set(digest, (this.#others.get(digest) ?? 0) + by);
  }
}

const digestOf = (entry: object): string =>
  createHash('sha256').update(JSON.stringify(entry)).digest('base64');

/** How many entries were sent, and how many were there. */
export interface ImportCounts {
  sent: number;
  found: number;
}

/** Entries without a uuid, which a store never takes for the same, are compared whole. */
export class MissingEntriesStore implements ImportStore {
  readonly counts: ImportCounts = { sent: 0, found: 0 };
  readonly #client: BerthClient;
  readonly #store: EdgeSessionStore;
  readonly #projectOf: (projectKey: string) => string;
  readonly #onProgress: () => void;
  /** Of the transcript that is being imported: it is one after the other. */
  #current: { readonly name: string; readonly stored: StoredEntries } | null = null;

  constructor(
    client: BerthClient,
    store: EdgeSessionStore,
    projectOf: (projectKey: string) => string,
    onProgress: () => void,
  ) {
    this.#client = client;
    this.#store = store;
    this.#projectOf = projectOf;
    this.#onProgress = onProgress;
  }

  async append(key: SessionKey, entries: SessionStoreEntry[]): Promise<void> {
    const stored = await this.#storedOf(key);
    const missing = entries.filter((entry) => !stored.take(entry));
    await this.#store.append(key, missing);
    this.counts.sent += missing.length;
    this.counts.found += entries.length - missing.length;
    this.#onProgress();
  }

  load(key: SessionKey): Promise<SessionStoreEntry[] | null> {
    return this.#store.load(key);
  }

  async #storedOf({ projectKey, sessionId, subpath }: SessionKey): Promise<StoredEntries> {
    const ref: EntriesRef = { project: this.#projectOf(projectKey), session: sessionId, subpath };
    const name = JSON.stringify(ref);
    if (this.#current?.name === name) return this.#current.stored;
    const stored = new StoredEntries();
    try {
      for await (const entry of this.#client.transcripts.read(ref)) stored.add(entry);
    } catch (error) {
      const isNew = error instanceof NotFoundError && error.code === 'transcript_not_found';
      if (!isNew) throw error;
    }
    this.#current = { name, stored };
    return stored;
  }
}
