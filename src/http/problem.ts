/**
 * Errors as RFC 9457 problem details.
 *
 * @module
 */
import { ERRORS, type Failure } from '../contract/errors.ts';
import type { AppContext } from './app-env.ts';
import { respond } from './respond.ts';

/** Where each code is described; RFC 9457 wants `type` to identify the kind of problem. */
const TYPE_BASE = '/docs#error-';

/** Answers an expected failure. */
export function problem(c: AppContext, failure: Failure, headers: Record<string, string> = {}): Response {
  const { status, title } = ERRORS[failure.code];
  c.set('problemCode', failure.code);
  const body = {
    type: TYPE_BASE + failure.code,
    title,
    status,
    detail: failure.detail,
    code: failure.code,
    requestId: c.get('requestId'),
    ...(failure.errors === undefined ? {} : { errors: failure.errors }),
    ...(failure.current === undefined ? {} : { current: failure.current }),
  };
  return respond(c, JSON.stringify(body), status, {
    'Content-Type': 'application/problem+json',
    ...(failure.retryAfterS === undefined ? {} : { 'Retry-After': String(failure.retryAfterS) }),
    ...headers,
  });
}
