/**
 * Bounded waits.
 *
 * @module
 */

/** A wait that took longer than it may. */
export class TimeoutError extends Error {
  constructor(timeoutMs: number) {
    super(`No answer within ${timeoutMs} ms`);
    this.name = 'TimeoutError';
  }
}

/**
 * What the promise resolves to, unless that takes longer than `timeoutMs`.
 *
 * @throws {@link TimeoutError} after `timeoutMs`. The work itself goes on.
 */
export function within<T>(timeoutMs: number, promise: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new TimeoutError(timeoutMs)), timeoutMs);
    void promise.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}
