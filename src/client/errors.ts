/**
 * What can go wrong with a call, one class per kind.
 *
 * @module
 */
import type { ErrorCode, FieldError } from '../contract/errors.ts';
import type { TranscriptSummary } from '../contract/transcript.ts';

/** Codes that the client itself gives: nothing answered, nothing in time, or something that is not Berth. */
export type ClientErrorCode = 'connection_failed' | 'timeout' | 'unexpected_answer';

/** What an error is made of; what is left out is null or empty. */
export interface BerthErrorInfo {
  readonly status?: number;
  readonly requestId?: string | null;
  readonly errors?: readonly FieldError[];
  readonly retryAfterS?: number | null;
  /** The stored summary that an append conflicts with. */
  readonly current?: TranscriptSummary | null;
  readonly cause?: unknown;
}

/**
 * Any failed call. Switch on `code`, or on the class. Its message is the server's `detail`, followed by
 * what is wrong with each field; no token is ever part of it. A call that is aborted rejects with the
 * signal's own reason instead.
 *
 * @example
 * ```ts
 * try {
 *   await client.sessions.touch(id);
 * } catch (error) {
 *   if (!(error instanceof GoneError)) throw error;
 *   await client.sessions.resume(id);
 * }
 * ```
 */
export class BerthError extends Error {
  override readonly name: string = 'BerthError';
  /** The server's code, or the client's own where there was no answer. A newer server may have others. */
  readonly code: ErrorCode | ClientErrorCode;
  /** The HTTP status; null where there was no answer. */
  readonly status: number | null;
  /** `X-Request-Id` of the answer, which finds it in the server's log; null where there was none. */
  readonly requestId: string | null;
  /** What happened, for humans. */
  readonly detail: string;
  /** Each invalid field of the request; empty unless the code is `invalid_request`. */
  readonly errors: readonly FieldError[];
  /** `Retry-After` of the answer, whole seconds; null where there was none. */
  readonly retryAfterS: number | null;

  constructor(code: ErrorCode | ClientErrorCode, detail: string, info: BerthErrorInfo = {}) {
    const { errors = [], cause } = info;
    const fields = errors.map(({ path, message }) => `${path || 'body'}: ${message}`).join('; ');
    super(fields === '' ? detail : `${detail} (${fields})`, cause === undefined ? {} : { cause });
    this.code = code;
    this.status = info.status ?? null;
    this.requestId = info.requestId ?? null;
    this.detail = detail;
    this.errors = errors;
    this.retryAfterS = info.retryAfterS ?? null;
  }
}

/** The request is not valid; `errors` names each field (400, also 405 and 415). */
export class InvalidRequestError extends BerthError {
  override readonly name = 'InvalidRequestError';
}

/** The token is missing, wrong or has run out (401). */
export class AuthenticationError extends BerthError {
  override readonly name = 'AuthenticationError';
}

/** The token lacks the scope (403). */
export class PermissionDeniedError extends BerthError {
  override readonly name = 'PermissionDeniedError';
}

/**
 * There is no such session or transcript, or nothing at this address (404). The code tells which: a plain
 * `not_found` may mean that the base URL is wrong.
 */
export class NotFoundError extends BerthError {
  override readonly name = 'NotFoundError';
}

/** The request conflicts with what is stored (409). */
export class ConflictError extends BerthError {
  override readonly name = 'ConflictError';
  /** For an append whose summary was outdated: the stored one. Null otherwise. */
  readonly current: TranscriptSummary | null;

  constructor(code: ErrorCode | ClientErrorCode, detail: string, info: BerthErrorInfo = {}) {
    super(code, detail, info);
    this.current = info.current ?? null;
  }
}

/** The session has expired (`session_expired`, it can be resumed) or was ended (`session_ended`) (410). */
export class GoneError extends BerthError {
  override readonly name = 'GoneError';
}

/** The session is not at the revision that `ifMatch` named (412). */
export class PreconditionFailedError extends BerthError {
  override readonly name = 'PreconditionFailedError';
}

/** The body is over its size limit (413). */
export class PayloadTooLargeError extends BerthError {
  override readonly name = 'PayloadTooLargeError';
}

/** The idempotency key was used with another request before (422). */
export class IdempotencyKeyReusedError extends BerthError {
  override readonly name = 'IdempotencyKeyReusedError';
}

/** As many sessions are active as the tenant may have (429 `max_sessions_reached`). */
export class LimitReachedError extends BerthError {
  override readonly name = 'LimitReachedError';
}

/** Too many requests (429 `rate_limited`), after all attempts. */
export class RateLimitedError extends BerthError {
  override readonly name = 'RateLimitedError';
}

/** The server failed, is busy, or is not configured (5xx), after all attempts. */
export class ServerError extends BerthError {
  override readonly name = 'ServerError';
}

/**
 * The server could not be reached, or the connection broke off, after all attempts. Whether the request
 * was carried out is not known.
 */
export class ConnectionError extends BerthError {
  override readonly name = 'ConnectionError';

  constructor(detail: string, cause?: unknown) {
    super('connection_failed', detail, { cause });
  }
}

/** No attempt was answered within `timeoutMs`. Whether the request was carried out is not known. */
export class TimeoutError extends BerthError {
  override readonly name = 'TimeoutError';

  constructor(detail: string) {
    super('timeout', detail);
  }
}

/** What answered is not Berth: a redirect, a page, something that is not JSON. Look at the base URL. */
export class UnexpectedAnswerError extends BerthError {
  override readonly name = 'UnexpectedAnswerError';

  constructor(detail: string, info: BerthErrorInfo = {}) {
    super('unexpected_answer', detail, info);
  }
}
