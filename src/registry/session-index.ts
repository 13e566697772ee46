/**
 * The registry's rows: one a session that is still kept, found by id, by status, by what it is labelled
 * with, and by when something falls due. Every look-up is a seek in an index, whatever the size.
 *
 * @module
 */
import { MAX_LABEL_VALUE_BYTES } from '../contract/limits.ts';
import { byteLength, type SessionStatus, type SessionSummary } from '../contract/session.ts';
import { LEASE_MARGIN_MS } from '../protocol/report.ts';

/** Why a row holds a slot that its session has not yet confirmed. */
export type Reserved = 'no' | 'create' | 'resume';

/** What the registry knows of a session. Times in milliseconds since the epoch. */
export interface IndexRow {
  readonly sessionId: string;
  readonly status: SessionStatus;
  readonly version: number;
  readonly reserved: Reserved;
  /** Active: when the lease or reservation lapses and the session is asked. Else: when its row is deleted. */
  readonly due: number;
  /** How often in a row the session has not answered. */
  readonly asks: number;
  readonly messageCount: number;
  readonly reportedAt: number;
  readonly idempotencyKey: string | null;
  readonly summary: SessionSummary;
}

/** Which sessions a list holds. */
export interface ListFilter {
  readonly statuses: readonly SessionStatus[];
  readonly model?: string;
  readonly claudeSessionId?: string;
  /** Top-level metadata, by name and text. All must match. */
  readonly labels: readonly (readonly [name: string, value: string])[];
  /** The last id of the page before. */
  readonly before?: string;
  /** How many rows at the most. */
  readonly limit: number;
}

// A type, not an interface: only types have the index signature that rows of SQL need.
type SqlRow = {
  session_id: string;
  status: string;
  version: number;
  reserved: string;
  due: number;
  asks: number;
  message_count: number;
  reported_at: number;
  idempotency_key: string | null;
  summary: string;
};

// Named without their table, so that the arms of a list can be sorted together.
const COLUMNS = [
  'status',
  'version',
  'reserved',
  'due',
  'asks',
  'message_count',
  'reported_at',
  'idempotency_key',
  'summary',
]
  .map((name) => `s.${name} AS ${name}`)
  .join(', ');

/** The id from the table that drives a list: sorted by any other, it would be read and sorted whole. */
const columnsBy = (driver: 's' | 'c' | 'l') => `${driver}.session_id AS session_id, ${COLUMNS}`;

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

/** Of a list: driven by the model. */
const BY_MODEL = 'model';

/** Sorts after every id. */
const AFTER_ALL_IDS = 'g';

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
    const bindings: (string | number)[] = [];
    const arms = filter.statuses.map((status) => this.#listArm(filter, status, now, bindings));
    const rows = this.#sql.exec<SqlRow>(
      `${arms.join(' UNION ALL ')} ORDER BY session_id DESC LIMIT ?`,
      ...bindings,
      filter.limit,
    );
    return rows.toArray().map(toRow);
  }

  /** One status of a list, driven by the narrowest index that there is for the filter. */
  #listArm(filter: ListFilter, status: SessionStatus, now: number, bindings: (string | number)[]): string {
    const before = filter.before ?? AFTER_ALL_IDS;
    const where: string[] = [];
    let from: string;
    let driver: 's' | 'c' | 'l' = 's';
    const rarest = filter.claudeSessionId === undefined ? this.#rarest(filter, status, before) : undefined;
    if (filter.claudeSessionId !== undefined) {
      from = 'claude_sessions c CROSS JOIN sessions s ON s.status = ? AND s.session_id = c.session_id';
      bindings.push(status);
      where.push('c.claude_session_id = ?', 'c.session_id < ?');
      bindings.push(filter.claudeSessionId, before);
      driver = 'c';
    } else if (rarest !== undefined && rarest !== BY_MODEL) {
      driver = 'l';
      from = 'labels l CROSS JOIN sessions s ON s.status = l.status AND s.session_id = l.session_id';
      where.push('l.name = ?', 'l.value = ?', 'l.status = ?', 'l.session_id < ?');
      bindings.push(...rarest, status, before);
    } else {
      from = rarest === BY_MODEL ? 'sessions s INDEXED BY sessions_model' : 'sessions s';
      where.push('s.status = ?', 's.session_id < ?');
      bindings.push(status, before);
    }
    if (filter.model !== undefined) {
      where.push('s.model = ?');
      bindings.push(filter.model);
    }
    for (const label of filter.labels.filter((it) => it !== rarest)) {
      where.push(
        'EXISTS (SELECT 1 FROM labels x WHERE x.name = ? AND x.value = ? AND x.status = s.status AND x.session_id = s.session_id)',
      );
      bindings.push(...label);
    }
    if (status !== 'active') {
      where.push('s.due > ?');
      bindings.push(now);
    }
    return `SELECT ${columnsBy(driver)} FROM ${from} WHERE ${where.join(' AND ')}`;
  }

  /**
   * What of the filter the fewest sessions have, undefined where there is nothing to filter by: that of which a
   * page's worth reaches back furthest. A list that went by another would pass over many for each that it shows.
   */
  #rarest(filter: ListFilter, status: SessionStatus, before: string): Narrowing | undefined {
    const all: Narrowing[] = [...filter.labels];
    if (filter.model !== undefined) all.push(BY_MODEL);
    const [only] = all;
    if (all.length < 2) return only;
    const reach = new Map(all.map((it) => [it, this.#reach(filter, it, status, before)]));
    return all.reduce((a, b) => ((reach.get(b) ?? '') < (reach.get(a) ?? '') ? b : a));
  }

  /** The last id of a page that had no other filter; empty, which is before every id, where they fill none. */
  #reach(filter: ListFilter, by: Narrowing, status: SessionStatus, before: string): string {
    const [from, ...bindings] =
      by === BY_MODEL
        ? ['sessions INDEXED BY sessions_model WHERE model = ?', filter.model ?? '']
        : ['labels WHERE name = ? AND value = ?', ...by];
    const [last] = this.#sql
      .exec<{ session_id: string }>(
        `SELECT session_id FROM ${from} AND status = ? AND session_id < ? ORDER BY session_id DESC LIMIT 1 OFFSET ?`,
        ...bindings,
        status,
        before,
        filter.limit - 1,
      )
      .toArray();
    return last?.session_id ?? '';
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

type Label = readonly [name: string, value: string];
/** What can drive a list that is filtered: a label, or the model. */
type Narrowing = Label | typeof BY_MODEL;

/** What of the metadata a list can be filtered by: text, numbers and booleans at the top level. */
function labelsOf({ summary }: IndexRow): Label[] {
  return Object.entries(summary.config.metadata).flatMap(([name, value]): Label[] => {
    if (typeof value !== 'string' && typeof value !== 'number' && typeof value !== 'boolean') return [];
    const text = String(value);
    return byteLength(text) <= MAX_LABEL_VALUE_BYTES ? [[name, text]] : [];
  });
}

function toRow(row: SqlRow): IndexRow {
  return {
    sessionId: row.session_id,
    status: row.status as SessionStatus,
    version: row.version,
    reserved: row.reserved as Reserved,
    due: row.due,
    asks: row.asks,
    messageCount: row.message_count,
    reportedAt: row.reported_at,
    idempotencyKey: row.idempotency_key,
    summary: JSON.parse(row.summary) as SessionSummary,
  };
}

function toColumns(row: IndexRow): Record<string, string | number | null> {
  return {
    status: row.status,
    session_id: row.sessionId,
    version: row.version,
    reserved: row.reserved,
    due: row.due,
    asks: row.asks,
    model: row.summary.config.model ?? null,
    permission_mode: row.summary.config.permissionMode,
    message_count: row.messageCount,
    reported_at: row.reportedAt,
    idempotency_key: row.idempotencyKey,
    summary: JSON.stringify(row.summary),
  };
}
