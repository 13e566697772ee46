/**
 * `/v1/projects/:project/transcripts`
 *
 * @module
 */
import { MAX_PAGE_SIZE } from '../contract/limits.ts';
import type { JsonObject } from '../contract/session.ts';
import type {
  AppendEntries,
  AppendResult,
  ListedTranscript,
  SubpathList,
  TranscriptPage,
} from '../contract/transcript.ts';
import { newIdempotencyKey } from './idempotency-key.ts';
import { readEntries } from './entries.ts';
import type { CallOptions, KeyedOptions } from './options.ts';
import { itemsOf } from './pages.ts';
import { namedPart, queryOf } from './path.ts';
import { readJson, readText, type Transport } from './transport.ts';

/** A conversation: names are opaque, 1 to 512 bytes of UTF-8, and neither `.` nor `..`. */
export interface TranscriptRef {
  readonly project: string;
  /** Claude's id of the conversation, not Berth's of the session. */
  readonly session: string;
}

/** One stream of a conversation: the main one, or that of a subagent. */
export interface EntriesRef extends TranscriptRef {
  /** `subagents/agent-1`, for example; left out for the main transcript. */
  readonly subpath?: string | undefined;
}

/** What an append can be told. */
export interface AppendOptions extends KeyedOptions {
  /**
   * The Berth session whose activity this is: it is kept alive and linked to the conversation in the same
   * request. The append holds even if that session is gone; `touched` in the result says so.
   */
  readonly touch?: string | undefined;
}

/** What a read can be told. */
export interface ReadOptions extends CallOptions {
  /** How many entries to pass over; 0 by default. */
  readonly after?: number | undefined;
  /** Told how many entries there are in all, those passed over included, before the first one is given. */
  readonly onTotal?: ((total: number) => void) | undefined;
}

/** What a list of transcripts can be told. */
export interface TranscriptQuery {
  /** Transcripts a page. */
  readonly limit?: number | undefined;
  /** `nextCursor` of the page before. */
  readonly cursor?: string | undefined;
}

const projectPath = (project: string): string => `/v1/projects/${namedPart('project', project)}/transcripts`;

const transcriptPath = ({ project, session }: TranscriptRef): string =>
  `${projectPath(project)}/${namedPart('session', session)}`;

/** Transcripts of conversations. Reach it as `client.transcripts`. */
export class Transcripts {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /**
   * Appends entries, in order; those whose `uuid` is known are left out. With a summary, it is stored in
   * the same transaction, if the stored one is still at version `ifVersion` (0 for none). Attempts share
   * an idempotency key. A body may have 16 MiB.
   *
   * @throws {@link ConflictError} where the summary is outdated: nothing is appended, and `current` is the
   * stored one; {@link PayloadTooLargeError}.
   * @example
   * ```ts
   * await client.transcripts.append(
   *   { project: '-workspace', session: claudeSessionId },
   *   { entries: [{ type: 'user', uuid: crypto.randomUUID(), message: { role: 'user', content: 'Hi' } }] },
   *   { touch: session.sessionId },
   * );
   * ```
   */
  async append(ref: EntriesRef, body: AppendEntries, options: AppendOptions = {}): Promise<AppendResult> {
    const query = queryOf({ subpath: ref.subpath, touch: options.touch });
    return this.#transport.send(
      {
        method: 'POST',
        path: `${transcriptPath(ref)}/entries${query}`,
        body,
        idempotencyKey: options.idempotencyKey ?? newIdempotencyKey(),
        read: readJson<AppendResult>,
      },
      options,
    );
  }

  /**
   * Reads the entries in the order in which they were appended, as they stream in: no more than a chunk
   * and an entry are held at once. It ends without an error only after the last of them; a stream that
   * breaks off or falls short throws, so what was read before a throw is not the whole. Once it has begun
   * it is not attempted again: `after` goes on from what has been read.
   *
   * @throws {@link NotFoundError} where the transcript was never written; {@link ConnectionError} where
   * the stream breaks off.
   * @example
   * ```ts
   * for await (const entry of client.transcripts.read({ project: '-workspace', session })) {
   *   console.log(entry['type']);
   * }
   * ```
   */
  async *read(ref: EntriesRef, options: ReadOptions = {}): AsyncGenerator<JsonObject, void, undefined> {
    const query = queryOf({ subpath: ref.subpath, after: options.after });
    const response = await this.#transport.send(
      {
        method: 'GET',
        path: `${transcriptPath(ref)}/entries${query}`,
        read: (answer) => Promise.resolve(answer),
      },
      options,
    );
    const timeoutMs = options.timeoutMs ?? this.#transport.timeoutMs;
    yield* readEntries(response, { ...options, timeoutMs });
  }

  /** One page of a project's transcripts, the last written first. */
  async list(project: string, query: TranscriptQuery = {}, options?: CallOptions): Promise<TranscriptPage> {
    const path = projectPath(project) + queryOf({ limit: query.limit, cursor: query.cursor });
    return this.#transport.send({ method: 'GET', path, read: readJson<TranscriptPage> }, options);
  }

  /** Every transcript of a project, the last written first, fetched a page at a time. */
  listAll(project: string, options?: CallOptions): AsyncGenerator<ListedTranscript, void, undefined> {
    return itemsOf((cursor) => this.list(project, { limit: MAX_PAGE_SIZE, cursor }, options));
  }

  /** The subpaths that a conversation has. */
  async subpaths(ref: TranscriptRef, options?: CallOptions): Promise<string[]> {
    const path = `${transcriptPath(ref)}/subpaths`;
    const { data } = await this.#transport.send(
      { method: 'GET', path, read: readJson<SubpathList> },
      options,
    );
    return data;
  }

  /**
   * Deletes a subpath where one is given, else the whole conversation with every subpath. Deleting what is
   * not there is success.
   */
  async delete(ref: EntriesRef, options?: CallOptions): Promise<void> {
    const { subpath } = ref;
    const entries = subpath === undefined ? '' : `/entries${queryOf({ subpath })}`;
    const path = transcriptPath(ref) + entries;
    await this.#transport.send({ method: 'DELETE', path, read: readText }, options);
  }
}
