/**
 * `ClaudeCodeSessionManager`, the class that kept sessions in one process's memory, over Berth: change the
 * import and add `await`.
 *
 * @module
 */
import type {
  CreateSession,
  JsonObject,
  PermissionMode,
  Session,
  SessionStatus,
} from '../contract/session.ts';
import { BerthClient } from './berth-client.ts';
import { GoneError, NotFoundError } from './errors.ts';
import type { ClientOptions } from './options.ts';

/** What a session is created with. What is left out, empty or 0 has its default. */
export interface ClaudeCodeSessionConfig {
  readonly model?: string | undefined;
  /** The process's own where there is a process, else the server's `DEFAULT_CWD`. */
  readonly cwd?: string | undefined;
  /** `default` by default; `bypassPermissions` needs the scope `sessions:bypass`. */
  readonly permissionMode?: PermissionMode | undefined;
  readonly appendSystemPrompt?: string | undefined;
  /** 10 by default. */
  readonly maxTurns?: number | undefined;
  /** What JSON can say; `{}` by default. */
  readonly metadata?: Readonly<Record<string, unknown>> | undefined;
}

/** A session. Times are ISO 8601 strings in UTC with milliseconds. */
export interface ClaudeCodeSession {
  sessionId: string;
  claudeSessionId?: string;
  config: {
    model?: string;
    cwd: string;
    permissionMode: PermissionMode;
    appendSystemPrompt?: string;
    maxTurns: number;
    metadata: JsonObject;
  };
  status: SessionStatus;
  createdAt: string;
  expiresAt: string;
  lastActivity: string;
  messageCount: number;
}

/** What {@link ClaudeCodeSessionManager.getStatistics} answers. */
export interface ClaudeCodeSessionStatistics {
  totalCreated: number;
  activeCount: number;
  totalInMemory: number;
  sessionsByStatus: Record<SessionStatus, number>;
}

/** Where the manager says what it has done; `console` is one. */
export interface ManagerLogger {
  info(message: string, fields: Readonly<Record<string, unknown>>): void;
}

/**
 * The original's options, and how to reach Berth: where neither a client nor a `baseUrl` is given, as the
 * process's `BERTH_URL` and `BERTH_TOKEN` say, or at http://localhost:8787.
 */
export type ClaudeCodeSessionManagerOptions = (Partial<ClientOptions> | { readonly client: BerthClient }) & {
  /**
   * Idle timeout of the sessions that this manager creates, milliseconds, 1,000 to 2,592,000,000. The
   * server's `SESSION_TIMEOUT_MS` where left out or 0, which is one hour unless an operator changed it.
   */
  readonly sessionTimeout?: number | undefined;
  /**
   * How many sessions may be active at once. The limit is the tenant's, shared by every manager and
   * client: it is written to the registry before this manager's first create, and needs the scope
   * `registry:write`. Left out or 0, the tenant's limit stays what it is: 100 by default.
   */
  readonly maxSessions?: number | undefined;
  /** Told of what this manager creates, links and ends. Nothing is logged by default. */
  readonly logger?: ManagerLogger | undefined;
};

/** Where `npm start` serves. */
const DEFAULT_URL = 'http://localhost:8787';

/** How many sessions are read at once for a list. */
const READS_AT_ONCE = 8;

/**
 * The original's calls, each a promise. What differs, since many share one registry that loses nothing:
 *
 * - Sessions expire exactly, at `expiresAt`. From then on nothing but `client.sessions.resume` revives
 *   one: activity and linking do nothing, and ending it answers false.
 * - Expired and ended sessions stay readable, with that status, and counted in `totalInMemory` and
 *   `sessionsByStatus`, until their retention is over.
 * - Counts and limits are those of the tenant, not of this instance.
 * - Arguments are held to the API's bounds ({@link InvalidRequestError}).
 *
 * A failed call rejects with a {@link BerthError}.
 *
 * @example
 * ```ts
 * const manager = new ClaudeCodeSessionManager({ baseUrl: 'https://berth.example.com', token, maxSessions: 100 });
 * const { sessionId } = await manager.createSession({ model: 'claude-sonnet-5' });
 * await manager.updateActivity(sessionId);
 * await manager.endSession(sessionId);
 * ```
 */
export class ClaudeCodeSessionManager {
  /** The client beneath, for what the original could not do: resuming, metadata filters, transcripts. */
  readonly client: BerthClient;
  readonly #sessionTimeoutMs: number | undefined;
  readonly #maxSessions: number | undefined;
  readonly #logger: ManagerLogger | undefined;
  #limitSet: Promise<unknown> | null = null;

  constructor(options: ClaudeCodeSessionManagerOptions = {}) {
    this.client = 'client' in options ? options.client : new BerthClient(reaching(options));
    this.#sessionTimeoutMs = options.sessionTimeout || undefined;
    this.#maxSessions = options.maxSessions || undefined;
    this.#logger = options.logger;
  }

  /**
   * Creates a session.
   *
   * @throws {@link LimitReachedError} with the original's message, `Maximum sessions limit reached: N`.
   */
  async createSession(config: ClaudeCodeSessionConfig = {}): Promise<ClaudeCodeSession> {
    await this.#ensureLimit();
    const session = toOriginal(await this.client.sessions.create(this.#input(config)));
    const { model, permissionMode } = session.config;
    this.#logger?.info('Session created', { sessionId: session.sessionId, model, permissionMode });
    return session;
  }

  /** The session, past its expiry with status `expired`; null when it is unknown. */
  async getSession(sessionId: string): Promise<ClaudeCodeSession | null> {
    const session = await this.#find(sessionId);
    return session === null ? null : toOriginal(session);
  }

  /**
   * All active sessions of the tenant, oldest first. Each is read for itself, as the registry's list lags
   * behind and lacks what is long: where that is enough, `client.sessions.listAll()` costs far less.
   */
  async listSessions(): Promise<ClaudeCodeSession[]> {
    const ids: string[] = [];
    for await (const { sessionId } of this.client.sessions.listAll()) ids.push(sessionId);
    ids.reverse();
    const sessions: ClaudeCodeSession[] = [];
    for (let at = 0; at < ids.length; at += READS_AT_ONCE) {
      const read = await Promise.all(ids.slice(at, at + READS_AT_ONCE).map((id) => this.#find(id)));
      for (const session of read) if (session?.status === 'active') sessions.push(toOriginal(session));
    }
    return sessions;
  }

  /** Counts a message and slides the expiry. Does nothing where the session is unknown or not active. */
  async updateActivity(sessionId: string): Promise<void> {
    await unlessGone(this.client.sessions.touch(sessionId));
  }

  /** Links Claude's own id. Does nothing where the session is unknown or not active. */
  async updateClaudeSessionId(sessionId: string, claudeSessionId: string): Promise<void> {
    const linked = await unlessGone(this.client.sessions.link(sessionId, { claudeSessionId }));
    if (linked !== null) this.#logger?.info('Claude session linked', { sessionId, claudeSessionId });
  }

  /** Ends a session. False where it is unknown or was not active. */
  async endSession(sessionId: string): Promise<boolean> {
    const ended = await unlessGone(this.client.sessions.end(sessionId));
    if (ended === null) return false;
    const { createdAt, endedAt = createdAt, messageCount } = ended;
    const durationMs = Date.parse(endedAt) - Date.parse(createdAt);
    this.#logger?.info('Session ended', { sessionId, durationMs, messageCount });
    return true;
  }

  /** How many sessions of the tenant are active. */
  async getActiveSessionCount(): Promise<number> {
    return (await this.client.registry.stats()).activeCount;
  }

  /** How many sessions the tenant ever had. */
  async getTotalSessionCount(): Promise<number> {
    return (await this.client.registry.stats()).totalCreated;
  }

  /** The tenant's counts; `client.registry.stats()` has more. */
  async getStatistics(): Promise<ClaudeCodeSessionStatistics> {
    const { totalCreated, activeCount, totalInMemory, sessionsByStatus } = await this.client.registry.stats();
    return { totalCreated, activeCount, totalInMemory, sessionsByStatus };
  }

  /** Does nothing: sessions expire by themselves, whether or not this process lives. */
  async stopCleanupTask(): Promise<void> {}

  async #find(sessionId: string): Promise<Session | null> {
    return unlessGone(this.client.sessions.get(sessionId));
  }

  /** Writes the limit once, before the first create; a failure is that create's, and tried again by the next. */
  async #ensureLimit(): Promise<void> {
    if (this.#maxSessions === undefined) return;
    this.#limitSet ??= this.client.registry.setLimits({ maxSessions: this.#maxSessions });
    const setting = this.#limitSet;
    try {
      await setting;
    } catch (error) {
      if (this.#limitSet === setting) this.#limitSet = null;
      throw error;
    }
  }

  #input(config: ClaudeCodeSessionConfig): CreateSession {
    const { metadata } = config;
    return {
      model: config.model || undefined,
      cwd: config.cwd || processCwd(),
      permissionMode: config.permissionMode || undefined,
      appendSystemPrompt: config.appendSystemPrompt || undefined,
      maxTurns: config.maxTurns || undefined,
      // What JSON can't say of it is left out when it is sent, as ever.
      metadata: (metadata ?? undefined) as JsonObject | undefined,
      sessionTimeoutMs: this.#sessionTimeoutMs,
    };
  }
}

/** The result; null where the session is unknown or no longer active. */
async function unlessGone<T>(call: Promise<T>): Promise<T | null> {
  try {
    return await call;
  } catch (error) {
    // A plain `not_found` is another matter: the base URL is wrong.
    if (error instanceof NotFoundError && error.code === 'session_not_found') return null;
    if (error instanceof GoneError) return null;
    throw error;
  }
}

/** Where Berth is. The process's token goes to the process's address alone. */
function reaching(options: Partial<ClientOptions>): ClientOptions {
  const { baseUrl, token } = options;
  if (baseUrl !== undefined) return { ...options, baseUrl };
  const { process } = globalThis as { process?: { env?: Readonly<Record<string, string | undefined>> } };
  const { BERTH_URL, BERTH_TOKEN } = process?.env ?? {};
  return { ...options, baseUrl: BERTH_URL || DEFAULT_URL, token: token ?? (BERTH_TOKEN || undefined) };
}

/** The process's working folder; undefined where there is no process, or none that may be asked. */
function processCwd(): string | undefined {
  const { process } = globalThis as { process?: { cwd?: () => string } };
  try {
    return process?.cwd?.() || undefined;
  } catch {
    return undefined;
  }
}

/** The fields that the original had, and no others. */
function toOriginal(session: Session): ClaudeCodeSession {
  const { sessionId, claudeSessionId, status, createdAt, expiresAt, lastActivity, messageCount } = session;
  const { model, cwd, permissionMode, appendSystemPrompt, maxTurns, metadata } = session.config;
  return {
    sessionId,
    ...(claudeSessionId === undefined ? {} : { claudeSessionId }),
    config: {
      ...(model === undefined ? {} : { model }),
      cwd,
      permissionMode,
      ...(appendSystemPrompt === undefined ? {} : { appendSystemPrompt }),
      maxTurns,
      metadata,
    },
    status,
    createdAt,
    expiresAt,
    lastActivity,
    messageCount,
  };
}
