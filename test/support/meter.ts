/**
 * Counts the rows that objects read and write, by the name of the object: what SQL reports, and one for each
 * key-value get or put, and each alarm.
 *
 * @module
 */

const cursors = new Map<string, { rowsRead: number; rowsWritten: number }[]>();
const gets = new Map<string, number>();
const puts = new Map<string, number>();

function add(name: string, rows: number): void {
  puts.set(name, (puts.get(name) ?? 0) + rows);
}

/** Begins to count what an object writes. */
export function meter(ctx: DurableObjectState): void {
  const name = ctx.id.name ?? '';
  const { storage } = ctx;
  const { sql, kv } = storage;
  const exec = sql.exec.bind(sql);
  const get = kv.get.bind(kv);
  const put = kv.put.bind(kv);
  const remove = kv.delete.bind(kv);
  const setAlarm = storage.setAlarm.bind(storage);
  sql.exec = ((query: string, ...bindings: unknown[]) => {
    const cursor = exec(query, ...bindings);
    cursors.set(name, [...(cursors.get(name) ?? []), cursor]);
    return cursor;
  }) as typeof sql.exec;
  kv.get = (key: string) => {
    gets.set(name, (gets.get(name) ?? 0) + 1);
    return get(key);
  };
  kv.put = (key, value) => {
    add(name, 1);
    put(key, value);
  };
  kv.delete = (key) => {
    add(name, 1);
    return remove(key);
  };
  storage.setAlarm = (time, options) => {
    add(name, 1);
    return setAlarm(time, options);
  };
}

/** The rows that the object of this name has written since {@link resetRows}. */
export function rowsWritten(name: string): number {
  const sql = (cursors.get(name) ?? []).reduce((sum, cursor) => sum + cursor.rowsWritten, 0);
  return sql + (puts.get(name) ?? 0);
}

/** The rows that it has read. */
export function rowsRead(name: string): number {
  const sql = (cursors.get(name) ?? []).reduce((sum, cursor) => sum + cursor.rowsRead, 0);
  return sql + (gets.get(name) ?? 0);
}

/** Begins to count anew. */
export function resetRows(): void {
  cursors.clear();
  gets.clear();
  puts.clear();
}
