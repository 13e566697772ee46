/**
 * The entries of a transcript, in streams: the main one and one for each subpath.
 *
 * @module
 */
import type { EntryBatch } from '../protocol/transcript.ts';

/** Well below the 2 MB that a row may have on the platform; locally nothing would notice. */
export const MAX_ROW_BYTES = 1_000_000;
/** How much a page of entries has, about: what is held in memory of a reading. */
export const PAGE_BYTES = 512 * 1024;

/** The stream of the main transcript. */
export const MAIN_STREAM = 0;
/** Numbers of entries have 38 bits, streams the 15 above, which is all that a JavaScript number holds. */
const STREAM_SIZE = 2 ** 38;
/** How many subpaths a transcript can ever have had. */
export const MAX_STREAMS = 2 ** 15;

/** The platform allows 100 parameters a statement, and a row has four. */
const ROWS_A_STATEMENT = 25;

const NEWLINE = 0x0a;

/** Entries as NDJSON, and the number of the last one. */
export interface LoggedPage {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly last: number;
}

interface NewEntry {
  readonly uuid: string | null;
  readonly body: Uint8Array;
}

function entriesOf({ bytes, lengths, uuids }: EntryBatch): NewEntry[] {
  let end = 0;
  return lengths.map((length, i) => {
    end += length;
    return { uuid: uuids[i] ?? null, body: bytes.subarray(end - length, end) };
  });
}

const idOf = (stream: number, number: number): number => stream * STREAM_SIZE + number;

export class EntryLog {
  readonly #sql: SqlStorage;
  readonly #maxRowBytes: number;

  constructor(sql: SqlStorage, maxRowBytes = MAX_ROW_BYTES) {
    this.#sql = sql;
    this.#maxRowBytes = maxRowBytes;
  }

  /** The stream of a subpath, or null where it was never written. */
  streamOf(subpath: string): number | null {
    if (subpath === '') return MAIN_STREAM;
    const [row] = this.#sql
      .exec<{ id: number }>('SELECT id FROM streams WHERE subpath = ?', subpath)
      .toArray();
    return row?.id ?? null;
  }

  /** Gives a subpath its stream. */
  addStream(id: number, subpath: string): void {
    this.#sql.exec('INSERT INTO streams VALUES (?, ?)', subpath, id);
  }

  /** The subpaths that have entries, in order. */
  subpaths(): string[] {
    const rows = this.#sql.exec<{ subpath: string }>('SELECT subpath FROM streams ORDER BY subpath');
    return rows.toArray().map(({ subpath }) => subpath);
  }

  /** How many entries a stream has. */
  total(stream: number): number {
    const { last } = this.#sql
      .exec<{ last: number | null }>(
        'SELECT max(id) AS last FROM entries WHERE id > ? AND id < ?',
        idOf(stream, 0),
        idOf(stream + 1, 0),
      )
      .one();
    return last === null ? 0 : last - idOf(stream, 0);
  }

  /**
   * Appends a batch in its order, leaving out entries whose uuid the stream already has.
   *
   * @returns how many were appended.
   */
  append(stream: number, batch: EntryBatch): number {
    const entries = entriesOf(batch);
    const before = this.total(stream);
    let number = before;
    for (let at = 0; at < entries.length; at += ROWS_A_STATEMENT)
      number += this.#appendGroup(stream, number, entries.slice(at, at + ROWS_A_STATEMENT));
    return number - before;
  }

  /** Appends entries after number `after`. */
  #appendGroup(stream: number, after: number, entries: readonly NewEntry[]): number {
    const inserted = this.#insert(idOf(stream, after + 1), entries);
    if (inserted === entries.length || inserted === 0) return inserted;
    // Some were known, and numbers have no gaps: all are taken back, and get theirs one by one.
    const last = after + entries.length;
    this.#sql.exec('DELETE FROM entries WHERE id > ? AND id <= ?', idOf(stream, after), idOf(stream, last));
    return entries.reduce(
      (count, entry) => count + this.#insert(idOf(stream, after + count + 1), [entry]),
      0,
    );
  }

  /**
   * Inserts entries with consecutive ids, leaving out known ones. One that is too long for a row is whole only
   * if none was left out.
   *
   * @returns how many were inserted.
   */
  #insert(firstId: number, entries: readonly NewEntry[]): number {
    const size = this.#maxRowBytes;
    const partsOf = ({ body }: NewEntry): number => Math.max(0, Math.ceil(body.byteLength / size) - 1);
    const inserted = this.#sql
      .exec(
        `INSERT INTO entries VALUES ${entries.map(() => '(?, ?, ?, ?)').join(', ')}
          ON CONFLICT DO NOTHING RETURNING id`,
        ...entries.flatMap((entry, i) => [
          firstId + i,
          entry.uuid,
          partsOf(entry),
          entry.body.slice(0, size),
        ]),
      )
      .toArray();
    if (inserted.length < entries.length) return inserted.length;
    for (const [i, entry] of entries.entries())
      for (let part = 1; part <= partsOf(entry); part += 1) {
        const bytes = entry.body.slice(part * size, (part + 1) * size);
        this.#sql.exec('INSERT INTO entry_parts VALUES (?, ?, ?)', firstId + i, part, bytes);
      }
    return inserted.length;
  }

  /** Entries after number `after` up to number `upTo`, about {@link PAGE_BYTES} of them, at least one. */
  page(stream: number, after: number, upTo: number): LoggedPage {
    const bodies: ArrayBuffer[][] = [];
    let size = 0;
    let last = after;
    const rows = this.#sql.exec(
      'SELECT id, parts, body FROM entries WHERE id > ? AND id <= ? ORDER BY id',
      idOf(stream, after),
      idOf(stream, upTo),
    );
    for (const [id, parts, body] of rows.raw<[number, number, ArrayBuffer]>()) {
      const whole = parts === 0 ? [body] : [body, ...this.#parts(id)];
      bodies.push(whole);
      size += whole.reduce((sum, part) => sum + part.byteLength, 1);
      last = id - idOf(stream, 0);
      if (size >= PAGE_BYTES) break;
    }
    return { bytes: toLines(bodies, size), last };
  }

  #parts(entry: number): ArrayBuffer[] {
    return this.#sql
      .exec<{ body: ArrayBuffer }>('SELECT body FROM entry_parts WHERE entry = ? ORDER BY part', entry)
      .toArray()
      .map(({ body }) => body);
  }

  /** Deletes a stream and what is in it. */
  deleteStream(stream: number): void {
    const range = [idOf(stream, 0), idOf(stream + 1, 0)] as const;
    this.#sql.exec('DELETE FROM entry_parts WHERE entry > ? AND entry < ?', ...range);
    this.#sql.exec('DELETE FROM entries WHERE id > ? AND id < ?', ...range);
    this.#sql.exec('DELETE FROM streams WHERE id = ?', stream);
  }

  /** Deletes everything. */
  clear(): void {
    for (const table of ['entry_parts', 'entries', 'streams']) this.#sql.exec(`DELETE FROM ${table}`);
  }
}

/** Joins entries, and gives their memory back: what waits to be collected adds up over a long reading. */
function toLines(bodies: readonly ArrayBuffer[][], size: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(size);
  let offset = 0;
  for (const parts of bodies) {
    for (const part of parts) {
      bytes.set(new Uint8Array(part), offset);
      offset += part.byteLength;
      part.transfer(0);
    }
    bytes[offset] = NEWLINE;
    offset += 1;
  }
  return bytes;
}
