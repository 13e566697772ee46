/**
 * The index of one project's transcripts.
 *
 * @module
 */
import { DurableObject } from 'cloudflare:workers';
import type { ListedTranscript, TranscriptSummary } from '../contract/transcript.ts';
import type { ListPosition, ToldProject, TranscriptNews } from '../protocol/transcript.ts';
import { Schema } from '../storage/migrations.ts';
import { PROJECT_MIGRATIONS } from './migrations.ts';

/** How long a removal is remembered: longer than any news of what was removed can be on their way. */
const REMEMBER_REMOVAL_MS = 600_000;

type Row = { session: string; mtime: number; summary: string | null };

/**
 * ProjectObject: one per project key, named `<tenant>/<SHA-256 of the key>`.
 *
 * What a list of the project's transcripts is read from. Each transcript tells it of itself; news of a
 * generation older than what is known are late, and change nothing.
 */
export class ProjectObject extends DurableObject<Env> implements ToldProject {
  readonly #schema = new Schema(this.ctx.storage, PROJECT_MIGRATIONS);

  /** Lists a transcript, or what is new of it. */
  put(project: string, { session, generation, mtime, summary }: TranscriptNews): void {
    this.#schema.ensure();
    const { sql, kv } = this.ctx.storage;
    if (kv.get('project') === undefined) kv.put('project', project);
    sql.exec(
      `INSERT INTO transcripts VALUES (?1, ?2, ?3, ?4, NULL)
        ON CONFLICT DO UPDATE SET generation = ?2, mtime = ?3, summary = ?4, removed_at = NULL
        WHERE generation <= ?2 AND (removed_at IS NULL OR generation < ?2)`,
      session,
      generation,
      mtime,
      summary === null ? null : JSON.stringify(summary),
    );
  }

  /** Takes a transcript off the list. */
  async remove(session: string, generation: number): Promise<void> {
    this.#schema.ensure();
    const now = Date.now();
    this.ctx.storage.sql.exec(
      `INSERT INTO transcripts VALUES (?1, ?2, 0, NULL, ?3)
        ON CONFLICT DO UPDATE SET generation = ?2, mtime = 0, summary = NULL, removed_at = ?3
        WHERE generation <= ?2`,
      session,
      generation,
      now,
    );
    if ((await this.ctx.storage.getAlarm()) === null)
      await this.ctx.storage.setAlarm(now + REMEMBER_REMOVAL_MS);
  }

  /** Transcripts, the last changed first, after `after`. */
  list(after: ListPosition | null, limit: number): ListedTranscript[] {
    if (!this.#schema.isThere()) return [];
    const { mtime, sessionId } = after ?? { mtime: Number.MAX_SAFE_INTEGER, sessionId: '' };
    return this.ctx.storage.sql
      .exec<Row>(
        `SELECT session, mtime, summary FROM transcripts INDEXED BY transcripts_list
          WHERE removed_at IS NULL AND (mtime, session) < (?, ?) ORDER BY mtime DESC, session DESC LIMIT ?`,
        mtime,
        sessionId,
        limit,
      )
      .toArray()
      .map(toListed);
  }

  /** Forgets removals that nothing can be late for any more. */
  override async alarm(): Promise<void> {
    if (!this.#schema.isThere()) return;
    const { sql } = this.ctx.storage;
    sql.exec(
      'DELETE FROM transcripts WHERE removed_at IS NOT NULL AND removed_at <= ?',
      Date.now() - REMEMBER_REMOVAL_MS,
    );
    const { oldest } = sql
      .exec<{ oldest: number | null }>(
        'SELECT min(removed_at) AS oldest FROM transcripts WHERE removed_at IS NOT NULL',
      )
      .one();
    if (oldest !== null) await this.ctx.storage.setAlarm(oldest + REMEMBER_REMOVAL_MS);
    else if (sql.exec('SELECT 1 FROM transcripts LIMIT 1').toArray().length === 0) await this.#erase();
  }

  /** Nothing is listed and nothing can be late: nothing is kept. */
  async #erase(): Promise<void> {
    this.#schema.forget();
    await this.ctx.storage.deleteAll();
  }
}

function toListed({ session, mtime, summary }: Row): ListedTranscript {
  return {
    sessionId: session,
    mtime,
    ...(summary === null ? {} : { summary: JSON.parse(summary) as TranscriptSummary }),
  };
}
