/**
 * The entries of a transcript out of the body that carries them.
 *
 * @module
 */
import type { JsonObject } from '../contract/session.ts';
import { BerthError, ConnectionError, TimeoutError, UnexpectedAnswerError } from './errors.ts';
import { parseLines } from './ndjson.ts';
import { bounded } from './retry.ts';

/** The chunks of a body, each awaited `timeoutMs` at most. Leaving early closes the connection. */
async function* chunksOf(
  body: ReadableStream<Uint8Array>,
  timeoutMs: number,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array, void, undefined> {
  const reader = body.getReader();
  const timedOut = (): Error => new TimeoutError(`The stream has paused for ${timeoutMs} ms.`);
  try {
    for (;;) {
      const { done, value } = await bounded(timeoutMs, signal, timedOut, () => reader.read());
      if (done) return;
      yield value;
    }
  } finally {
    // Not awaited: it is a courtesy to a connection that may be gone.
    reader.cancel().catch(() => undefined);
  }
}

/** What a failure of the stream is to the caller: an abort as it is, all else a kind of {@link BerthError}. */
function streamError(error: unknown, signal: AbortSignal | undefined): unknown {
  if (error instanceof BerthError || signal?.aborted) return error;
  return new ConnectionError('The stream broke off.', error);
}

/** What there is to know of a read whose answer has come. */
interface Reading {
  /** How many entries the server was asked to pass over. */
  readonly after?: number | undefined;
  readonly onTotal?: ((total: number) => void) | undefined;
  readonly timeoutMs: number;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Reads entries until the stream ends, and sees that there were as many as `Berth-Total` has announced: a
 * body can end early without anyone saying so.
 */
export async function* readEntries(
  response: Response,
  { after = 0, onTotal, timeoutMs, signal }: Reading,
): AsyncGenerator<JsonObject, void, undefined> {
  const { body, headers, status } = response;
  const header = headers.get('Berth-Total') ?? '';
  if (!/^\d+$/.test(header)) {
    await body?.cancel();
    throw new UnexpectedAnswerError('The answer does not say how many entries there are.', { status });
  }
  const total = Number(header);
  const expected = Math.max(0, total - after);
  onTotal?.(total);
  let count = 0;
  try {
    if (body !== null) {
      for await (const entry of parseLines<JsonObject>(chunksOf(body, timeoutMs, signal))) {
        count += 1;
        yield entry;
      }
    }
  } catch (error) {
    throw streamError(error, signal);
  }
  if (count !== expected)
    throw new ConnectionError(`The stream ended after ${count} of ${expected} entries.`);
}
