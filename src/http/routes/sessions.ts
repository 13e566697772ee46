/**
 * `/v1/sessions`
 *
 * @module
 */
import { ok } from '../../contract/errors.ts';
import { EndQuery, ListQuery, NoQuery } from '../../contract/queries.ts';
import {
  CreateSession,
  LinkClaudeSession,
  NoBody,
  PatchSession,
  Session,
  SessionPage,
  TouchSession,
} from '../../contract/session.ts';
import { answer, answerSession, bypassAllowed, defaultsOf, objectsOf, onSession } from '../caller.ts';
import { readIdempotencyKey, readIfMatch } from '../input.ts';
import { UNBOUNDED, type Repeatable } from '../objects.ts';
import { problem } from '../problem.ts';
import { route, type Route } from '../route.ts';
import { listSessions } from '../session-list.ts';
import { createSession, resumeSession } from '../session-service.ts';

const tag = 'Sessions';

/** With If-Match a second attempt could meet the first one's revision, and deny what was done. */
function repeatableWith(ifMatch: readonly number[] | null): Repeatable {
  return ifMatch === null ? 'repeatable' : 'once';
}

export const sessionRoutes: readonly Route[] = [
  route({
    method: 'POST',
    path: '/v1/sessions',
    scope: 'sessions:write',
    creates: true,
    tag,
    summary: 'Create a session',
    headers: ['Idempotency-Key'],
    body: { schema: CreateSession, required: false },
    query: NoQuery,
    answers: {
      201: { description: 'Created. `Location` is its address.', schema: Session },
      200: { description: 'The idempotency key was known: the session as it is now.', schema: Session },
    },
    errors: ['max_sessions_reached', 'idempotency_key_reused', 'conflict'],
    async handle(c, { body }) {
      const allowed = bypassAllowed(c, body.permissionMode);
      if (!allowed.ok) return problem(c, allowed.error);
      const key = readIdempotencyKey(c);
      if (!key.ok) return problem(c, key.error);
      const made = await createSession(objectsOf(c), body, defaultsOf(c), key.value);
      if (!made.ok) return problem(c, made.error);
      const { session, sessionId, created } = made.value;
      return answerSession(c, ok(session), created ? `/v1/sessions/${sessionId}` : undefined);
    },
  }),
  route({
    method: 'GET',
    path: '/v1/sessions',
    scope: 'sessions:read',
    tag,
    summary: 'List sessions, newest first',
    query: ListQuery,
    answers: { 200: { description: 'A page of sessions.', schema: SessionPage } },
    errors: [],
    async handle(c, { query }) {
      return answer(c, await listSessions(objectsOf(c), c.get('principal').tenant, query));
    },
  }),
  route({
    method: 'GET',
    path: '/v1/sessions/:id',
    scope: 'sessions:read',
    session: true,
    tag,
    summary: 'Get a session',
    query: NoQuery,
    answers: { 200: { description: 'The session. `ETag` is its revision.', schema: Session } },
    errors: ['session_not_found'],
    handle: (c) =>
      onSession(c, (objects, id) => objects.session(id, 'repeatable', (session) => session.get(), UNBOUNDED)),
  }),
  route({
    method: 'PATCH',
    path: '/v1/sessions/:id',
    scope: 'sessions:write',
    session: true,
    tag,
    summary: 'Change configuration and limits by JSON merge patch',
    headers: ['If-Match'],
    body: { schema: PatchSession, required: true },
    query: NoQuery,
    answers: { 200: { description: 'The session, changed.', schema: Session } },
    errors: ['session_not_found', 'session_expired', 'session_ended', 'precondition_failed'],
    async handle(c, { body }) {
      const allowed = bypassAllowed(c, body.permissionMode);
      if (!allowed.ok) return problem(c, allowed.error);
      const ifMatch = readIfMatch(c);
      return onSession(c, (objects, id) =>
        objects.session(id, repeatableWith(ifMatch), (session) =>
          session.patch(body, defaultsOf(c), ifMatch),
        ),
      );
    },
  }),
  route({
    method: 'POST',
    path: '/v1/sessions/:id/activity',
    scope: 'sessions:write',
    session: true,
    tag,
    summary: 'Count activity and slide the idle timeout',
    headers: ['Idempotency-Key'],
    body: { schema: TouchSession, required: false, textless: true },
    query: NoQuery,
    answers: { 200: { description: 'The session, touched.', schema: Session } },
    errors: ['session_not_found', 'session_expired', 'session_ended', 'idempotency_key_reused'],
    async handle(c, { body }) {
      const key = readIdempotencyKey(c);
      if (!key.ok) return problem(c, key.error);
      // Never repeated from here: a caller that repeats a touch sends its key again.
      return onSession(c, (objects, id) =>
        objects.session(id, 'once', (session) => session.touch(body.messages, key.value), UNBOUNDED),
      );
    },
  }),
  route({
    method: 'PUT',
    path: '/v1/sessions/:id/claude-session-id',
    scope: 'sessions:write',
    session: true,
    tag,
    summary: 'Link the id of a Claude conversation',
    headers: ['If-Match'],
    body: { schema: LinkClaudeSession, required: true },
    query: NoQuery,
    answers: { 200: { description: 'The session, linked.', schema: Session } },
    errors: ['session_not_found', 'session_expired', 'session_ended', 'precondition_failed'],
    async handle(c, { body }) {
      const ifMatch = readIfMatch(c);
      return onSession(c, (objects, id) =>
        objects.session(id, repeatableWith(ifMatch), (session) => session.link(body, ifMatch)),
      );
    },
  }),
  route({
    method: 'POST',
    path: '/v1/sessions/:id/resume',
    scope: 'sessions:write',
    session: true,
    tag,
    summary: 'Make an expired session active again, if there is room',
    body: { schema: NoBody, required: false, textless: true },
    query: NoQuery,
    answers: { 200: { description: 'The session, active.', schema: Session } },
    errors: ['session_not_found', 'session_expired', 'session_ended', 'max_sessions_reached', 'conflict'],
    handle: (c) => onSession(c, resumeSession),
  }),
  route({
    method: 'DELETE',
    path: '/v1/sessions/:id',
    scope: 'sessions:write',
    session: true,
    tag,
    summary: 'End a session and free its slot; with purge=true, erase it whatever its status',
    headers: ['If-Match'],
    query: EndQuery,
    answers: { 200: { description: 'The final session.', schema: Session } },
    errors: ['session_not_found', 'session_expired', 'session_ended', 'precondition_failed'],
    handle: (c, { query }) =>
      onSession(c, (objects, id) =>
        // A second attempt would find the session ended, and answer 410 to the one who ended it.
        objects.session(id, 'once', (session) => session.end(query.purge, readIfMatch(c))),
      ),
  }),
];
