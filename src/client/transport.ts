/**
 * Sending a request until it is answered: token, timeout, retries.
 *
 * @module
 */
import { toError } from './answer-error.ts';
import {
  AuthenticationError,
  BerthError,
  ConnectionError,
  LimitReachedError,
  RateLimitedError,
  ServerError,
  TimeoutError,
  UnexpectedAnswerError,
} from './errors.ts';
import type { LiveSocket, OpenSocket } from './live.ts';
import { bound, type CallOptions, type ClientOptions, type Fetch, type SlotOptions } from './options.ts';
import { backoffMs, bounded, delay } from './retry.ts';
import { TokenSource } from './token-source.ts';

const DEFAULT_TIMEOUT_MS = 30_000;
const DEFAULT_MAX_ATTEMPTS = 4;
const DEFAULT_MAX_RETRY_AFTER_MS = 30_000;

/** Where the outcome is unknown, or the server says that it may do better in a moment. */
const RETRIED_STATUSES: ReadonlySet<number | null> = new Set([502, 503, 504]);

const NO_TOKEN = Promise.resolve(null);

/** A request, as a route of the API has it. */
export interface ApiRequest<T> {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** Encoded, from `/v1` or `/healthz` on, with its query. */
  readonly path: string;
  /** Has the request go without a token. */
  readonly isPublic?: boolean;
  /** Sent as JSON. */
  readonly body?: unknown;
  readonly idempotencyKey?: string | undefined;
  readonly ifMatch?: number | undefined;
  /** Makes the result of a successful answer. */
  readonly read: (response: Response) => Promise<T>;
  /** Whether a second attempt could go wrong for the only reason that the first one was carried out. */
  readonly onceOnly?: boolean;
  /**
   * Called with what would be thrown where the outcome of an attempt is unknown: the error may be the trace
   * of that attempt's success. Answers the result, or throws the error.
   */
  readonly recover?: (error: BerthError) => Promise<T>;
}

/** Reads an answer as JSON. */
export async function readJson<T>(response: Response): Promise<T> {
  const text = await readText(response);
  try {
    return JSON.parse(text) as T;
  } catch (cause) {
    const { status } = response;
    throw new UnexpectedAnswerError('The answer is not JSON.', { status, cause });
  }
}

/** Reads an answer as text. */
export async function readText(response: Response): Promise<string> {
  try {
    return await response.text();
  } catch (cause) {
    throw new ConnectionError('The connection broke off.', cause);
  }
}

/** The URL without what only the path's own end may bring. Says nothing of it where it is wrong. */
function prefixOf(baseUrl: string | URL): string {
  const text = String(baseUrl);
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url === null || !/^https?:$/.test(url.protocol) || url.username !== '' || url.password !== '')
    throw new TypeError('baseUrl must be an absolute http or https URL without credentials.');
  return url.origin + url.pathname.replace(/\/+$/, '');
}

/** How one call stands between its attempts. */
interface Progress {
  attempts: number;
  tokenRenewed: boolean;
  /** Whether an attempt was sent whose outcome is unknown. */
  unknown: boolean;
  readonly slotDeadline: number;
}

export class Transport {
  readonly timeoutMs: number;
  readonly #prefix: string;
  readonly #token: TokenSource;
  readonly #fetch: Fetch;
  readonly #openSocket: OpenSocket | undefined;
  readonly #maxAttempts: number;
  readonly #maxRetryAfterMs: number;

  constructor(options: ClientOptions) {
    this.#prefix = prefixOf(options.baseUrl);
    this.#token = new TokenSource(options.token);
    this.#fetch = options.fetch ?? ((url, init) => fetch(url, init));
    this.#openSocket = options.openSocket;
    const { timeoutMs, maxAttempts, maxRetryAfterMs } = options;
    this.timeoutMs = bound('timeoutMs', timeoutMs, DEFAULT_TIMEOUT_MS);
    this.#maxAttempts = bound('maxAttempts', maxAttempts, DEFAULT_MAX_ATTEMPTS);
    this.#maxRetryAfterMs = bound('maxRetryAfterMs', maxRetryAfterMs, DEFAULT_MAX_RETRY_AFTER_MS);
  }

  /** Where a WebSocket goes, and the token for it, which no address may have in it. */
  async socketAddress(path: string): Promise<{ url: string; token: string | null }> {
    const token = await this.#bearer(this.#token.get(), {});
    return { url: this.#prefix.replace(/^http/, 'ws') + path, token };
  }

  /** @throws TypeError where there is nothing that opens a WebSocket. */
  checkSockets(): void {
    if (this.#openSocket === undefined && typeof WebSocket !== 'function')
      throw new TypeError('There is no WebSocket here, as in Node before 22: give the client `openSocket`.');
  }

  openSocket(url: string, protocols: string[]): LiveSocket {
    const open = this.#openSocket;
    return open === undefined ? new WebSocket(url, protocols) : open(url, protocols);
  }

  /** Asks for what a viewer may read, once, to learn what is wrong: nothing, if it is answered. */
  async probe(): Promise<void> {
    await this.send({ method: 'GET', path: '/v1/registry/limits', read: readText }, { maxAttempts: 1 });
  }

  /** Sends a request, again where that is safe, until it is answered or given up. */
  async send<T>(request: ApiRequest<T>, options: SlotOptions = {}): Promise<T> {
    const body = request.body === undefined ? null : JSON.stringify(request.body);
    const progress: Progress = {
      attempts: 0,
      tokenRenewed: false,
      unknown: false,
      slotDeadline: Date.now() + (options.waitForSlotMs ?? 0),
    };
    for (;;) {
      const token = request.isPublic ? NO_TOKEN : this.#token.get();
      const bearer = await this.#bearer(token, options);
      try {
        return await this.#within(options, 'No answer', (signal) =>
          this.#attempt(request, body, bearer, signal),
        );
      } catch (error) {
        if (!(error instanceof BerthError)) throw error;
        if (error instanceof AuthenticationError && !progress.tokenRenewed && this.#token.refuse(token)) {
          progress.tokenRenewed = true;
          continue;
        }
        const waitMs = this.#waitAfter(error, request, options, progress);
        if (waitMs !== null) await delay(waitMs, options.signal);
        else if (progress.unknown && request.recover !== undefined) return request.recover(error);
        else throw error;
      }
    }
  }

  /** Waits for a token. One that doesn't come in time is not waited for by the next call, which asks again. */
  async #bearer(token: Promise<string | null>, options: CallOptions): Promise<string | null> {
    try {
      return await this.#within(options, 'The token did not come', () => token);
    } catch (error) {
      if (error instanceof TimeoutError) this.#token.refuse(token);
      throw error;
    }
  }

  #within<T>(options: CallOptions, what: string, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const timeoutMs = options.timeoutMs ?? this.timeoutMs;
    const timedOut = (): Error => new TimeoutError(`${what} within ${timeoutMs} ms.`);
    return bounded(timeoutMs, options.signal, timedOut, work);
  }

  async #attempt<T>(
    request: ApiRequest<T>,
    body: string | null,
    bearer: string | null,
    signal: AbortSignal,
  ): Promise<T> {
    // Not called as a method: a browser's own fetch insists on its own `this`.
    const send = this.#fetch;
    const headers: Record<string, string> = {};
    if (bearer !== null) headers['Authorization'] = `Bearer ${bearer}`;
    if (body !== null) headers['Content-Type'] = 'application/json';
    if (request.idempotencyKey !== undefined) headers['Idempotency-Key'] = request.idempotencyKey;
    if (request.ifMatch !== undefined) headers['If-Match'] = `"${request.ifMatch}"`;
    let response: Response;
    try {
      response = await send(this.#prefix + request.path, {
        method: request.method,
        headers,
        signal,
        // A token goes to the configured address, and nowhere that an answer points to.
        redirect: 'manual',
        ...(body === null ? {} : { body }),
      });
    } catch (cause) {
      throw new ConnectionError('The server could not be reached.', cause);
    }
    if (!response.ok) throw await toError(response);
    return request.read(response);
  }

  /** How long to wait before the next attempt, milliseconds; null where there is none to be made. */
  #waitAfter(
    error: BerthError,
    request: ApiRequest<unknown>,
    options: SlotOptions,
    progress: Progress,
  ): number | null {
    const retryAfterMs = (error.retryAfterS ?? 0) * 1_000;
    if (error instanceof LimitReachedError) {
      const leftMs = progress.slotDeadline - Date.now();
      // Jittered, so that those who were turned away together do not come back together.
      return leftMs > 0 ? Math.min(leftMs, retryAfterMs + backoffMs(2)) : null;
    }
    progress.attempts += 1;
    const carriedOut = !(error instanceof RateLimitedError);
    if (carriedOut) {
      if (!mayDoBetter(error)) return null;
      progress.unknown = true;
      if (request.onceOnly) return null;
    }
    if (!(progress.attempts < (options.maxAttempts ?? this.#maxAttempts))) return null;
    if (retryAfterMs > this.#maxRetryAfterMs) return null;
    return retryAfterMs + backoffMs(progress.attempts);
  }
}

/** Whether the same request could succeed in a moment. A configuration that is missing takes an operator. */
function mayDoBetter(error: BerthError): boolean {
  if (error instanceof ServerError)
    return RETRIED_STATUSES.has(error.status) && error.code !== 'auth_not_configured';
  return error instanceof ConnectionError || error instanceof TimeoutError;
}
