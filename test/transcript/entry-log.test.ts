import { runInDurableObject } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { EntryBatch } from '../../src/protocol/transcript.ts';
import { Schema } from '../../src/storage/migrations.ts';
import {
  EntryLog,
  MAIN_STREAM,
  MAX_ROW_BYTES,
  MAX_STREAMS,
  PAGE_BYTES,
} from '../../src/transcript/entry-log.ts';
import { TRANSCRIPT_MIGRATIONS } from '../../src/transcript/migrations.ts';

let objects = 0;

/** A log on a database of its own, with rows of this size. */
function withLog<T>(
  maxRowBytes: number,
  body: (log: EntryLog, sql: SqlStorage) => T | Promise<T>,
): Promise<T> {
  objects += 1;
  return runInDurableObject(env.TRANSCRIPTS.getByName(`default/log-${objects}`), (_, { storage }) => {
    new Schema(storage, TRANSCRIPT_MIGRATIONS).ensure();
    return body(new EntryLog(storage.sql, maxRowBytes), storage.sql);
  });
}

function batchOf(...texts: readonly string[]): EntryBatch {
  const bodies = texts.map((text) => new TextEncoder().encode(text));
  return {
    bytes: new TextEncoder().encode(texts.join('')),
    lengths: bodies.map(({ byteLength }) => byteLength),
    uuids: texts.map(() => null),
  };
}

/** What a stream holds, read page by page. */
function read(log: EntryLog, stream = MAIN_STREAM, after = 0): string {
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  const total = log.total(stream);
  let text = '';
  for (let last = after; last < total;) {
    const page = log.page(stream, last, total);
    expect(page.last).toBeGreaterThan(last);
    text += decoder.decode(page.bytes, { stream: true });
    last = page.last;
  }
  return text + decoder.decode();
}

const lines = (...texts: readonly string[]): string => texts.map((text) => `${text}\n`).join('');

describe('an entry too long for a row is split and joined unseen', () => {
  it('with multi-byte text cut at every offset', async () => {
    const text = JSON.stringify({ text: 'aéß日本🎉\u0000"\\' });
    const { byteLength } = new TextEncoder().encode(text);
    await withLog(0, (_, sql) => {
      for (let size = 1; size <= byteLength + 1; size += 1) {
        const log = new EntryLog(sql, size);
        log.clear();
        log.append(MAIN_STREAM, batchOf('1', text, '2'));
        expect(read(log)).toBe(lines('1', text, '2'));
      }
    });
  });

  it.each([-1, 0, 1])('at a multiple of the size %+d', async (more) => {
    await withLog(10, (log, sql) => {
      const texts = [10, 20, 30].map((size) => 'x'.repeat(size + more));
      log.append(MAIN_STREAM, batchOf(...texts));
      expect(read(log)).toBe(lines(...texts));
      const longest = sql
        .exec(
          'SELECT max(length(body)) AS size FROM (SELECT body FROM entries UNION ALL SELECT body FROM entry_parts)',
        )
        .one();
      expect(longest['size']).toBeLessThanOrEqual(10);
    });
  });

  it('and leaves nothing behind when its stream is deleted', async () => {
    await withLog(4, (log, sql) => {
      log.addStream(1, 'a');
      log.addStream(2, 'b');
      for (const stream of [MAIN_STREAM, 1, 2]) log.append(stream, batchOf('0123456789', `${stream}`));
      log.deleteStream(1);
      expect(log.streamOf('a')).toBeNull();
      expect(log.total(1)).toBe(0);
      expect(read(log)).toBe(lines('0123456789', '0'));
      expect(read(log, 2)).toBe(lines('0123456789', '2'));
      expect(sql.exec('SELECT count(*) AS n FROM entry_parts').one()['n']).toBe(4);
    });
  });

  it('in rows well below the 2 MB of the platform', () => {
    expect(MAX_ROW_BYTES).toBeLessThanOrEqual(1_900_000);
  });
});

describe('streams', () => {
  it('do not run into each other, the last one neither', async () => {
    await withLog(100, (log) => {
      const last = MAX_STREAMS - 1;
      log.addStream(1, 'first');
      log.addStream(last, 'last');
      for (const stream of [MAIN_STREAM, 1, last]) {
        expect(log.total(stream)).toBe(0);
        expect(log.append(stream, batchOf('a', 'b'))).toBe(2);
      }
      for (const stream of [MAIN_STREAM, 1, last]) {
        expect(log.append(stream, batchOf(`${stream}`))).toBe(1);
        expect(read(log, stream)).toBe(lines('a', 'b', `${stream}`));
      }
    });
  });
});

describe('a page', () => {
  it('has about as much as it may have, and one entry at least', async () => {
    await withLog(MAX_ROW_BYTES, (log) => {
      const short = JSON.stringify('x'.repeat(100_000));
      const long = JSON.stringify('y'.repeat(3 * PAGE_BYTES));
      log.append(MAIN_STREAM, batchOf(...Array.from({ length: 20 }, () => short), long, long));
      const sizes: number[] = [];
      for (let last = 0; last < 22;) {
        const page = log.page(MAIN_STREAM, last, 22);
        sizes.push(page.bytes.byteLength);
        last = page.last;
      }
      expect(sizes.every((size) => size < PAGE_BYTES + 110_000 || size > 3 * PAGE_BYTES)).toBe(true);
      expect(Math.max(...sizes)).toBeLessThan(4 * PAGE_BYTES);
    });
  });

  it('goes on from any entry, up to any other', async () => {
    await withLog(7, async (log) => {
      const texts = Array.from({ length: 30 }, (_, n) => `${n}:${'é'.repeat(n)}`);
      log.append(MAIN_STREAM, batchOf(...texts));
      const bound = fc.integer({ min: 0, max: 30 });
      fc.assert(
        fc.property(bound, bound, (after, upTo) => {
          const page = log.page(MAIN_STREAM, after, upTo);
          expect(new TextDecoder().decode(page.bytes)).toBe(
            lines(...texts.slice(after, Math.max(after, upTo))),
          );
          expect(page.last).toBe(Math.max(after, upTo));
        }),
      );
    });
  });
});
