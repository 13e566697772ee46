/**
 * `EdgeSessionStore`: the Claude Agent SDK's transcripts in Berth.
 *
 * @module
 */
import type { BerthClient } from '../client/berth-client.ts';
import { ConflictError, ConnectionError, NotFoundError, TimeoutError } from '../client/errors.ts';
import { newIdempotencyKey } from '../client/idempotency-key.ts';
import { bound } from '../client/options.ts';
import { bounded } from '../client/retry.ts';
import type { EntriesRef, TranscriptRef } from '../client/transcripts.ts';
import type { JsonObject } from '../contract/session.ts';
import { splitBatch } from './batches.ts';
import { ConversationQueue } from './conversation-queue.ts';
import type {
  FoldSessionSummary,
  SessionKey,
  SessionListEntry,
  SessionStore,
  SessionStoreEntry,
  SessionSummaryEntry,
} from './session-store.ts';
import { isSummary, Summaries, type SummaryWrite } from './summaries.ts';
import { listTranscripts } from './transcript-list.ts';

/** The SDK waits for 60 s and then drops a batch; what fails before that it tries again. */
const DEFAULT_TIMEOUT_MS = 40_000;
/** One attempt of an append: short enough for a second one when the first is lost. */
const APPEND_ATTEMPT_MS = 15_000;
/** How often a transcript is read from its beginning when the stream breaks off. */
const MAX_READS = 3;

/** How a store names and keeps what the SDK hands it. */
export interface EdgeSessionStoreOptions {
  /**
   * The project that transcripts are kept under, or a function of the SDK's own key to it. The SDK makes its
   * key of the working folder's path, so hosts with different folders only find each other's conversations
   * where this is given, and the same for all. 1 to 512 bytes of UTF-8.
   */
  readonly project?: string | ((projectKey: string) => string) | undefined;
  /**
   * The Berth session whose activity this is: each append keeps it alive and links the conversation to it, in
   * the same request. Appends hold even when that session is gone. Needs the scope `sessions:write`.
   *
   * An id by itself is for a store of one conversation: every other one that is written to through it, also by
   * `renameSession`, `tagSession` or `forkSession`, is linked to that session too, and is then what it would
   * be resumed with. For several, a function of the conversation; undefined for none.
   */
  readonly touch?: string | ((key: SessionKey) => string | undefined) | undefined;
  /**
   * The SDK's `foldSessionSummary`. By default it is imported from the SDK; to be given where that is not to
   * be found by its name at run time. Without it lists are right all the same, but the SDK reads every
   * transcript for them.
   */
  readonly foldSessionSummary?: FoldSessionSummary | undefined;
  /**
   * How long one call by the SDK may take, milliseconds, all attempts included. 40,000 by default: the SDK
   * itself gives up after 60,000, and then drops what was to be appended.
   */
  readonly timeoutMs?: number | undefined;
}

/** A request that is to append a part of a batch: repeated as it is until its outcome is known. */
interface AppendRequest {
  readonly body: { readonly entries: JsonObject[]; readonly summary?: SummaryWrite };
  readonly idempotencyKey: string;
  /** The Berth session that is touched with it. */
  readonly touch: string | undefined;
}

/** A batch, and what is still to be appended of it. */
interface UnfinishedBatch {
  readonly name: string;
  readonly entries: readonly SessionStoreEntry[];
  readonly parts: SessionStoreEntry[][];
  /** Of the first part, where it was sent and its outcome is unknown. */
  request: AppendRequest | null;
}

const conversationOf = ({ project, session }: TranscriptRef): string => JSON.stringify([project, session]);

const nameOf = ({ project, session, subpath }: EntriesRef): string =>
  JSON.stringify([project, session, subpath]);

const areSame = (some: readonly SessionStoreEntry[], others: readonly SessionStoreEntry[]): boolean =>
  some.length === others.length && some.every((entry, i) => entry === others[i]);

/**
 * A `SessionStore` of the Claude Agent SDK, kept in Berth: give it to `query()` as `sessionStore`, and any
 * host can resume the conversation. One store can serve many conversations at once, but then a `touch` must
 * tell them apart. The token needs the scopes `transcripts:read` and `transcripts:write`.
 *
 * Batches of one transcript are stored in the order of the calls, entries with a `uuid` once however often
 * they come, and a batch that the SDK tries again after an unknown outcome goes on where it was. Every call
 * settles within `timeoutMs`; until then failures that may pass are tried again.
 *
 * @example
 * ```ts
 * const client = new BerthClient({ baseUrl: 'https://berth.example.com', token });
 * const session = await client.sessions.create();
 * const sessionStore = new EdgeSessionStore(client, { project: 'shop', touch: session.sessionId });
 * for await (const message of query({ prompt, options: { ...queryOptions(session), sessionStore } })) …
 * ```
 */
export class EdgeSessionStore implements SessionStore {
  readonly #client: BerthClient;
  readonly #project: (projectKey: string) => string;
  readonly #touch: (key: SessionKey) => string | undefined;
  readonly #timeoutMs: number;
  readonly #summaries: Summaries;
  readonly #queue = new ConversationQueue();
  /** Batches whose append has failed, by the array that the SDK hands in again when it tries again. */
  readonly #unfinished = new WeakMap<readonly SessionStoreEntry[], UnfinishedBatch>();

  /** @throws TypeError where `timeoutMs` is no number from 0 on. */
  constructor(client: BerthClient, options: EdgeSessionStoreOptions = {}) {
    const { project, touch } = options;
    this.#client = client;
    this.#project = typeof project === 'function' ? project : (projectKey) => project ?? projectKey;
    this.#touch = typeof touch === 'function' ? touch : () => touch;
    this.#timeoutMs = bound('timeoutMs', options.timeoutMs, DEFAULT_TIMEOUT_MS);
    this.#summaries = new Summaries(options.foldSessionSummary);
  }

  /**
   * Appends a batch. A large one is stored in several steps, each whole.
   *
   * @throws {@link PayloadTooLargeError} for an entry that no request can carry, of about 16 MiB: then
   * nothing of the batch is stored. {@link BerthError} otherwise.
   */
  async append(key: SessionKey, entries: SessionStoreEntry[]): Promise<void> {
    if (entries.length === 0) return;
    const ref = this.#ref(key);
    const name = nameOf(ref);
    await this.#within('The append', (signal) =>
      this.#queue.run(conversationOf(ref), name, async () => {
        signal.throwIfAborted();
        const batch = this.#unfinishedOf(name, entries);
        while (batch.parts.length > 0) await this.#appendPart(key, ref, batch, signal);
        this.#unfinished.delete(entries);
      }),
    );
  }

  /** All entries of a transcript; null where it was never written, or deleted. */
  load(key: SessionKey): Promise<SessionStoreEntry[] | null> {
    const ref = this.#ref(key);
    return this.#within('The load', async (signal) => {
      for (let reads = 1; ; reads += 1) {
        try {
          const entries: SessionStoreEntry[] = [];
          const stream = this.#client.transcripts.read(ref, { signal });
          for await (const entry of stream) entries.push(entry as SessionStoreEntry);
          return entries;
        } catch (error) {
          if (error instanceof NotFoundError && error.code === 'transcript_not_found') return null;
          const brokeOff = error instanceof ConnectionError || error instanceof TimeoutError;
          if (!brokeOff || reads === MAX_READS) throw error;
        }
      }
    });
  }

  /** The conversations of a project, with the time of their last append. */
  async listSessions(projectKey: string): Promise<SessionListEntry[]> {
    const listed = await this.#list(projectKey);
    return listed.map(({ sessionId, mtime }) => ({ sessionId, mtime }));
  }

  /** What the SDK shows of the conversations of a project; it reads those that are left out. */
  async listSessionSummaries(projectKey: string): Promise<SessionSummaryEntry[]> {
    const listed = await this.#list(projectKey);
    return listed.flatMap(({ sessionId, mtime, summary }) =>
      summary !== undefined && isSummary(summary.data) ? [{ sessionId, mtime, data: summary.data }] : [],
    );
  }

  /**
   * Deletes a subagent's transcript, or without a subpath the whole conversation, with all that was to be
   * appended to it before.
   */
  async delete(key: SessionKey): Promise<void> {
    const ref = this.#ref(key);
    const name = nameOf(ref);
    const deleted = ref.subpath === undefined ? null : name;
    await this.#within('The deletion', (signal) =>
      this.#queue.run(conversationOf(ref), deleted, async () => {
        signal.throwIfAborted();
        await this.#client.transcripts.delete(ref, { signal });
        this.#summaries.forget(name);
      }),
    );
  }

  /** The subpaths of a conversation: its subagents. */
  listSubkeys(key: { projectKey: string; sessionId: string }): Promise<string[]> {
    const { project, session } = this.#ref(key);
    const ref: TranscriptRef = { project, session };
    return this.#within('The list', (signal) => this.#client.transcripts.subpaths(ref, { signal }));
  }

  #list(projectKey: string) {
    return this.#within('The list', (signal) =>
      listTranscripts(this.#client, this.#project(projectKey), { signal }),
    );
  }

  #ref({ projectKey, sessionId, subpath }: SessionKey): EntriesRef {
    return { project: this.#project(projectKey), session: sessionId, subpath };
  }

  #within<T>(what: string, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const timedOut = (): Error => new TimeoutError(`${what} did not end within ${this.#timeoutMs} ms.`);
    return bounded(this.#timeoutMs, undefined, timedOut, work);
  }

  /** A batch as an earlier call has left it, or all of it. */
  #unfinishedOf(name: string, entries: SessionStoreEntry[]): UnfinishedBatch {
    const known = this.#unfinished.get(entries);
    if (known?.name === name && areSame(known.entries, entries)) return known;
    const batch = { name, entries: [...entries], parts: splitBatch(entries), request: null };
    this.#unfinished.set(entries, batch);
    return batch;
  }

  /** Appends the first part of a batch, folded into the summary as that is by now. */
  async #appendPart(
    key: SessionKey,
    ref: EntriesRef,
    batch: UnfinishedBatch,
    signal: AbortSignal,
  ): Promise<void> {
    batch.request ??= await this.#requestOf(key, batch);
    const { body, idempotencyKey, touch } = batch.request;
    let mtime: number;
    try {
      ({ mtime } = await this.#client.transcripts.append(ref, body, {
        idempotencyKey,
        touch,
        signal,
        timeoutMs: APPEND_ATTEMPT_MS,
        // As long as there is time: what is given up is lost.
        maxAttempts: Infinity,
      }));
    } catch (error) {
      if (!(error instanceof ConflictError) || body.summary === undefined) throw error;
      // Another writer was first: nothing was stored, and what it has stored is folded into.
      this.#summaries.remember(batch.name, error.current);
      batch.request = null;
      return;
    }
    if (body.summary !== undefined) {
      const { data, ifVersion } = body.summary;
      this.#summaries.remember(batch.name, { data, version: ifVersion + 1 }, mtime);
    }
    batch.parts.shift();
    batch.request = null;
  }

  async #requestOf(
    key: SessionKey,
    { name, parts: [entries = []] }: UnfinishedBatch,
  ): Promise<AppendRequest> {
    const summary = key.subpath === undefined ? await this.#summaries.next(name, key, entries) : undefined;
    return {
      body: { entries: entries as JsonObject[], ...(summary === undefined ? {} : { summary }) },
      idempotencyKey: newIdempotencyKey(),
      touch: this.#touch(key),
    };
  }
}
