/**
 * What every request gets: an id, headers, a line in the log, and an answer whatever happens.
 *
 * @module
 */
import { REQUEST_ID_PATTERN } from '../contract/limits.ts';
import { parseSessionId } from '../contract/session-id.ts';
import { logError, logInfo } from '../log.ts';
import type { AppContext } from './app-env.ts';
import type { Principal } from './auth/principal.ts';
import { problem } from './problem.ts';
import { REQUEST_ID_HEADER } from './respond.ts';

/**
 * A handler that gives the request its id, answers whatever happens, and writes the one line that says what
 * came of it. `route` is what the log calls the address.
 */
export function tracked(
  route: string,
  handle: (c: AppContext) => Promise<Response>,
): (c: AppContext) => Promise<Response> {
  return async (c) => {
    const startedAt = Date.now();
    const given = c.req.header(REQUEST_ID_HEADER);
    c.set('requestId', given !== undefined && REQUEST_ID_PATTERN.test(given) ? given : crypto.randomUUID());
    const answered = await handle(c).catch((error: unknown) => unexpected(error, c));
    logRequest(c, route, answered.status, startedAt);
    return answered;
  };
}

function logRequest(c: AppContext, route: string, status: number, startedAt: number): void {
  // Not by `c.var`, which copies all that there is each time.
  const principal: Principal | undefined = c.get('principal');
  logInfo('request', {
    requestId: c.get('requestId'),
    method: c.req.method,
    route,
    status,
    code: c.get('problemCode'),
    tenant: principal?.tenant,
    tokenId: principal?.tokenId ?? undefined,
    // What is no id could be anything, a token too.
    sessionId: c.get('sessionId') ?? parseSessionId(c.req.param('id') ?? '', startedAt) ?? undefined,
    durationMs: Date.now() - startedAt,
  });
}

/** Answers what nobody expected: the log has it whole, the caller only the request's id. */
export function unexpected(error: unknown, c: AppContext): Response {
  logError('request.failed', error, { requestId: c.get('requestId'), method: c.req.method });
  return problem(c, {
    code: 'internal',
    detail: 'Something went wrong. The request id finds it in the log.',
  });
}
