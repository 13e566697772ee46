/**
 * The schemas of transcripts and projects. Append only.
 *
 * @module
 */
import type { Migration } from '../storage/migrations.ts';

export const TRANSCRIPT_MIGRATIONS: readonly Migration[] = [
  `
  -- The main transcript is stream 0 and has no row here. Ids are never used again.
  CREATE TABLE streams (subpath TEXT PRIMARY KEY, id INTEGER NOT NULL) WITHOUT ROWID;

  -- An entry's id is its stream, shifted, and its number in it from 1: no index is needed to read in order.
  CREATE TABLE entries (
    id    INTEGER PRIMARY KEY,
    uuid  TEXT,
    parts INTEGER NOT NULL,                     -- rows in entry_parts that follow
    body  BLOB NOT NULL                         -- JSON in UTF-8
  );
  CREATE UNIQUE INDEX entries_uuid ON entries (id >> 38, uuid) WHERE uuid IS NOT NULL;

  -- The rest of entries that are too long for one row.
  CREATE TABLE entry_parts (
    entry INTEGER NOT NULL, part INTEGER NOT NULL, body BLOB NOT NULL, PRIMARY KEY (entry, part)
  ) WITHOUT ROWID;
  `,
];

export const PROJECT_MIGRATIONS: readonly Migration[] = [
  `
  CREATE TABLE transcripts (
    session    TEXT PRIMARY KEY,
    generation INTEGER NOT NULL,
    mtime      INTEGER NOT NULL,                -- milliseconds since the epoch
    summary    TEXT,                            -- JSON
    removed_at INTEGER                          -- kept a while, so that late news don't bring it back
  ) WITHOUT ROWID;
  CREATE INDEX transcripts_list ON transcripts (mtime, session) WHERE removed_at IS NULL;
  CREATE INDEX transcripts_removed ON transcripts (removed_at) WHERE removed_at IS NOT NULL;
  `,
];
