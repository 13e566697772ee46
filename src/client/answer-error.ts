/**
 * From an HTTP answer that is no success to an error.
 *
 * @module
 */
import type { ErrorCode, FieldError } from '../contract/errors.ts';
import type { TranscriptSummary } from '../contract/transcript.ts';
import {
  AuthenticationError,
  ConflictError,
  GoneError,
  IdempotencyKeyReusedError,
  InvalidRequestError,
  LimitReachedError,
  NotFoundError,
  PayloadTooLargeError,
  PermissionDeniedError,
  PreconditionFailedError,
  RateLimitedError,
  ServerError,
  UnexpectedAnswerError,
  type BerthError,
  type BerthErrorInfo,
} from './errors.ts';
import { parseRetryAfterS } from './retry.ts';

type ErrorClass = new (code: ErrorCode, detail: string, info: BerthErrorInfo) => BerthError;

/** Each status with its class, and the code where the answer, not being Berth's own, names none. */
const KINDS: Readonly<Record<number, readonly [ErrorClass, ErrorCode]>> = {
  400: [InvalidRequestError, 'invalid_request'],
  401: [AuthenticationError, 'unauthenticated'],
  403: [PermissionDeniedError, 'forbidden'],
  404: [NotFoundError, 'not_found'],
  405: [InvalidRequestError, 'method_not_allowed'],
  409: [ConflictError, 'conflict'],
  410: [GoneError, 'session_ended'],
  412: [PreconditionFailedError, 'precondition_failed'],
  413: [PayloadTooLargeError, 'payload_too_large'],
  415: [InvalidRequestError, 'unsupported_media_type'],
  422: [IdempotencyKeyReusedError, 'idempotency_key_reused'],
  429: [RateLimitedError, 'rate_limited'],
  503: [ServerError, 'overloaded'],
};

const SERVER_FAILED = [ServerError, 'internal'] as const;
const REDIRECTED = 'The server redirects: set baseUrl to the address itself.';

/** The members of a problem (RFC 9457) that Berth sends. */
interface Problem {
  readonly code: ErrorCode;
  readonly detail?: string;
  readonly requestId?: string;
  readonly errors?: readonly FieldError[];
  readonly current?: TranscriptSummary;
}

async function readProblem(response: Response): Promise<Problem | null> {
  try {
    const body: unknown = await response.json();
    const isProblem = typeof body === 'object' && body !== null && 'code' in body;
    return isProblem && typeof body.code === 'string' ? (body as Problem) : null;
  } catch {
    // A page of something in between, or a broken body: the status says enough.
    return null;
  }
}

/** The error that an answer stands for. Reads its body. */
export async function toError(response: Response): Promise<BerthError> {
  const { status, headers } = response;
  const problem = await readProblem(response);
  const info: BerthErrorInfo = {
    status,
    requestId: headers.get('X-Request-Id') ?? problem?.requestId ?? null,
    retryAfterS: parseRetryAfterS(headers.get('Retry-After'), Date.now()),
    ...(problem?.errors === undefined ? {} : { errors: problem.errors }),
    ...(problem?.current === undefined ? {} : { current: problem.current }),
  };
  const detail = problem?.detail ?? `The server answered with status ${status}.`;
  const known = KINDS[status] ?? (status >= 500 ? SERVER_FAILED : null);
  if (known === null) {
    // A browser shows a redirect that was not followed as status 0.
    const redirects = status === 0 || (status >= 300 && status < 400);
    return new UnexpectedAnswerError(redirects ? REDIRECTED : detail, info);
  }
  const [kind, usualCode] = known;
  const code = problem?.code ?? usualCode;
  const Kind = code === 'max_sessions_reached' ? LimitReachedError : kind;
  return new Kind(code, detail, info);
}
