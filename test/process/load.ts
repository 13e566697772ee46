/**
 * Clients that create, touch and end sessions all at once, and what they know of them: what was answered
 * holds, what was asked and not answered may have happened or not.
 *
 * @module
 */
import { randomUUID } from 'node:crypto';
import type { Answer, Api } from '../../scripts/api.ts';
import type { CreateSession, Session } from '../../src/contract/session.ts';

const CLIENTS = 24;
/** The shortest timeout that there is. */
export const SHORT_TIMEOUT_MS = 1_000;
const LONG_TIMEOUT_MS = 3_600_000;
/** What a client may hear under load; anything else would be a fault of the server. */
const EXPECTED_STATUSES = new Set([200, 201, 410, 429]);

/** What is known of a session. */
export interface Known {
  readonly sessionId: string;
  readonly short: boolean;
  /** Messages whose touch was answered, and those whose touch was not. */
  answered: number;
  unanswered: number;
  ending: 'none' | 'asked' | 'ended' | 'expired';
}

/** A create whose answer never came. */
export interface LostCreate {
  readonly body: CreateSession;
  /** Null where it came without an idempotency key. */
  readonly key: string | null;
}

const below = (bound: number): number => Math.floor(Math.random() * bound);

export class Load {
  readonly known = new Map<string, Known>();
  /** Since they were last taken. */
  lostCreates: LostCreate[] = [];
  /** Answers that no client should get. */
  readonly surprises: string[] = [];

  /**
   * Has all clients work until the server is gone.
   *
   * @param isKilled whether it was killed: before that every request must have an answer.
   */
  async run(api: Api, isKilled: () => boolean): Promise<void> {
    const client = async (): Promise<void> => {
      while (!isKilled()) {
        try {
          await this.#step(api);
        } catch (error) {
          if (isKilled()) return;
          throw error;
        }
      }
    };
    await Promise.all(Array.from({ length: CLIENTS }, client));
  }

  /** Takes over what a session is read to be. */
  learn(session: Session): Known {
    const { sessionId, status, messageCount, sessionTimeoutMs } = session;
    const known = {
      sessionId,
      short: sessionTimeoutMs === SHORT_TIMEOUT_MS,
      answered: messageCount,
      unanswered: 0,
      ending: status === 'active' ? ('none' as const) : status,
    };
    this.known.set(sessionId, known);
    return known;
  }

  async #step(api: Api): Promise<void> {
    const dice = Math.random();
    const known = this.#any();
    if (known === undefined || dice < 0.3) await this.#create(api);
    else if (dice < 0.85) await this.#touch(api, known);
    else await this.#end(api, known);
  }

  /** A session that its clients have not heard the end of. Several may have the same one in hand. */
  #any(): Known | undefined {
    const open = [...this.known.values()].filter(({ ending }) => ending === 'none');
    return open[below(open.length)];
  }

  async #create(api: Api): Promise<void> {
    const sessionTimeoutMs = Math.random() < 0.5 ? SHORT_TIMEOUT_MS : LONG_TIMEOUT_MS;
    const lost: LostCreate = { body: { sessionTimeoutMs }, key: below(2) === 0 ? randomUUID() : null };
    this.lostCreates.push(lost);
    const headers: Record<string, string> = lost.key === null ? {} : { 'Idempotency-Key': lost.key };
    const answer = await api.call<Session>('POST', '/v1/sessions', lost.body, headers);
    this.lostCreates.splice(this.lostCreates.indexOf(lost), 1);
    if (this.#expected('create', answer)) this.learn(answer.value);
  }

  async #touch(api: Api, known: Known): Promise<void> {
    const messages = 1 + below(3);
    known.unanswered += messages;
    const path = `/v1/sessions/${known.sessionId}/activity`;
    const answer = await api.call<Session>('POST', path, { messages });
    known.unanswered -= messages;
    if (this.#expected('touch', answer)) known.answered += messages;
    else this.#gone(known, answer);
  }

  async #end(api: Api, known: Known): Promise<void> {
    if (known.ending === 'none') known.ending = 'asked';
    const answer = await api.call<Session>('DELETE', `/v1/sessions/${known.sessionId}`);
    if (this.#expected('end', answer)) known.ending = 'ended';
    else this.#gone(known, answer);
  }

  #gone(known: Known, answer: Answer<Session>): void {
    if (answer.ok) return;
    if (answer.problem.code === 'session_ended') known.ending = 'ended';
    if (answer.problem.code === 'session_expired') known.ending = 'expired';
  }

  #expected(
    what: string,
    answer: Answer<Session>,
  ): answer is Extract<Answer<Session>, { readonly ok: true }> {
    if (!EXPECTED_STATUSES.has(answer.status))
      this.surprises.push(`${what}: ${answer.status} ${JSON.stringify(answer)}`);
    return answer.ok;
  }
}
