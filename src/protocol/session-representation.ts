/**
 * A session on its way to whoever asked for it.
 *
 * @module
 */
import { ok, type Failed, type Result } from '../contract/errors.ts';

/**
 * A session written out where it is known, once however often it is read: its `revision`, which is its entity tag, a
 * space, and the wire's `Session` as JSON. Text, since the platform carries that from object to object in four fifths
 * of the time that the smallest object takes.
 */
export type SessionRepresentation = `${number} ${string}`;

/** What an object answers to a call about its session: the session, with nothing around it, or what was wrong. */
export type SessionAnswer = SessionRepresentation | Failed;

/** An answer as everyone else has them. */
export function toResult(answer: SessionAnswer): Result<SessionRepresentation> {
  return typeof answer === 'string' ? ok(answer) : answer;
}

/** The two parts of a representation. */
export function partsOf(representation: SessionRepresentation): { revision: string; json: string } {
  const end = representation.indexOf(' ');
  return { revision: representation.slice(0, end), json: representation.slice(end + 1) };
}
