/**
 * Schema migrations of an object's SQLite database: an append-only list, applied in order, each once.
 *
 * @module
 */

/** One step, as SQL statements. Its number is its place in the list; what has shipped never changes. */
export type Migration = string;

const TABLE = 'schema_migrations';

/** Brings the schema of one object up to date. Nothing is created before something is to be written. */
export class Schema {
  readonly #storage: DurableObjectStorage;
  readonly #migrations: readonly Migration[];
  /** How many migrations have been applied; undefined until that was read. */
  #applied: number | undefined;

  constructor(storage: DurableObjectStorage, migrations: readonly Migration[]) {
    this.#storage = storage;
    this.#migrations = migrations;
  }

  /**
   * Whether there are tables to read. An older schema is brought up to date first; where there is none,
   * none is made.
   */
  isThere(): boolean {
    this.#applied ??= this.#read();
    if (this.#applied === 0) return false;
    this.ensure();
    return true;
  }

  /**
   * Makes or updates the tables, all or nothing.
   *
   * @throws if the stored schema is newer than this code: writing would lose what it doesn't know.
   */
  ensure(): void {
    this.#applied ??= this.#read();
    const pending = this.#migrations.slice(this.#applied);
    if (this.#applied > this.#migrations.length)
      throw new Error(`The schema is at ${this.#applied}, this code at ${this.#migrations.length}`);
    if (pending.length === 0) return;
    this.#storage.transactionSync(() => {
      this.#storage.sql.exec(`CREATE TABLE IF NOT EXISTS ${TABLE} (applied INTEGER NOT NULL)`);
      for (const migration of pending) this.#storage.sql.exec(migration);
      this.#storage.sql.exec(`DELETE FROM ${TABLE}`);
      this.#storage.sql.exec(`INSERT INTO ${TABLE} VALUES (?)`, this.#migrations.length);
    });
    this.#applied = this.#migrations.length;
  }

  /** Has the schema read again: everything was deleted. */
  forget(): void {
    this.#applied = undefined;
  }

  #read(): number {
    const { sql } = this.#storage;
    const tables = sql.exec("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?", TABLE).toArray();
    if (tables.length === 0) return 0;
    return sql.exec<{ applied: number }>(`SELECT applied FROM ${TABLE}`).one().applied;
  }
}
