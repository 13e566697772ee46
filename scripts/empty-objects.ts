/**
 * The files of objects that hold nothing. workerd keeps one for every object that was ever asked for, also for
 * those that were never created and those that have deleted all they had.
 *
 * @module
 */
import { closeSync, existsSync, openSync, readdirSync, readSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';

/** An object's file, and those that SQLite has beside it while it is open, or where it was killed. */
const OBJECT_FILE = /^([\da-f]{64})\.sqlite(-wal|-shm)?$/;
/** Where workerd keeps the alarms of a class's objects. */
const ALARMS_FILE = 'metadata.sqlite';

/** An empty database is one page of this size, or no page at all, bytes. */
const PAGE_BYTES = 4_096;
/** What every database begins with. https://www.sqlite.org/fileformat2.html */
const MAGIC = 'SQLite format 3\0';
/** Where the number of pages is, in the header. */
const PAGE_COUNT_OFFSET = 28;
/** The first page is the table of all tables, whose own header comes after the file's: a leaf with no rows. */
const PAGE_TYPE_OFFSET = 100;
const TABLE_LEAF = 13;
const ROW_COUNT_OFFSET = 103;

/** Opening a database takes its time: what is not looked at now is looked at when the server starts again. */
const MAX_OPENING_MS = 500;

/**
 * Deletes the files of a class's objects that hold neither data nor an alarm. Nothing may have them open: an
 * object that wakes meanwhile would write into a file that is gone.
 *
 * @returns how many objects they were of.
 */
export function deleteEmptyObjects(folder: string): number {
  const files = new Map<string, Set<string>>();
  for (const name of readdirSync(folder)) {
    const [, id, suffix = ''] = OBJECT_FILE.exec(name) ?? [];
    if (id === undefined) continue;
    const suffixes = files.get(id);
    if (suffixes === undefined) files.set(id, new Set([suffix]));
    else suffixes.add(suffix);
  }
  const reader = new Reader();
  const empty = [...files].filter(([id, suffixes]) => reader.isEmpty(join(folder, `${id}.sqlite`), suffixes));
  if (empty.length === 0) return 0;
  const alarmed = objectsWithAlarms(folder);
  const unneeded = empty.filter(([id]) => !alarmed.has(id));
  // The database first: a log without one is nothing to SQLite, but an older database without its log is wrong.
  for (const [id] of unneeded)
    for (const suffix of ['', '-wal', '-shm']) rmSync(join(folder, `${id}.sqlite${suffix}`), { force: true });
  return unneeded.length;
}

/** The ids of the objects that are to be woken. */
function objectsWithAlarms(folder: string): ReadonlySet<string> {
  const path = join(folder, ALARMS_FILE);
  if (!existsSync(path)) return new Set();
  const database = new DatabaseSync(path, { readOnly: true });
  try {
    const rows = database.prepare('SELECT actor_id FROM _cf_ALARM').all();
    return new Set(rows.map(({ actor_id: id }) => String(id)));
  } finally {
    database.close();
  }
}

class Reader {
  readonly #page = Buffer.alloc(PAGE_BYTES);
  #openingMs = 0;

  /** Whether a database holds no table, as far as that can be found out soon. */
  isEmpty(path: string, suffixes: ReadonlySet<string>): boolean {
    // What is left of a deletion that was cut off.
    if (!suffixes.has('')) return true;
    if (statSync(path).size > PAGE_BYTES) return false;
    // What was written last is in the log, where the server was killed: only SQLite can tell.
    if (suffixes.has('-wal') && statSync(`${path}-wal`).size > 0) return this.#opensEmpty(path);
    return this.#isEmptyPage(path);
  }

  #isEmptyPage(path: string): boolean {
    const file = openSync(path, 'r');
    try {
      const length = readSync(file, this.#page, 0, PAGE_BYTES, 0);
      if (length === 0) return true;
      return (
        length === PAGE_BYTES &&
        this.#page.toString('latin1', 0, MAGIC.length) === MAGIC &&
        this.#page.readUInt32BE(PAGE_COUNT_OFFSET) === 1 &&
        this.#page[PAGE_TYPE_OFFSET] === TABLE_LEAF &&
        this.#page.readUInt16BE(ROW_COUNT_OFFSET) === 0
      );
    } finally {
      closeSync(file);
    }
  }

  #opensEmpty(path: string): boolean {
    if (this.#openingMs > MAX_OPENING_MS) return false;
    const startedAt = performance.now();
    const database = new DatabaseSync(path, { readOnly: true });
    try {
      return database.prepare('SELECT 1 FROM sqlite_master LIMIT 1').get() === undefined;
    } finally {
      database.close();
      this.#openingMs += performance.now() - startedAt;
    }
  }
}
