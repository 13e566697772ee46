/**
 * How long to wait before another attempt.
 *
 * @module
 */

/** The first wait is at most this; the bound doubles with every attempt, up to {@link MAX_BACKOFF_MS}. */
const FIRST_BACKOFF_MS = 250;
const MAX_BACKOFF_MS = 8_000;

/** The longest that a timer can run, in every runtime: 2^31 − 1 milliseconds. */
const MAX_TIMER_MS = 2_147_483_647;

/** A wait with full jitter after the given number of attempts: anything from 0 to a bound that doubles. */
export function backoffMs(attempts: number): number {
  return Math.random() * Math.min(MAX_BACKOFF_MS, FIRST_BACKOFF_MS * 2 ** (attempts - 1));
}

/** `Retry-After` (RFC 9110, section 10.2.3) in whole seconds from now: a number of them, or a date. */
export function parseRetryAfterS(header: string | null, now: number): number | null {
  if (header === null) return null;
  if (/^\d+$/.test(header)) return Number(header);
  const date = Date.parse(header);
  return Number.isNaN(date) ? null : Math.max(0, Math.ceil((date - now) / 1_000));
}

/** Waits. Rejects with the signal's reason as soon as it is aborted. */
export function delay(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason);
    const stop = (): void => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    const timer = setTimeout(
      () => {
        signal?.removeEventListener('abort', stop);
        resolve();
      },
      Math.min(ms, MAX_TIMER_MS),
    );
    signal?.addEventListener('abort', stop, { once: true });
  });
}

/**
 * Does work that is given up when it takes longer than `timeoutMs`, with what `timedOut` makes, or when
 * the caller's signal is aborted, with its reason. The work's own signal is aborted then.
 */
export async function bounded<T>(
  timeoutMs: number,
  caller: AbortSignal | undefined,
  timedOut: () => Error,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  caller?.throwIfAborted();
  const controller = new AbortController();
  let release = (): void => undefined;
  const cut = new Promise<never>((_, reject) => {
    const stop = (reason: unknown): void => {
      // First, so that what the work makes of its abortion comes too late to be the outcome.
      reject(reason);
      controller.abort(reason);
    };
    const abort = (): void => stop(caller?.reason);
    const timer = timeoutMs > MAX_TIMER_MS ? undefined : setTimeout(() => stop(timedOut()), timeoutMs);
    caller?.addEventListener('abort', abort, { once: true });
    release = () => {
      if (timer !== undefined) clearTimeout(timer);
      caller?.removeEventListener('abort', abort);
    };
  });
  try {
    return await Promise.race([work(controller.signal), cut]);
  } finally {
    release();
  }
}
