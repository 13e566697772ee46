/**
 * Scripts of calls to a session manager, run on Berth and on the original.
 *
 * @module
 */
import { ClaudeCodeSessionManager, type ClaudeCodeSession } from '../../src/client/manager.ts';
import { appClient } from './app-fetch.ts';
import { runSessionAlarm, travel } from './clock.ts';
import { OriginalManager } from './original-manager.ts';

const TIMEOUT_MS = 60_000;
const MAX_SESSIONS = 4;

/** What `process.cwd()` is to both. */
export const CWD = '/home/me/project';

/** A step of a script. `session` counts through those that the script has created, round and round. */
export type Step =
  | { readonly call: 'create'; readonly config: Record<string, unknown> }
  | { readonly call: 'get' | 'touch' | 'link' | 'end'; readonly session: number }
  | { readonly call: 'list' | 'counts' }
  | { readonly call: 'wait'; readonly ms: number };

/** The ids of a script's sessions, which are random: results name each by the order of creation instead. */
class Names {
  readonly ids: string[] = [];

  idOf(index: number): string {
    return this.ids[index % this.ids.length] ?? 'unknown';
  }

  add(session: ClaudeCodeSession): unknown {
    this.ids.push(session.sessionId);
    return this.named(session);
  }

  named(session: ClaudeCodeSession | null): unknown {
    return session === null ? null : { ...session, sessionId: this.ids.indexOf(session.sessionId) };
  }
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/**
 * The original, with the differences that are meant: its clean-up is exact, so that nothing revives what
 * has expired, and what has expired or ended stays readable and counted.
 */
export class ExpectedRun {
  readonly #original = new OriginalManager({
    sessionTimeout: TIMEOUT_MS,
    maxSessions: MAX_SESSIONS,
    cwd: CWD,
  });
  readonly #gone = new Map<string, ClaudeCodeSession>();
  readonly #names = new Names();

  run(step: Step): unknown {
    // A read alone finds what has expired still there, as the original did until the next clean-up.
    if (step.call !== 'get') this.#cleanUp();
    const original = this.#original;
    switch (step.call) {
      case 'create':
        return this.#create(step.config);
      case 'get':
        return this.#names.named(this.#get(this.#names.idOf(step.session)));
      case 'touch':
        return original.updateActivity(this.#names.idOf(step.session));
      case 'link':
        return original.updateClaudeSessionId(this.#names.idOf(step.session), `c${step.session}`);
      case 'end':
        return this.#end(this.#names.idOf(step.session));
      case 'list':
        return original.listSessions().map((session) => this.#names.named(session));
      case 'counts':
        return this.#counts();
      case 'wait':
        break;
    }
    return undefined;
  }

  #create(config: Record<string, unknown>): unknown {
    try {
      return this.#names.add(this.#original.createSession(config));
    } catch (error) {
      return messageOf(error);
    }
  }

  #get(id: string): ClaudeCodeSession | null {
    return this.#original.getSession(id) ?? this.#gone.get(id) ?? null;
  }

  #end(id: string): boolean {
    const session = this.#original.getSession(id);
    if (session !== null) this.#gone.set(id, { ...session, status: 'ended' });
    return this.#original.endSession(id);
  }

  #cleanUp(): void {
    for (const session of this.#original.cleanUp())
      this.#gone.set(session.sessionId, { ...session, status: 'expired' });
  }

  #counts(): unknown {
    const { sessionsByStatus, totalInMemory, ...statistics } = this.#original.getStatistics();
    const kept = { ...sessionsByStatus };
    for (const { status } of this.#gone.values()) kept[status] += 1;
    return [
      this.#original.getActiveSessionCount(),
      this.#original.getTotalSessionCount(),
      { ...statistics, totalInMemory: totalInMemory + this.#gone.size, sessionsByStatus: kept },
    ];
  }
}

/** The manager over the real objects. */
export class RealRun {
  readonly #manager = new ClaudeCodeSessionManager({
    client: appClient(),
    sessionTimeout: TIMEOUT_MS,
    maxSessions: MAX_SESSIONS,
  });
  readonly #names = new Names();

  async run(step: Step): Promise<unknown> {
    const manager = this.#manager;
    switch (step.call) {
      case 'create':
        return this.#create(step.config);
      case 'get':
        return this.#names.named(await manager.getSession(this.#names.idOf(step.session)));
      case 'touch':
        return manager.updateActivity(this.#names.idOf(step.session));
      case 'link':
        return manager.updateClaudeSessionId(this.#names.idOf(step.session), `c${step.session}`);
      case 'end':
        return manager.endSession(this.#names.idOf(step.session));
      case 'list':
        return (await manager.listSessions()).map((session) => this.#names.named(session));
      case 'counts':
        return [
          await manager.getActiveSessionCount(),
          await manager.getTotalSessionCount(),
          await manager.getStatistics(),
        ];
      case 'wait':
        break;
    }
    return this.#wait(step.ms);
  }

  async #create(config: Record<string, unknown>): Promise<unknown> {
    try {
      return this.#names.add(await this.#manager.createSession(config));
    } catch (error) {
      return messageOf(error);
    }
  }

  /** Moves the clock. Alarms fire by the real one, so they are run here; one always stands. */
  async #wait(ms: number): Promise<void> {
    travel(ms);
    for (const id of this.#names.ids) {
      if (!(await runSessionAlarm(id))) throw new Error(`No alarm stands for ${id}`);
    }
  }
}
