/**
 * Berth's API by plain `fetch`, for programs outside the Worker.
 *
 * @module
 */
import type { ErrorCode } from '../src/contract/errors.ts';

/** A request that has no answer by then gets none. */
const TIMEOUT_MS = 30_000;

/** What a problem response says, as far as programs read it. */
export interface Problem {
  readonly code: ErrorCode;
  readonly title: string;
  readonly detail: string;
}

export type Answer<T> =
  | { readonly ok: true; readonly status: number; readonly value: T }
  | {
      readonly ok: false;
      readonly status: number;
      readonly problem: Problem;
      /** Seconds, from `Retry-After`; null where the answer has none. */
      readonly retryAfterS: number | null;
    };

export interface Api {
  /**
   * Makes one request; a body is sent as JSON.
   *
   * @throws TypeError where there is no answer, or it is not JSON.
   */
  call<T>(method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<Answer<T>>;
}

/** The API at an address without a slash at its end; with a token, on behalf of its bearer. */
export function api(url: string, token?: string): Api {
  const standing: Record<string, string> = token === undefined ? {} : { Authorization: `Bearer ${token}` };
  return {
    async call<T>(method: string, path: string, body?: unknown, headers: Record<string, string> = {}) {
      const json = body === undefined ? {} : { 'Content-Type': 'application/json' };
      const response = await fetch(url + path, {
        method,
        headers: { ...standing, ...json, ...headers },
        body: body === undefined ? null : JSON.stringify(body),
        signal: AbortSignal.timeout(TIMEOUT_MS),
      });
      const { status, ok } = response;
      const answer: unknown = await response.json();
      if (ok) return { ok, status, value: answer as T };
      const retryAfter = response.headers.get('Retry-After');
      const retryAfterS = retryAfter === null ? null : Number(retryAfter);
      return { ok, status, problem: answer as Problem, retryAfterS };
    },
  };
}

/**
 * The value of an answer that must be a success.
 *
 * @throws with what the problem says.
 */
export function valueOf<T>(answer: Answer<T>): T {
  if (answer.ok) return answer.value;
  const { code, detail } = answer.problem;
  throw new Error(`${answer.status} ${code}: ${detail}`);
}
