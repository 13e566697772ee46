/**
 * The oracle: the session manager that Berth generalises, in memory, written from its rules. Its clean-up,
 * which a timer ran, is run by hand.
 *
 * @module
 */
import type {
  ClaudeCodeSession,
  ClaudeCodeSessionConfig,
  ClaudeCodeSessionStatistics,
} from '../../src/client/manager.ts';

const timestamp = (time: number): string => new Date(time).toISOString();

export class OriginalManager {
  readonly #sessionTimeout: number;
  readonly #maxSessions: number;
  readonly #cwd: string;
  readonly #sessions = new Map<string, ClaudeCodeSession>();
  #totalCreated = 0;

  /** @param cwd - what `process.cwd()` was to the original. */
  constructor(options: { sessionTimeout?: number; maxSessions?: number; cwd: string }) {
    this.#sessionTimeout = options.sessionTimeout || 3_600_000;
    this.#maxSessions = options.maxSessions || 100;
    this.#cwd = options.cwd;
  }

  createSession(config: ClaudeCodeSessionConfig): ClaudeCodeSession {
    if (this.#sessions.size >= this.#maxSessions)
      throw new Error(`Maximum sessions limit reached: ${this.#maxSessions}`);
    const now = Date.now();
    const session: ClaudeCodeSession = {
      sessionId: crypto.randomUUID(),
      config: {
        ...(config.model === undefined ? {} : { model: config.model }),
        cwd: config.cwd || this.#cwd,
        permissionMode: config.permissionMode || 'default',
        ...(config.appendSystemPrompt === undefined ? {} : { appendSystemPrompt: config.appendSystemPrompt }),
        maxTurns: config.maxTurns || 10,
        metadata: (config.metadata ?? {}) as ClaudeCodeSession['config']['metadata'],
      },
      status: 'active',
      createdAt: timestamp(now),
      expiresAt: timestamp(now + this.#sessionTimeout),
      lastActivity: timestamp(now),
      messageCount: 0,
    };
    this.#sessions.set(session.sessionId, session);
    this.#totalCreated += 1;
    return structuredClone(session);
  }

  getSession(sessionId: string): ClaudeCodeSession | null {
    const session = this.#sessions.get(sessionId);
    if (session === undefined) return null;
    if (isPast(session)) session.status = 'expired';
    return structuredClone(session);
  }

  listSessions(): ClaudeCodeSession[] {
    return [...this.#sessions.values()].filter(isLive).map((session) => structuredClone(session));
  }

  updateActivity(sessionId: string): void {
    const session = this.#sessions.get(sessionId);
    if (session?.status !== 'active') return;
    const now = Date.now();
    session.lastActivity = timestamp(now);
    session.messageCount += 1;
    session.expiresAt = timestamp(now + this.#sessionTimeout);
  }

  updateClaudeSessionId(sessionId: string, claudeSessionId: string): void {
    const session = this.#sessions.get(sessionId);
    if (session !== undefined) session.claudeSessionId = claudeSessionId;
  }

  endSession(sessionId: string): boolean {
    return this.#sessions.delete(sessionId);
  }

  getActiveSessionCount(): number {
    return this.listSessions().length;
  }

  getTotalSessionCount(): number {
    return this.#totalCreated;
  }

  getStatistics(): ClaudeCodeSessionStatistics {
    const sessionsByStatus = { active: 0, expired: 0, ended: 0 };
    for (const { status } of this.#sessions.values()) sessionsByStatus[status] += 1;
    return {
      totalCreated: this.#totalCreated,
      activeCount: this.getActiveSessionCount(),
      totalInMemory: this.#sessions.size,
      sessionsByStatus,
    };
  }

  /** What the timer did every minute. Answers what it has removed. */
  cleanUp(): ClaudeCodeSession[] {
    const past = [...this.#sessions.values()].filter(isPast);
    for (const { sessionId } of past) this.#sessions.delete(sessionId);
    return past;
  }
}

const isPast = (session: ClaudeCodeSession): boolean => Date.now() > Date.parse(session.expiresAt);
const isLive = (session: ClaudeCodeSession): boolean => session.status === 'active' && !isPast(session);
