import * as fc from 'fast-check';
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { JsonObject, ReadOptions } from '../../src/client/index.ts';
import { caught } from '../support/caught.ts';
import { networkFailure, scripted, type Script } from '../support/scripted-fetch.ts';

const REF = { project: 'p', session: 's' };
const encoder = new TextEncoder();

/** A body in chunks, each made when it is asked for; `null` where the connection breaks. */
function body(chunks: Iterable<Uint8Array | null>, cancelled?: () => void): ReadableStream<Uint8Array> {
  const iterator = chunks[Symbol.iterator]();
  return new ReadableStream<Uint8Array>(
    {
      pull(controller) {
        const { done, value } = iterator.next();
        if (done === true) controller.close();
        else if (value === null) controller.error(new Error('connection reset'));
        else controller.enqueue(value);
      },
      cancel: () => cancelled?.(),
    },
    { highWaterMark: 0 },
  );
}

const answer = (stream: ReadableStream | null, total: number | string): Response =>
  new Response(stream, { headers: { 'Berth-Total': String(total) } });

function linesOf(entries: readonly JsonObject[]): Uint8Array {
  return encoder.encode(entries.map((entry) => `${JSON.stringify(entry)}\n`).join(''));
}

/** What a read has given, and what it has thrown. */
async function readAll({ client }: Script, options: ReadOptions = {}) {
  const entries: JsonObject[] = [];
  try {
    for await (const entry of client.transcripts.read(REF, options)) entries.push(entry);
    return { entries, error: null };
  } catch (error) {
    return { entries, error };
  }
}

const ENTRIES: JsonObject[] = [
  { text: 'a 🦭 and ü\n, escaped' },
  JSON.parse('{"__proto__": 1, "nested": {"\\ud800": [null]}}') as JsonObject,
];

describe('reading entries', () => {
  it('gives them as they were, wherever the chunks are cut', async () => {
    const bytes = linesOf(ENTRIES);
    for (let at = 0; at <= bytes.length; at += 1) {
      const script = scripted([answer(body([bytes.slice(0, at), bytes.slice(at)]), 2)]);
      expect(await readAll(script)).toEqual({ entries: ENTRIES, error: null });
    }
  });

  it('gives any entries in any chunks', async () => {
    const entry = fc
      .dictionary(fc.string({ unit: 'binary' }), fc.jsonValue({ maxDepth: 2 }), { maxKeys: 4 })
      .map((value) => JSON.parse(JSON.stringify(value)) as JsonObject);
    await fc.assert(
      fc.asyncProperty(
        fc.array(entry, { maxLength: 6 }),
        fc.integer({ min: 1, max: 40 }),
        async (entries, size) => {
          const bytes = linesOf(entries);
          const chunks = Array.from({ length: Math.ceil(bytes.length / size) }, (_, index) =>
            bytes.slice(index * size, (index + 1) * size),
          );
          const read = await readAll(scripted([answer(body(chunks), entries.length)]));
          expect(read).toEqual({ entries, error: null });
        },
      ),
      { numRuns: 40 },
    );
  });

  it('takes a last line without its end, and no entries at all', async () => {
    const script = scripted([answer(body([linesOf(ENTRIES).slice(0, -1)]), 2)]);
    expect(await readAll(script)).toEqual({ entries: ENTRIES, error: null });
    expect(await readAll(scripted([answer(null, 0)]))).toEqual({ entries: [], error: null });
  });

  it('goes on from the n-th', async () => {
    const script = scripted([answer(body([linesOf(ENTRIES)]), 7)]);
    expect(await readAll(script, { after: 5 })).toEqual({ entries: ENTRIES, error: null });
    expect(script.sent[0]?.url).toContain('/entries?after=5');
    expect(await readAll(scripted([answer(null, 7)]), { after: 9 })).toEqual({ entries: [], error: null });
  });

  it('is attempted again until it begins', async () => {
    const script = scripted([networkFailure(), answer(body([linesOf(ENTRIES)]), 2)]);
    expect(await readAll(script)).toEqual({ entries: ENTRIES, error: null });
  });
});

describe('a stream that is not whole', () => {
  it('is an error wherever it is cut, with or without a word of it', async () => {
    const bytes = linesOf(ENTRIES);
    for (let at = 0; at < bytes.length - 1; at += 1) {
      for (const rest of [[], [null]]) {
        const script = scripted([answer(body([bytes.slice(0, at), ...rest]), 2)]);
        const { entries, error } = await readAll(script);
        expect(error).toMatchObject({ name: 'ConnectionError', code: 'connection_failed' });
        expect(entries).toEqual(ENTRIES.slice(0, entries.length));
        expect(script.sent).toHaveLength(1);
      }
    }
  });

  it('is an error where it has more than was announced', async () => {
    const { error } = await readAll(scripted([answer(body([linesOf(ENTRIES)]), 1)]));
    expect(error).toMatchObject({ message: 'The stream ended after 2 of 1 entries.' });
  });

  it('is an error where nothing says how much there is', async () => {
    for (const total of ['', 'many', '-1']) {
      const { error } = await readAll(scripted([answer(body([linesOf(ENTRIES)]), total)]));
      expect(error).toMatchObject({ name: 'UnexpectedAnswerError' });
    }
  });

  it('is an error where its bytes are no text', async () => {
    const bad = encoder.encode('{"a":"?"}\n').map((byte) => (byte === 0x3f ? 0xff : byte));
    const { error } = await readAll(scripted([answer(body([bad]), 1)]));
    expect(error).toMatchObject({ name: 'ConnectionError', message: 'The stream broke off.' });
  });
});

describe('memory', () => {
  it('holds no more than is asked for, and lets go of the connection when one stops reading', async () => {
    let made = 0;
    const cancelled = vi.fn<() => void>();
    function* endless(): Generator<Uint8Array> {
      for (;;) {
        made += 1;
        yield linesOf([{ n: made }]);
      }
    }
    const { client } = scripted([answer(body(endless(), cancelled), 1_000_000)]);
    for await (const entry of client.transcripts.read(REF)) {
      expect(made - Number(entry['n'])).toBeLessThan(2);
      if (entry['n'] === 100) break;
    }
    expect(made).toBeLessThan(102);
    expect(cancelled).toHaveBeenCalledTimes(1);
  });

  it('a line of 8 MiB in small chunks is read in time that grows with its length alone', async () => {
    const bytes = linesOf([{ text: 'x'.repeat(8 * 1024 * 1024) }]);
    function* chunks(): Generator<Uint8Array> {
      for (let at = 0; at < bytes.length; at += 1_024) yield bytes.subarray(at, at + 1_024);
    }
    const { entries, error } = await readAll(scripted([answer(body(chunks()), 1)]));
    expect(error).toBe(null);
    expect(entries).toEqual([{ text: 'x'.repeat(8 * 1024 * 1024) }]);
  });
});

describe('a stream that stalls', () => {
  afterEach(() => void vi.useRealTimers());

  const stalling = (cancelled: () => void): Response => {
    const stream = new ReadableStream<Uint8Array>({
      start: (controller) => controller.enqueue(linesOf([{ n: 1 }])),
      pull: () => new Promise(() => undefined),
      cancel: cancelled,
    });
    return answer(stream, 2);
  };

  it('is timed out, by the chunk and not by the whole', async () => {
    vi.useFakeTimers();
    const cancelled = vi.fn<() => void>();
    const reading = readAll(scripted([stalling(cancelled)], { timeoutMs: 1_000 }));
    await vi.advanceTimersByTimeAsync(1_000);
    expect(await reading).toMatchObject({ entries: [{ n: 1 }], error: { code: 'timeout' } });
    expect(cancelled).toHaveBeenCalledTimes(1);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('can be aborted', async () => {
    const controller = new AbortController();
    const cancelled = vi.fn<() => void>();
    const reason = new Error('left');
    const { client } = scripted([stalling(cancelled)]);
    const reader = client.transcripts.read(REF, { signal: controller.signal });
    expect((await reader.next()).value).toEqual({ n: 1 });
    const error = caught(reader.next());
    controller.abort(reason);
    expect(await error).toBe(reason);
    expect(cancelled).toHaveBeenCalledTimes(1);
  });

  it('is not timed out by a slow reader', async () => {
    vi.useFakeTimers();
    const script = scripted([answer(body(ENTRIES.map((entry) => linesOf([entry]))), 2)], {
      timeoutMs: 1_000,
    });
    const reader = script.client.transcripts.read(REF);
    await reader.next();
    await vi.advanceTimersByTimeAsync(60_000);
    expect((await reader.next()).value).toEqual(ENTRIES[1]);
    expect(await reader.next()).toEqual({ done: true, value: undefined });
  });
});
