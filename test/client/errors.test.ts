import { describe, expect, it } from 'vitest';
import * as client from '../../src/client/index.ts';
import { ERRORS, type ErrorCode } from '../../src/contract/errors.ts';
import { appClient } from '../support/app-fetch.ts';
import { problemAnswer, scripted } from '../support/scripted-fetch.ts';

const ID = '019e0000-0000-7000-8000-000000000000';

const KINDS: Record<ErrorCode, typeof client.BerthError> = {
  invalid_request: client.InvalidRequestError,
  unauthenticated: client.AuthenticationError,
  forbidden: client.PermissionDeniedError,
  session_not_found: client.NotFoundError,
  transcript_not_found: client.NotFoundError,
  not_found: client.NotFoundError,
  method_not_allowed: client.InvalidRequestError,
  conflict: client.ConflictError,
  session_expired: client.GoneError,
  session_ended: client.GoneError,
  precondition_failed: client.PreconditionFailedError,
  payload_too_large: client.PayloadTooLargeError,
  unsupported_media_type: client.InvalidRequestError,
  idempotency_key_reused: client.IdempotencyKeyReusedError,
  max_sessions_reached: client.LimitReachedError,
  rate_limited: client.RateLimitedError,
  internal: client.ServerError,
  overloaded: client.ServerError,
  auth_not_configured: client.ServerError,
};

async function failure(call: Promise<unknown>): Promise<client.BerthError> {
  const error: unknown = await call.then(
    () => new Error('The call has succeeded'),
    (caught: unknown) => caught,
  );
  if (!(error instanceof client.BerthError)) throw error;
  return error;
}

describe('an error of the server', () => {
  it.each(Object.keys(ERRORS) as ErrorCode[])(
    '%s has its class, and all that the answer says',
    async (code) => {
      const errors = [{ path: 'limit', message: 'Too much' }];
      const answer = problemAnswer(
        code,
        { 'Retry-After': '7' },
        code === 'invalid_request' ? { errors } : {},
      );
      const error = await failure(scripted([answer], { maxAttempts: 1 }).client.sessions.get(ID));
      expect(error.constructor).toBe(KINDS[code]);
      expect(error).toMatchObject({
        name: KINDS[code].name,
        code,
        status: ERRORS[code].status,
        requestId: 'request-1',
        detail: `About ${code}.`,
        message: `About ${code}.${code === 'invalid_request' ? ' (limit: Too much)' : ''}`,
        errors: code === 'invalid_request' ? errors : [],
        retryAfterS: 7,
      });
    },
  );

  it('has the summary that an append conflicts with', async () => {
    const current = { data: { title: 'Later' }, version: 4 };
    const { client: berth } = scripted([problemAnswer('conflict', {}, { current })]);
    const append = berth.transcripts.append({ project: 'p', session: 's' }, { entries: [] });
    expect(await failure(append)).toMatchObject({ name: 'ConflictError', current });
    const other = scripted([problemAnswer('conflict')]);
    expect(await failure(other.client.sessions.create())).toMatchObject({ current: null });
  });

  it.each([
    [404, client.NotFoundError, 'not_found'],
    [429, client.RateLimitedError, 'rate_limited'],
    [520, client.ServerError, 'internal'],
    [503, client.ServerError, 'overloaded'],
    [418, client.UnexpectedAnswerError, 'unexpected_answer'],
  ] as const)('is known by its status %d where something in between answers', async (status, kind, code) => {
    const answer = new Response('<html>Sorry</html>', { status, headers: { 'X-Request-Id': 'edge-1' } });
    const error = await failure(scripted([answer], { maxAttempts: 1 }).client.sessions.get(ID));
    expect(error.constructor).toBe(kind);
    expect(error).toMatchObject({ code, status, requestId: 'edge-1', retryAfterS: null });
    expect(error.message).toBe(`The server answered with status ${status}.`);
  });
});

describe('an answer that is no error, and not Berth either', () => {
  it.each(['<html>Welcome</html>', '', '{"sessionId": "019e'])('is one here: %j', async (body) => {
    const { client: berth, sent } = scripted([new Response(body)]);
    const error = await failure(berth.sessions.get(ID));
    expect(error).toMatchObject({ name: 'UnexpectedAnswerError', code: 'unexpected_answer', status: 200 });
    expect(sent).toHaveLength(1);
  });
});

describe('errors of the real server', () => {
  const berth = appClient();

  it('come through', async () => {
    expect(await failure(berth.sessions.get(ID))).toMatchObject({ code: 'session_not_found', status: 404 });
    const { sessionId } = await berth.sessions.create();
    expect(await failure(berth.sessions.update(sessionId, { maxTurns: 2 }, { ifMatch: 9 }))).toBeInstanceOf(
      client.PreconditionFailedError,
    );
    await berth.sessions.end(sessionId);
    expect(await failure(berth.sessions.touch(sessionId))).toMatchObject({ code: 'session_ended' });
    const options = { idempotencyKey: 'one' };
    await berth.sessions.create({}, options);
    expect(await failure(berth.sessions.create({ maxTurns: 2 }, options))).toBeInstanceOf(
      client.IdempotencyKeyReusedError,
    );
    const invalid = await failure(berth.sessions.create({ maxTurns: 0 }));
    expect(invalid.errors.map(({ path }) => path)).toEqual(['maxTurns']);
    expect(invalid.requestId).toMatch(/^[\w-]{36}$/);
    await berth.registry.setLimits({ maxSessions: 0 });
    const full = await failure(berth.sessions.create());
    expect(full).toBeInstanceOf(client.LimitReachedError);
    expect(full.retryAfterS).toBeGreaterThan(0);
  });
});
