/**
 * Failures that a test looks at after it has moved the clock.
 *
 * @module
 */

/** What the promise is rejected with, caught from now on. Fails the test where it is not. */
export function caught(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    (value) => {
      throw new Error(`Nothing was thrown, but this answered: ${JSON.stringify(value)}`);
    },
    (error: unknown) => error,
  );
}
