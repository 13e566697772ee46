/**
 * What the demonstration plays on: a server, a limit that is put back, and the table that tells of it.
 *
 * @module
 */
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { RegistryLimits, RegistryStats } from '../src/contract/registry.ts';
import type { CreateSession, Session, SessionPage } from '../src/contract/session.ts';
import { valueOf, type Answer, type Api } from './api.ts';
import { head, row, type Column } from './table.ts';

/** A session reports to the registry off the path of its answer: this long after it, that was heard. */
const REPORT_MS = 250;
/** How long after its time a session may go on being counted before something is wrong. */
const EXPIRY_PATIENCE_MS = 10_000;
const POLL_MS = 100;

const STEPS: readonly Column[] = [
  { title: 'step', width: 4, align: 'right' },
  { title: 'what was done', width: 51, align: 'left' },
  { title: 'active/max', width: 10, align: 'right' },
  { title: 'expired', width: 7, align: 'right' },
  { title: 'ended', width: 5, align: 'right' },
  { title: 'rejected', width: 8, align: 'right' },
  { title: 'messages', width: 8, align: 'right' },
];
const SESSIONS: readonly Column[] = [
  { title: 'session', width: 36, align: 'left' },
  { title: 'task', width: 8, align: 'left' },
  { title: 'model', width: 16, align: 'left' },
  { title: 'status', width: 8, align: 'left' },
  { title: 'messages', width: 8, align: 'right' },
  { title: 'lived', width: 7, align: 'right' },
];

export class Stage {
  readonly #server: Api;
  readonly #interrupted: AbortSignal;
  /** In the metadata of each session of this run: by it they are told from those of others. */
  readonly #run = randomUUID();
  #limit: { readonly found: number; readonly ours: number } | null = null;
  #steps = 0;

  constructor(server: Api, interrupted: AbortSignal) {
    this.#server = server;
    this.#interrupted = interrupted;
  }

  /**
   * Prints a line of the table: what was just done, and what the registry says now.
   *
   * @throws the reason of the interruption, if there was one.
   */
  async tell(done: string): Promise<void> {
    await sleep(REPORT_MS);
    if (this.#steps === 0) console.log(head(STEPS));
    this.#steps += 1;
    const stats = await this.stats();
    const numbers = [stats.totalExpired, stats.totalEnded, stats.totalRejected, stats.totalMessages];
    const slots = `${stats.activeCount}/${stats.maxSessions}`;
    console.log(row(STEPS, [String(this.#steps), done, slots, ...numbers.map(String)]));
    this.#interrupted.throwIfAborted();
  }

  async stats(): Promise<RegistryStats> {
    return valueOf(await this.#server.call<RegistryStats>('GET', '/v1/registry/stats'));
  }

  /**
   * Lowers the limit until {@link tidy}, so that only `room` sessions more are admitted.
   *
   * @throws if there is less room than that: a limit is never raised here.
   */
  async leaveRoomFor(room: number): Promise<{ found: number; ours: number }> {
    const { activeCount, maxSessions: found } = await this.stats();
    const ours = activeCount + room;
    if (found < ours)
      throw new Error(`${activeCount} of ${found} slots are taken, and the demonstration needs ${room}.`);
    // Noted first: an answer that is lost must not leave the limit as it is.
    this.#limit = { found, ours };
    await this.#setLimit(ours);
    return this.#limit;
  }

  /** Asks for a session; there may be no room for it. */
  request(task: string, body: CreateSession): Promise<Answer<Session>> {
    const metadata = { task, demo: this.#run };
    return this.#server.call<Session>('POST', '/v1/sessions', { ...body, metadata });
  }

  async create(task: string, body: CreateSession): Promise<Session> {
    return valueOf(await this.request(task, body));
  }

  touch({ sessionId }: Session, messages: number): Promise<Answer<Session>> {
    return this.#server.call<Session>('POST', `/v1/sessions/${sessionId}/activity`, { messages });
  }

  /** Links a session to a new conversation of Claude's. */
  async link({ sessionId }: Session): Promise<Session> {
    const body = { claudeSessionId: randomUUID() };
    return valueOf(
      await this.#server.call<Session>('PUT', `/v1/sessions/${sessionId}/claude-session-id`, body),
    );
  }

  async resume({ sessionId }: Session): Promise<Session> {
    return valueOf(await this.#server.call<Session>('POST', `/v1/sessions/${sessionId}/resume`));
  }

  async end({ sessionId }: Session): Promise<Session> {
    return valueOf(await this.#server.call<Session>('DELETE', `/v1/sessions/${sessionId}`));
  }

  /**
   * Does nothing until the registry no longer counts these sessions as active.
   *
   * @throws if that takes longer than it may; the reason of an interruption.
   */
  async idle(sessions: readonly Session[]): Promise<void> {
    const due = Math.max(...sessions.map(({ expiresAt }) => Date.parse(expiresAt)));
    while (Date.now() < due + EXPIRY_PATIENCE_MS) {
      const active = new Set((await this.#list('active')).map(({ sessionId }) => sessionId));
      if (!sessions.some(({ sessionId }) => active.has(sessionId))) return;
      await sleep(POLL_MS);
      this.#interrupted.throwIfAborted();
    }
    throw new Error(`Sessions are still active ${EXPIRY_PATIENCE_MS / 1_000} s after their time.`);
  }

  /** Ends what is still active of this run, and puts the limit back. Does both even if one fails. */
  async tidy(): Promise<void> {
    const outcomes = await Promise.allSettled([this.#endAll(), this.#restoreLimit()]);
    const failed = outcomes.find((outcome) => outcome.status === 'rejected');
    if (failed !== undefined) throw failed.reason;
  }

  /** Prints the sessions of this run as they are kept. */
  async tellWhatIsKept(): Promise<void> {
    console.log(head(SESSIONS));
    for (const session of (await this.#list('all')).toReversed()) {
      const { sessionId, config, status, messageCount, createdAt, endedAt } = session;
      const lived = (Date.parse(endedAt ?? new Date().toISOString()) - Date.parse(createdAt)) / 1_000;
      const { task } = config.metadata;
      const words = [sessionId, typeof task === 'string' ? task : '', config.model ?? '', status];
      console.log(row(SESSIONS, [...words, String(messageCount), `${lived.toFixed(1)} s`]));
    }
  }

  async #list(status: 'active' | 'all'): Promise<SessionPage['data']> {
    const path = `/v1/sessions?status=${status}&limit=100&metadata.demo=${this.#run}`;
    return valueOf(await this.#server.call<SessionPage>('GET', path)).data;
  }

  async #endAll(): Promise<void> {
    for (const { sessionId } of await this.#list('active')) {
      const answer = await this.#server.call('DELETE', `/v1/sessions/${sessionId}`);
      // One that expired meanwhile is as good as ended.
      if (answer.status !== 410) valueOf(answer);
    }
  }

  async #setLimit(maxSessions: number): Promise<void> {
    valueOf(await this.#server.call('PUT', '/v1/registry/limits', { maxSessions }));
  }

  async #restoreLimit(): Promise<void> {
    if (this.#limit === null) return;
    const { found, ours } = this.#limit;
    const now = valueOf(await this.#server.call<RegistryLimits>('GET', '/v1/registry/limits'));
    // Whoever has set another limit meanwhile means it.
    if (now.maxSessions !== ours) return;
    await this.#setLimit(found).catch((cause: unknown) => {
      throw new Error(`The limit could not be put back: set maxSessions to ${found} by hand.`, { cause });
    });
  }
}
