/**
 * The registry's schema. Append only.
 *
 * @module
 */
import type { Migration } from '../storage/migrations.ts';

export const REGISTRY_MIGRATIONS: readonly Migration[] = [
  `
  -- One row a session that is still kept. Clustered by status, then by id, which is by age: a page of a
  -- list is one seek. Each row stands in exactly one of the first three indexes.
  CREATE TABLE sessions (
    status          TEXT NOT NULL,              -- active | expired | ended
    session_id      TEXT NOT NULL,
    version         INTEGER NOT NULL,
    reserved        TEXT NOT NULL,              -- no | create | resume: admitted, not yet confirmed
    due             INTEGER NOT NULL,           -- when a lease or a reservation lapses, or retention ends
    asks            INTEGER NOT NULL,           -- how often the session has not answered in a row
    model           TEXT,
    permission_mode TEXT NOT NULL,
    message_count   INTEGER NOT NULL,
    reported_at     INTEGER NOT NULL,
    idempotency_key TEXT,
    summary         TEXT NOT NULL,              -- JSON
    PRIMARY KEY (status, session_id)
  ) WITHOUT ROWID;
  CREATE INDEX sessions_lease ON sessions (due) WHERE status = 'active' AND reserved = 'no';
  CREATE INDEX sessions_reservation ON sessions (due) WHERE status = 'active' AND reserved <> 'no';
  CREATE INDEX sessions_retention ON sessions (due) WHERE status <> 'active';
  CREATE INDEX sessions_model ON sessions (status, model, session_id) WHERE model IS NOT NULL;

  -- What a list can be filtered by beside the model: metadata, and the linked Claude id.
  CREATE TABLE labels (
    name TEXT NOT NULL, value TEXT NOT NULL, status TEXT NOT NULL, session_id TEXT NOT NULL,
    PRIMARY KEY (name, value, status, session_id)
  ) WITHOUT ROWID;
  CREATE TABLE claude_sessions (
    claude_session_id TEXT NOT NULL, session_id TEXT NOT NULL,
    PRIMARY KEY (claude_session_id, session_id)
  ) WITHOUT ROWID;

  -- How many active sessions there are of each kind.
  CREATE TABLE tallies (
    model TEXT NOT NULL, permission_mode TEXT NOT NULL, active INTEGER NOT NULL,
    PRIMARY KEY (model, permission_mode)
  ) WITHOUT ROWID;

  -- One row a minute in which something happened; the running minute is kept with the totals.
  CREATE TABLE minutes (
    minute INTEGER PRIMARY KEY,                 -- its start, milliseconds since the epoch
    active INTEGER NOT NULL, created INTEGER NOT NULL, expired INTEGER NOT NULL,
    ended INTEGER NOT NULL, rejected INTEGER NOT NULL, messages INTEGER NOT NULL
  );

  CREATE TABLE idempotency_keys (
    key TEXT PRIMARY KEY, body_digest TEXT NOT NULL, session_id TEXT NOT NULL, expires_at INTEGER NOT NULL
  ) WITHOUT ROWID;
  CREATE INDEX idempotency_keys_expiry ON idempotency_keys (expires_at);
  `,
];
