/**
 * Watches the SQL of an object: every statement, with what it read.
 *
 * @module
 */

export interface Statement {
  readonly query: string;
  readonly bindings: readonly SqlStorageValue[];
  readonly cursor: { readonly rowsRead: number; readonly rowsWritten: number };
}

/** Notes down every statement from now on, until the object is evicted or {@link SqlLog.stop}. */
export class SqlLog {
  readonly #sql: SqlStorage;
  readonly #exec: SqlStorage['exec'];
  #statements: Statement[] = [];

  constructor(sql: SqlStorage) {
    this.#sql = sql;
    this.#exec = sql.exec.bind(sql);
    sql.exec = ((query: string, ...bindings: SqlStorageValue[]) => {
      const cursor = this.#exec(query, ...bindings);
      this.#statements.push({ query, bindings, cursor });
      return cursor;
    }) as typeof sql.exec;
  }

  stop(): void {
    this.#sql.exec = this.#exec;
  }

  /** The statements since this was last asked. */
  take(): readonly Statement[] {
    const taken = this.#statements;
    this.#statements = [];
    return taken;
  }

  /** How SQLite carries a statement out, a line a step. */
  planOf({ query, bindings }: Statement): string[] {
    return this.#exec<{ detail: string }>(`EXPLAIN QUERY PLAN ${query}`, ...bindings)
      .toArray()
      .map((step) => step.detail);
  }
}

/** How many rows statements have read, or written. */
export function sum(statements: readonly Statement[], count: 'rowsRead' | 'rowsWritten'): number {
  return statements.reduce((total, { cursor }) => total + cursor[count], 0);
}
