/**
 * The scheme of the Agent SDK's reference adapter for PostgreSQL: a row an entry, as `jsonb`, a batch in one
 * INSERT, which is a transaction of its own.
 *
 * @module
 */
import { Pool } from 'pg';
import type { SessionStoreEntry } from '../../../src/agent-sdk/index.ts';
import { connectionTo } from '../support/postgres.ts';
import type { TranscriptStore } from './transcript-store.ts';

const SCHEMA = `
  CREATE TABLE entries (
    id          bigserial PRIMARY KEY,
    project_key text NOT NULL,
    session_id  text NOT NULL,
    subpath     text,
    entry       jsonb NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT now()
  );
  CREATE INDEX entries_key ON entries (project_key, session_id, subpath, id);
`;

/** `($1, $2, $3), ($1, $2, $4), …` */
const rowsOf = (count: number): string =>
  Array.from({ length: count }, (_, i) => `($1, $2, $${i + 3})`).join(', ');

export async function postgresStore(port: number): Promise<TranscriptStore> {
  const pool = new Pool(connectionTo(port));
  await pool.query(SCHEMA);
  return {
    name: 'Postgres',
    async append({ projectKey, sessionId }, entries) {
      await pool.query(
        `INSERT INTO entries (project_key, session_id, entry) VALUES ${rowsOf(entries.length)}`,
        [projectKey, sessionId, ...entries.map((entry) => JSON.stringify(entry))],
      );
    },
    async load({ projectKey, sessionId }) {
      const { rows } = await pool.query<{ entry: SessionStoreEntry }>(
        `SELECT entry FROM entries
          WHERE project_key = $1 AND session_id = $2 AND subpath IS NULL ORDER BY id`,
        [projectKey, sessionId],
      );
      return rows.length === 0 ? null : rows.map(({ entry }) => entry);
    },
    async settle() {
      await pool.query('VACUUM ANALYZE entries');
    },
    close: () => pool.end(),
  };
}
