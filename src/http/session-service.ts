/**
 * What a request does that takes more than one object: creating, resuming.
 *
 * @module
 */
import { fail, ok, type Result } from '../contract/errors.ts';
import { newSessionId } from '../contract/session-id.ts';
import type { CreateSession } from '../contract/session.ts';
import type { SessionRepresentation } from '../protocol/session-representation.ts';
import * as lifecycle from '../session/lifecycle.ts';
import { toReport } from '../session/view.ts';
import { digest } from './digest.ts';
import type { Objects } from './objects.ts';

/** What a create has made, or has found that an earlier one had made. */
interface CreatedSession {
  readonly sessionId: string;
  readonly session: SessionRepresentation;
  readonly created: boolean;
}

/**
 * Creates a session: takes a slot, then writes the session before the reservation's deadline. Nothing is
 * taken back when the second step fails without a clear answer: the registry asks the session, later.
 */
export async function createSession(
  objects: Objects,
  input: CreateSession,
  defaults: lifecycle.SessionDefaults,
  key: string | null,
): Promise<Result<CreatedSession>> {
  const planned = lifecycle.create(newSessionId(), input, defaults, Date.now());
  const idempotency = key === null ? {} : { idempotency: { key, bodyDigest: await digest(input) } };
  const request = { sessionId: planned.record.sessionId, report: toReport(planned), ...idempotency };
  const reserved = await objects.registry((registry) => registry.reserve(request));
  if (!reserved.ok) return reserved;
  const { sessionId, deadline, repeat } = reserved.value;
  if (deadline === null) return createdBefore(objects, sessionId);
  const written = await objects.session(sessionId, 'repeatable', (session) =>
    session.create(sessionId, input, defaults, deadline),
  );
  return written.ok ? ok({ sessionId, session: written.value, created: !repeat }) : written;
}

async function createdBefore(objects: Objects, sessionId: string): Promise<Result<CreatedSession>> {
  const found = await objects.session(sessionId, 'repeatable', (session) => session.get());
  if (found.ok) return ok({ sessionId, session: found.value, created: false });
  return found.error.code === 'session_not_found'
    ? fail('conflict', 'The session that this idempotency key created is gone.')
    : found;
}

/**
 * Resumes an expired session: takes a slot, then writes the session before the deadline. Where it changed
 * between the two, as when someone else resumes it, its new state decides.
 */
export async function resumeSession(
  objects: Objects,
  sessionId: string,
): Promise<Result<SessionRepresentation>> {
  const first = await tryResume(objects, sessionId);
  return !first.ok && first.error.code === 'conflict' ? tryResume(objects, sessionId) : first;
}

async function tryResume(objects: Objects, sessionId: string): Promise<Result<SessionRepresentation>> {
  const plan = await objects.resumePlan(sessionId);
  if (!plan.ok) return plan;
  const { session, next } = plan.value;
  if (next === null) return ok(session);
  const { report, expired, version } = next;
  const reserved = await objects.registry((registry) => registry.reserve({ sessionId, report, expired }));
  if (!reserved.ok) return reserved;
  const { deadline } = reserved.value;
  if (deadline === null) return fail('conflict', 'The session has changed meanwhile. Try again.');
  return objects.session(sessionId, 'repeatable', (stub) => stub.resume(version, deadline));
}
