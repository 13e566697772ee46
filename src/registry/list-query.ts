/**
 * Pages of the list. Each is driven by the narrowest index that there is for its filter, so that what it takes
 * does not grow with the registry.
 *
 * @module
 */
import type { SessionStatus } from '../contract/session.ts';
import { columnsBy, toRow, type IndexRow, type Label, type SqlRow } from './index-row.ts';

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

/** Of a list: driven by the model. */
const BY_MODEL = 'model';

/** Sorts after every id. */
const AFTER_ALL_IDS = 'g';

/** What can drive a list that is filtered: a label, or the model. */
type Narrowing = Label | typeof BY_MODEL;

/** A page of sessions, newest first. */
export function listRows(sql: SqlStorage, filter: ListFilter, now: number): IndexRow[] {
  const bindings: (string | number)[] = [];
  const arms = filter.statuses.map((status) => armOf(sql, filter, status, now, bindings));
  const rows = sql.exec<SqlRow>(
    `${arms.join(' UNION ALL ')} ORDER BY session_id DESC LIMIT ?`,
    ...bindings,
    filter.limit,
  );
  return rows.toArray().map(toRow);
}

/** One status of a list, driven by the narrowest index that there is for the filter. */
function armOf(
  sql: SqlStorage,
  filter: ListFilter,
  status: SessionStatus,
  now: number,
  bindings: (string | number)[],
): string {
  const before = filter.before ?? AFTER_ALL_IDS;
  const where: string[] = [];
  let from: string;
  let driver: 's' | 'c' | 'l' = 's';
  const rarest = filter.claudeSessionId === undefined ? rarestOf(sql, filter, status, before) : undefined;
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
function rarestOf(
  sql: SqlStorage,
  filter: ListFilter,
  status: SessionStatus,
  before: string,
): Narrowing | undefined {
  const all: Narrowing[] = [...filter.labels];
  if (filter.model !== undefined) all.push(BY_MODEL);
  const [only] = all;
  if (all.length < 2) return only;
  const reach = new Map(all.map((it) => [it, reachOf(sql, filter, it, status, before)]));
  return all.reduce((a, b) => ((reach.get(b) ?? '') < (reach.get(a) ?? '') ? b : a));
}

/** The last id of a page that had no other filter; empty, which is before every id, where they fill none. */
function reachOf(
  sql: SqlStorage,
  filter: ListFilter,
  by: Narrowing,
  status: SessionStatus,
  before: string,
): string {
  const [from, ...bindings] =
    by === BY_MODEL
      ? ['sessions INDEXED BY sessions_model WHERE model = ?', filter.model ?? '']
      : ['labels WHERE name = ? AND value = ?', ...by];
  const [last] = sql
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
