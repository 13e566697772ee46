/**
 * A row of the registry's index, and how it is written down.
 *
 * @module
 */
import { MAX_LABEL_VALUE_BYTES } from '../contract/limits.ts';
import { byteLength, type SessionStatus, type SessionSummary } from '../contract/session.ts';

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

// A type, not an interface: only types have the index signature that rows of SQL need.
export type SqlRow = {
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
export const columnsBy = (driver: 's' | 'c' | 'l') => `${driver}.session_id AS session_id, ${COLUMNS}`;

/** What a list can be filtered by: a name, and a value as text. */
export type Label = readonly [name: string, value: string];

/** What of the metadata a list can be filtered by: text, numbers and booleans at the top level. */
export function labelsOf({ summary }: IndexRow): Label[] {
  return Object.entries(summary.config.metadata).flatMap(([name, value]): Label[] => {
    if (typeof value !== 'string' && typeof value !== 'number' && typeof value !== 'boolean') return [];
    const text = String(value);
    return byteLength(text) <= MAX_LABEL_VALUE_BYTES ? [[name, text]] : [];
  });
}

export function toRow(row: SqlRow): IndexRow {
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

export function toColumns(row: IndexRow): Record<string, string | number | null> {
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
