/**
 * The closed list of error codes, and what an expected failure looks like between objects.
 *
 * @module
 */

/** Each code with its HTTP status and its title (RFC 9457). Clients switch on the code. */
export const ERRORS = {
  invalid_request: { status: 400, title: 'The request is not valid' },
  unauthenticated: { status: 401, title: 'A valid bearer token is needed' },
  forbidden: { status: 403, title: 'This is not allowed' },
  session_not_found: { status: 404, title: 'There is no such session' },
  transcript_not_found: { status: 404, title: 'There is no such transcript' },
  not_found: { status: 404, title: 'There is nothing at this address' },
  method_not_allowed: { status: 405, title: 'This address does not take this method' },
  conflict: { status: 409, title: 'The request conflicts with what is stored' },
  session_expired: { status: 410, title: 'The session has expired' },
  session_ended: { status: 410, title: 'The session has ended' },
  precondition_failed: { status: 412, title: 'The session has changed' },
  payload_too_large: { status: 413, title: 'The body is too large' },
  unsupported_media_type: { status: 415, title: 'The body must be JSON' },
  idempotency_key_reused: { status: 422, title: 'The idempotency key belongs to another request' },
  max_sessions_reached: { status: 429, title: 'The limit of sessions is reached' },
  rate_limited: { status: 429, title: 'Too many requests' },
  internal: { status: 500, title: 'Something went wrong' },
  overloaded: { status: 503, title: 'Busy: try again shortly' },
  auth_not_configured: { status: 503, title: 'Authentication is not configured' },
} as const satisfies Record<string, { status: number; title: string }>;

/** A code of {@link ERRORS}. */
export type ErrorCode = keyof typeof ERRORS;

/** What is wrong with one field of a request: its path (`metadata.team`, `limit`, `If-Match`) and why. */
export interface FieldError {
  readonly path: string;
  readonly message: string;
}

/** An expected failure. It crosses between objects as a value; exceptions are bugs or the platform's. */
export interface Failure {
  readonly code: ErrorCode;
  readonly detail: string;
  /** Whole seconds after which trying again makes sense. */
  readonly retryAfterS?: number;
  readonly errors?: readonly FieldError[];
  /** Of a conflict: what is stored, for the caller to start from. */
  readonly current?: unknown;
}

/** The outcome of a call that may fail as expected. */
export type Result<T> = { readonly ok: true; readonly value: T } | Failed;

/** What did not succeed, and why. */
export interface Failed {
  readonly ok: false;
  readonly error: Failure;
}

/** A success. */
export function ok<T>(value: T): Result<T> {
  return { ok: true, value };
}

/** An expected failure. */
export function fail(
  code: ErrorCode,
  detail: string,
  more: Pick<Failure, 'retryAfterS' | 'errors' | 'current'> = {},
): Failed {
  return { ok: false, error: { code, detail, ...more } };
}
