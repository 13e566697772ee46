/**
 * The registry's rows: one a session that is still kept, found by id, by status, by what it is labelled
 * with, and by when something falls due. Every look-up is a seek in an index, whatever the size.
 *
 * @module
 */
import { LEASE_MARGIN_MS } from '../protocol/report.ts';
import {
  columnsBy,
  labelsOf,
  toColumns,
  toRow,
  type IndexRow,
  type Label,
  type SqlRow,
} from './index-row.ts';
import { listRows, type ListFilter } from './list-query.ts';

const LEASED = "status = 'active' AND reserved = 'no'";
const RESERVED = "status = 'active' AND reserved <> 'no'";
const RETAINED = "status <> 'active'";

/**
 * A row by its id. Those that are active are looked through first, as most are; in one statement, since each that
 * stands outside of a transaction locks the database anew.
 */
const FIND = ["= 'active'", "IN ('expired', 'ended')"]
  .map((status) => `SELECT ${columnsBy('s')} FROM sessions s WHERE s.status ${status} AND s.session_id = ?`)
  .join(' UNION ALL ')
  .concat(' LIMIT 1');

export class SessionIndex {
  readonly #sql: SqlStorage;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
  }

  /** The row of a session, or null. */
  find(sessionId: string): IndexRow | null {
    const [row] = this.#sql.exec<SqlRow>(FIND, sessionId, sessionId).toArray();
    return row === undefined ? null : toRow(row);
  }

  /** Writes a new row, replaces one, or with `after` null deletes one, with all that is found by it. */
  replace(before: IndexRow | null, after: IndexRow | null): void {
    if (before === null) {
      if (after !== null) this.#insert(after);
    } else if (after === null) {
      this.#sql.exec(
        'DELETE FROM sessions WHERE status = ? AND session_id = ?',
        before.status,
        before.sessionId,
      );
    } else {
      this.#update(before, after);
    }
    this.#relabel(before, after);
    this.#relink(before, after);
  }

  /** Leases that have lapsed, and reservations that nobody used: sessions to ask, those due first. */
  lapsed(now: number, limit: number): IndexRow[] {
    return [
      ...this.#rows(
        `s INDEXED BY sessions_reservation WHERE ${RESERVED} AND due <= ? ORDER BY due LIMIT ?`,
        now,
        limit,
      ),
      ...this.#rows(
        `s INDEXED BY sessions_lease WHERE ${LEASED} AND due <= ? ORDER BY due LIMIT ?`,
        now,
        limit,
      ),
    ].slice(0, limit);
  }

  /**
   * The same, with every session that by its last report should have expired by now: worth asking where
   * someone waits for the slot or for a true list. One that has not answered waits for its turn.
   */
  suspects(now: number, limit: number): IndexRow[] {
    const overdue = this.#rows(
      `s INDEXED BY sessions_lease WHERE ${LEASED} AND due <= ? AND (asks = 0 OR due <= ?) ORDER BY due LIMIT ?`,
      now + LEASE_MARGIN_MS,
      now,
      limit,
    );
    return [
      ...this.#rows(
        `s INDEXED BY sessions_reservation WHERE ${RESERVED} AND due <= ? ORDER BY due LIMIT ?`,
        now,
        limit,
      ),
      ...overdue,
    ].slice(0, limit);
  }

  /** Rows whose retention is over. */
  outlived(now: number, limit: number): IndexRow[] {
    return this.#rows(
      `s INDEXED BY sessions_retention WHERE ${RETAINED} AND due <= ? ORDER BY due LIMIT ?`,
      now,
      limit,
    );
  }

  /** When something next falls due, or null. */
  nextDue(): number | null {
    const first = (index: string, where: string) =>
      `SELECT * FROM (SELECT due FROM sessions INDEXED BY ${index} WHERE ${where} ORDER BY due LIMIT 1)`;
    const { due } = this.#sql
      .exec<{ due: number | null }>(
        `SELECT min(due) AS due FROM (
          ${first('sessions_reservation', RESERVED)} UNION ALL
          ${first('sessions_lease', LEASED)} UNION ALL
          ${first('sessions_retention', RETAINED)})`,
      )
      .one();
    return due;
  }

  /** The earliest expiry that is known of, or null. */
  nextExpiry(): number | null {
    const [row] = this.#sql
      .exec<{ due: number }>(
        `SELECT due FROM sessions INDEXED BY sessions_lease WHERE ${LEASED} ORDER BY due LIMIT 1`,
      )
      .toArray();
    return row === undefined ? null : row.due - LEASE_MARGIN_MS;
  }

  /** A page of sessions, newest first. */
  list(filter: ListFilter, now: number): IndexRow[] {
    return listRows(this.#sql, filter, now);
  }

  #rows(rest: string, ...bindings: (string | number)[]): IndexRow[] {
    return this.#sql
      .exec<SqlRow>(`SELECT ${columnsBy('s')} FROM sessions ${rest}`, ...bindings)
      .toArray()
      .map(toRow);
  }

  #insert(row: IndexRow): void {
    const columns = toColumns(row);
    const names = Object.keys(columns);
    this.#sql.exec(
      `INSERT INTO sessions (${names.join(', ')}) VALUES (${names.map(() => '?').join(', ')})`,
      ...Object.values(columns),
    );
  }

  /** Sets the columns that differ: naming a column rewrites its indexes, changed or not. */
  #update(before: IndexRow, after: IndexRow): void {
    const old = toColumns(before);
    const changed = Object.entries(toColumns(after)).filter(([name, value]) => old[name] !== value);
    if (changed.length === 0) return;
    this.#sql.exec(
      `UPDATE sessions SET ${changed.map(([name]) => `${name} = ?`).join(', ')} WHERE status = ? AND session_id = ?`,
      ...changed.map(([, value]) => value),
      before.status,
      before.sessionId,
    );
  }

  #relabel(before: IndexRow | null, after: IndexRow | null): void {
    const old = before === null ? [] : labelsOf(before);
    const next = after === null ? [] : labelsOf(after);
    const moved = before?.status !== after?.status;
    const has = (labels: readonly Label[], [name, value]: Label) =>
      labels.some((label) => label[0] === name && label[1] === value);
    if (before !== null) {
      for (const label of old.filter((it) => moved || !has(next, it)))
        this.#sql.exec(
          'DELETE FROM labels WHERE name = ? AND value = ? AND status = ? AND session_id = ?',
          ...label,
          before.status,
          before.sessionId,
        );
    }
    if (after !== null) {
      for (const label of next.filter((it) => moved || !has(old, it)))
        this.#sql.exec('INSERT INTO labels VALUES (?, ?, ?, ?)', ...label, after.status, after.sessionId);
    }
  }

  #relink(before: IndexRow | null, after: IndexRow | null): void {
    const old = before?.summary.claudeSessionId;
    const next = after?.summary.claudeSessionId;
    if (old === next) return;
    if (before !== null && old !== undefined)
      this.#sql.exec(
        'DELETE FROM claude_sessions WHERE claude_session_id = ? AND session_id = ?',
        old,
        before.sessionId,
      );
    if (after !== null && next !== undefined)
      this.#sql.exec('INSERT INTO claude_sessions VALUES (?, ?)', next, after.sessionId);
  }
}
