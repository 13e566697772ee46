/**
 * `/v1/sessions`
 *
 * @module
 */
import { MAX_PAGE_SIZE } from '../contract/limits.ts';
import type {
  CreateSession,
  LinkClaudeSession,
  ListedSession,
  ListStatus,
  PatchSession,
  Session,
  SessionPage,
  TouchSession,
} from '../contract/session.ts';
import { newIdempotencyKey } from './idempotency-key.ts';
import type { CallOptions, ConditionalOptions, KeyedOptions, SlotOptions } from './options.ts';
import { itemsOf } from './pages.ts';
import { queryOf, sessionPath } from './path.ts';
import { readJson, type Transport } from './transport.ts';

/** Which sessions a list holds; filters are ANDed. */
export interface SessionFilter {
  /** `active` by default. */
  readonly status?: ListStatus | undefined;
  readonly model?: string | undefined;
  readonly claudeSessionId?: string | undefined;
  /** Top-level metadata and the text that its values must have: `{ team: 'search', urgent: true }`. */
  readonly metadata?: Readonly<Record<string, string | number | boolean>> | undefined;
  /** Sessions a page, 1 to 100. */
  readonly limit?: number | undefined;
}

/** One page of a list. */
export interface SessionQuery extends SessionFilter {
  /** `nextCursor` of the page before, from a list with the same filters. */
  readonly cursor?: string | undefined;
}

/** Sessions. Reach it as `client.sessions`. */
export class Sessions {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /**
   * Creates a session. Attempts share an idempotency key, so that a lost answer creates no second one.
   *
   * @throws {@link LimitReachedError} where the tenant has as many as it may, unless `waitForSlotMs` is
   * given and a slot comes free.
   * @example
   * ```ts
   * const session = await client.sessions.create(
   *   { model: 'claude-sonnet-5', metadata: { team: 'search' }, sessionTimeoutMs: 600_000 },
   *   { waitForSlotMs: 30_000 },
   * );
   * ```
   */
  create(input: CreateSession = {}, options: KeyedOptions & SlotOptions = {}): Promise<Session> {
    const idempotencyKey = options.idempotencyKey ?? newIdempotencyKey();
    return this.#transport.send(
      { method: 'POST', path: '/v1/sessions', body: input, idempotencyKey, read: readJson<Session> },
      options,
    );
  }

  /**
   * One session. Past its `expiresAt` its status is `expired`.
   *
   * @throws {@link NotFoundError} where it is unknown, or past its retention.
   */
  async get(sessionId: string, options?: CallOptions): Promise<Session> {
    return this.#transport.send(
      { method: 'GET', path: sessionPath(sessionId), read: readJson<Session> },
      options,
    );
  }

  /** One page of sessions, newest first. They lack what is long, and are as of their `reportedAt`. */
  async list(query: SessionQuery = {}, options?: CallOptions): Promise<SessionPage> {
    const { metadata = {}, status, limit, cursor, model, claudeSessionId } = query;
    const labels = Object.entries(metadata).map(([name, value]) => [`metadata.${name}`, value]);
    const parameters = { status, limit, cursor, model, claudeSessionId, ...Object.fromEntries(labels) };
    return this.#transport.send(
      { method: 'GET', path: `/v1/sessions${queryOf(parameters)}`, read: readJson<SessionPage> },
      options,
    );
  }

  /**
   * Every session of a list, newest first, fetched a page at a time.
   *
   * @example
   * ```ts
   * for await (const session of client.sessions.listAll({ metadata: { team: 'search' } })) {
   *   console.log(session.sessionId, session.expiresAt);
   * }
   * ```
   */
  listAll(filter: SessionFilter = {}, options?: CallOptions): AsyncGenerator<ListedSession, void, undefined> {
    return itemsOf((cursor) => this.list({ limit: MAX_PAGE_SIZE, ...filter, cursor }, options));
  }

  /**
   * Changes configuration and limits by JSON merge patch (RFC 7396): null restores a default. Counts as no
   * activity. With `ifMatch` it is not attempted again once its outcome is unknown.
   *
   * @throws {@link GoneError} where the session is not active; {@link PreconditionFailedError} where it is
   * not at the revision `ifMatch`.
   */
  async update(sessionId: string, patch: PatchSession, options: ConditionalOptions = {}): Promise<Session> {
    return this.#transport.send(
      {
        method: 'PATCH',
        path: sessionPath(sessionId),
        body: patch,
        ifMatch: options.ifMatch,
        onceOnly: options.ifMatch !== undefined,
        read: readJson<Session>,
      },
      options,
    );
  }

  /**
   * Counts activity and slides the idle timeout. Attempts share an idempotency key, so that nothing is
   * counted twice.
   *
   * @param activity - `messages` to add to `messageCount`, 0 to 1,000; 1 by default.
   * @throws {@link GoneError} where the session is not active.
   */
  async touch(
    sessionId: string,
    activity: Partial<TouchSession> = {},
    options: KeyedOptions = {},
  ): Promise<Session> {
    return this.#transport.send(
      {
        method: 'POST',
        path: sessionPath(sessionId, '/activity'),
        body: activity,
        idempotencyKey: options.idempotencyKey ?? newIdempotencyKey(),
        read: readJson<Session>,
      },
      options,
    );
  }

  /**
   * Links the id of a Claude conversation, which becomes the current one. Counts as no activity. With
   * `ifMatch` it is not attempted again once its outcome is unknown.
   *
   * @throws {@link GoneError} where the session is not active; {@link PreconditionFailedError}.
   */
  async link(sessionId: string, link: LinkClaudeSession, options: ConditionalOptions = {}): Promise<Session> {
    return this.#transport.send(
      {
        method: 'PUT',
        path: sessionPath(sessionId, '/claude-session-id'),
        body: link,
        ifMatch: options.ifMatch,
        onceOnly: options.ifMatch !== undefined,
        read: readJson<Session>,
      },
      options,
    );
  }

  /**
   * Makes an expired session active again, with a fresh timeout. An active one stays as it is.
   *
   * @throws {@link GoneError} where it was ended, or is past its absolute lifetime;
   * {@link LimitReachedError} where there is no room.
   */
  async resume(sessionId: string, options?: SlotOptions): Promise<Session> {
    return this.#transport.send(
      { method: 'POST', path: sessionPath(sessionId, '/resume'), read: readJson<Session> },
      options,
    );
  }

  /**
   * Ends a session and frees its slot. Where the answer of an attempt was lost and the next one finds the
   * session ended, that is success.
   *
   * @returns the final session.
   * @throws {@link GoneError} where it was not active; {@link PreconditionFailedError}.
   */
  async end(sessionId: string, options: ConditionalOptions = {}): Promise<Session> {
    const path = sessionPath(sessionId);
    return this.#transport.send(
      {
        method: 'DELETE',
        path,
        ifMatch: options.ifMatch,
        read: readJson<Session>,
        recover: async (error) => {
          if (error.code !== 'session_ended') throw error;
          return this.get(sessionId, options);
        },
      },
      options,
    );
  }

  /**
   * Erases a session at once, whatever its status; ends it first if it is active.
   *
   * @returns the final session; null where an attempt whose answer was lost has erased it.
   * @throws {@link NotFoundError} where there is none; {@link PreconditionFailedError}.
   */
  async purge(sessionId: string, options: ConditionalOptions = {}): Promise<Session | null> {
    return this.#transport.send<Session | null>(
      {
        method: 'DELETE',
        path: `${sessionPath(sessionId)}?purge=true`,
        ifMatch: options.ifMatch,
        read: readJson<Session>,
        recover: async (error) => {
          if (error.code !== 'session_not_found') throw error;
          return null;
        },
      },
      options,
    );
  }
}
