/**
 * A session on its way to whoever asked for it.
 *
 * @module
 */
import { ok, type Failed, type Result } from '../contract/errors.ts';

/**
 * A session written out where it is known, once however often it is read: its `revision`, which is its entity tag, a
 * space, and the wire's `Session` as JSON. One text, since whatever object crosses instead costs the platform a disposer
 * on each side: a call that answers with one takes a fifth longer.
 */
export type SessionRepresentation = `${number} ${string}`;

/** What an object answers to a call that answers with its session: that, with nothing around it, or what was wrong. */
export type SessionAnswer = SessionRepresentation | Failed;

/**
 * An answer as everyone else has them.
 *
 * @throws Error to be retried, where an object from before a deploy answers in another way.
 */
export function toResult(answer: SessionAnswer): Result<SessionRepresentation> {
  if (typeof answer === 'string') return ok(answer);
  if (!answer.ok) return answer;
  throw Object.assign(new Error('The object answers as another version'), { retryable: true });
}

/** The two parts of a representation. */
export function partsOf(representation: SessionRepresentation): { revision: string; json: string } {
  const end = representation.indexOf(' ');
  return { revision: representation.slice(0, end), json: representation.slice(end + 1) };
}
