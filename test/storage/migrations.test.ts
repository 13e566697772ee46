import { env } from 'cloudflare:workers';
import { runInDurableObject } from 'cloudflare:test';
import { describe, expect, it } from 'vitest';
import { Schema } from '../../src/storage/migrations.ts';

const FIRST = 'CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT NOT NULL)';
const SECOND = `ALTER TABLE notes ADD COLUMN author TEXT;
  UPDATE notes SET author = 'nobody';
  CREATE INDEX notes_author ON notes (author)`;
const BROKEN = `CREATE TABLE half_done (id INTEGER);
  INSERT INTO nowhere VALUES (1)`;

let storages = 0;

/** Runs something in an empty storage. */
function inStorage<T>(body: (storage: DurableObjectStorage) => T): Promise<T> {
  storages += 1;
  const stub = env.REGISTRY.getByName(`storage-${storages}`) as DurableObjectStub;
  return runInDurableObject(stub, (_, state) => body(state.storage));
}

const tablesOf = ({ sql }: DurableObjectStorage): unknown[] =>
  sql
    .exec("SELECT name FROM sqlite_master WHERE name NOT LIKE '\\_cf%' ESCAPE '\\' ORDER BY name")
    .toArray()
    .map(({ name }) => name);

const notesOf = ({ sql }: DurableObjectStorage) => sql.exec('SELECT * FROM notes').toArray();

describe('a schema', () => {
  it('is not there before something is written, and asking makes nothing', async () => {
    const seen = await inStorage((storage) => {
      const schema = new Schema(storage, [FIRST]);
      return { there: schema.isThere(), again: schema.isThere(), tables: tablesOf(storage) };
    });
    expect(seen).toEqual({ there: false, again: false, tables: [] });
  });

  it('is made once by the first write, all migrations in order', async () => {
    const seen = await inStorage((storage) => {
      const schema = new Schema(storage, [FIRST, SECOND]);
      schema.ensure();
      schema.ensure();
      const there = schema.isThere();
      // Another instance of the object finds it made.
      new Schema(storage, [FIRST, SECOND]).ensure();
      return { there, tables: tablesOf(storage) };
    });
    expect(seen).toEqual({ there: true, tables: ['notes', 'notes_author', 'schema_migrations'] });
  });

  it('of before is brought up to date by a read, its rows kept', async () => {
    const notes = await inStorage((storage) => {
      new Schema(storage, [FIRST]).ensure();
      storage.sql.exec("INSERT INTO notes VALUES (1, 'kept')");
      const there = new Schema(storage, [FIRST, SECOND]).isThere();
      return there ? notesOf(storage) : null;
    });
    expect(notes).toEqual([{ id: 1, text: 'kept', author: 'nobody' }]);
  });

  it('applies each migration once, however often the object starts', async () => {
    const notes = await inStorage((storage) => {
      for (const migrations of [[FIRST], [FIRST, SECOND], [FIRST, SECOND]])
        new Schema(storage, migrations).ensure();
      storage.sql.exec("INSERT INTO notes VALUES (1, 'a', 'me')");
      new Schema(storage, [FIRST, SECOND]).ensure();
      return notesOf(storage);
    });
    expect(notes).toEqual([{ id: 1, text: 'a', author: 'me' }]);
  });

  it('is made all or not at all: one that fails leaves nothing, and is tried again', async () => {
    const seen = await inStorage((storage) => {
      const schema = new Schema(storage, [FIRST, BROKEN]);
      const attempts = [() => schema.ensure(), () => schema.ensure()].map((attempt) => {
        try {
          attempt();
          return 'made';
        } catch (error) {
          return String(error);
        }
      });
      const left = tablesOf(storage);
      new Schema(storage, [FIRST, SECOND]).ensure();
      return { attempts, left, mended: tablesOf(storage) };
    });
    expect(seen.attempts).toEqual([expect.stringContaining('nowhere'), expect.stringContaining('nowhere')]);
    expect(seen.left).toEqual([]);
    expect(seen.mended).toContain('notes_author');
  });

  it('of before stays as it was where the next migration fails', async () => {
    const seen = await inStorage((storage) => {
      new Schema(storage, [FIRST]).ensure();
      storage.sql.exec("INSERT INTO notes VALUES (1, 'kept')");
      expect(() => new Schema(storage, [FIRST, SECOND, BROKEN]).isThere()).toThrow('nowhere');
      return { notes: notesOf(storage), there: new Schema(storage, [FIRST]).isThere() };
    });
    expect(seen).toEqual({ notes: [{ id: 1, text: 'kept' }], there: true });
  });

  it('of a newer version is refused, to read and to write', async () => {
    await inStorage((storage) => {
      new Schema(storage, [FIRST, SECOND]).ensure();
      expect(() => new Schema(storage, [FIRST]).isThere()).toThrow('schema is at 2, this code at 1');
      expect(() => new Schema(storage, [FIRST]).ensure()).toThrow('schema is at 2, this code at 1');
    });
  });
});
