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

const NEWLINE = 0x0a;

/** Entries as NDJSON, and the number of the last one. */
export interface LoggedPage {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly last: number;
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
    const before = this.total(stream);
    let number = before;
    let offset = 0;
    for (const [i, length] of batch.lengths.entries()) {
      const body = batch.bytes.subarray(offset, offset + length);
      offset += length;
      if (this.#insert(idOf(stream, number + 1), batch.uuids[i] ?? null, body)) number += 1;
    }
    return number - before;
  }

  #insert(id: number, uuid: string | null, body: Uint8Array): boolean {
    const size = this.#maxRowBytes;
    const parts = Math.max(0, Math.ceil(body.byteLength / size) - 1);
    const inserted = this.#sql
      .exec(
        'INSERT INTO entries VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING RETURNING id',
        id,
        uuid,
        parts,
        body.slice(0, size),
      )
      .toArray();
    if (inserted.length === 0) return false;
    for (let part = 1; part <= parts; part += 1) {
      const bytes = body.slice(part * size, (part + 1) * size);
      this.#sql.exec('INSERT INTO entry_parts VALUES (?, ?, ?)', id, part, bytes);
    }
    return true;
  }

  /** Entries after number `after` up to number `upTo`, about {@link PAGE_BYTES} of them, at least one. */
  page(stream: number, after: number, upTo: number): LoggedPage {
    const chunks: Uint8Array<ArrayBuffer>[] = [];
    let size = 0;
    let last = after;
    const rows = this.#sql.exec<{ id: number; parts: number; body: ArrayBuffer }>(
      'SELECT id, parts, body FROM entries WHERE id > ? AND id <= ? ORDER BY id',
      idOf(stream, after),
      idOf(stream, upTo),
    );
    for (const { id, parts, body } of rows) {
      const whole = parts === 0 ? [body] : [body, ...this.#parts(id)];
      for (const part of whole) chunks.push(new Uint8Array(part));
      chunks.push(Uint8Array.of(NEWLINE));
      size += whole.reduce((sum, part) => sum + part.byteLength, 1);
      last = id - idOf(stream, 0);
      if (size >= PAGE_BYTES) break;
    }
    return { bytes: join(chunks, size), last };
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

/** Joins chunks, and gives their memory back: what waits to be collected adds up over a long reading. */
function join(chunks: readonly Uint8Array<ArrayBuffer>[], size: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(size);
  let offset = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, offset);
    offset += chunk.byteLength;
    chunk.buffer.transfer(0);
  }
  return bytes;
}
