/**
 * Sessions as objects answer them, read again.
 *
 * @module
 */
import type { Result } from '../../src/contract/errors.ts';
import type { Session } from '../../src/contract/session.ts';
import type { Remote } from '../../src/protocol/remote.ts';
import {
  partsOf,
  type SessionAnswer,
  type SessionRepresentation,
} from '../../src/protocol/session-representation.ts';
import type { SessionObject } from '../../src/session/session-object.ts';

/** The session that an answer represents. */
export function represented(result: Result<SessionRepresentation>): Result<Session> {
  if (!result.ok) return result;
  const { revision, json } = partsOf(result.value);
  const session = JSON.parse(json) as Session;
  if (String(session.revision) !== revision) throw new Error('The entity tag is of another revision');
  return { ok: true, value: session };
}

type Object = Remote<SessionObject>;

/** A session's object, whose representations have been read. */
export type ReadSession = {
  readonly [K in keyof Object]: Object[K] extends (...parameters: infer P) => Promise<SessionAnswer>
    ? (...parameters: P) => Promise<Result<Session>>
    : Object[K];
};

type Methods = Record<PropertyKey, (...parameters: unknown[]) => Promise<unknown>>;

const isRepresentation = (answer: unknown): answer is SessionRepresentation => typeof answer === 'string';

/** Reads what the object answers. */
export function reading(session: Object): ReadSession {
  return new Proxy(session, {
    get:
      (target, name) =>
      async (...parameters: unknown[]) => {
        // Called as a method: on a stub a property is no function that could be applied.
        const answer = await (target as Methods)[name]?.(...parameters);
        return isRepresentation(answer) ? represented({ ok: true, value: answer }) : answer;
      },
  }) as ReadSession;
}
