/**
 * What every request gets: an id, headers, a line in the log, and an answer whatever happens.
 *
 * @module
 */
import type { ErrorHandler, MiddlewareHandler } from 'hono';
import { routePath } from 'hono/route';
import { REQUEST_ID_PATTERN } from '../contract/limits.ts';
import { parseSessionId } from '../contract/session-id.ts';
import { logError, logInfo } from '../log.ts';
import type { AppEnv } from './app-env.ts';
import type { Principal } from './auth/principal.ts';
import { problem } from './problem.ts';
import { complete, REQUEST_ID_HEADER } from './respond.ts';

/** Gives the request its id, and writes the one line that says what came of it. */
export const track: MiddlewareHandler<AppEnv> = async (c, next) => {
  const startedAt = Date.now();
  const given = c.req.header(REQUEST_ID_HEADER);
  const requestId = given !== undefined && REQUEST_ID_PATTERN.test(given) ? given : crypto.randomUUID();
  c.set('requestId', requestId);
  await next();
  complete(c, c.res);
  // Not by `c.var`, which copies all that there is each time.
  const principal: Principal | undefined = c.get('principal');
  logInfo('request', {
    requestId,
    method: c.req.method,
    route: routePath(c, -1),
    status: c.res.status,
    code: c.get('problemCode'),
    tenant: principal?.tenant,
    tokenId: principal?.tokenId ?? undefined,
    // What is no id could be anything, a token too.
    sessionId: parseSessionId(c.req.param('id') ?? '', startedAt) ?? undefined,
    durationMs: Date.now() - startedAt,
  });
};

/** Answers what nobody expected: the log has it whole, the caller only the request's id. */
export const unexpected: ErrorHandler<AppEnv> = (error, c) => {
  logError('request.failed', error, { requestId: c.get('requestId'), method: c.req.method });
  return problem(c, {
    code: 'internal',
    detail: 'Something went wrong. The request id finds it in the log.',
  });
};
