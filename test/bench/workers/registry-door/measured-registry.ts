/**
 * The registry as it is, filled and looked at from within.
 *
 * @module
 */
import { RegistryObject } from '../../../../src/registry/registry-object.ts';
import type { Filling, Stored, Swept } from './calls.ts';
import { ACTIVE_PER_ENDED, LAPSING_LABEL, paperSession, type Paper } from './population.ts';

/** Higher than that of any session which is to be taken out. */
const LAST_VERSION = 1_000;
/** An alarm in the past can stall. */
const ALARM_DELAY_MS = 10;
/** Of keys of creates, whose bodies are of no interest here. */
const BODY_DIGEST = '0'.repeat(64);

/** What is not the platform's own. */
const OBJECTS_OF_SCHEMA = `SELECT type, name, tbl_name, coalesce(sql, '') AS sql FROM sqlite_master
  WHERE type IN ('table', 'index') AND name NOT LIKE '\\_cf%' ESCAPE '\\' AND name NOT LIKE 'sqlite%'`;

export class MeasuredRegistry extends RegistryObject {
  #afterAlarm: () => void = () => undefined;

  /** Has sessions created and linked, and some of them ended. */
  async fill({ from, to, active }: Filling): Promise<null> {
    const now = Date.now();
    for (let i = from; i < to; i += 1) {
      await this.#enter(paperSession(i, active, now));
      if (i % ACTIVE_PER_ENDED !== 0) continue;
      const other = paperSession(i, active, now);
      await this.#enter(other);
      await this.report(other.sessionId, other.ended);
    }
    return null;
  }

  async #enter({ sessionId, created, linked }: Paper): Promise<void> {
    const idempotency = { key: sessionId, bodyDigest: BODY_DIGEST };
    const reserved = await this.reserve({ sessionId, report: created, idempotency });
    if (!reserved.ok) throw new Error(`Not admitted: ${reserved.error.code}`);
    // It confirms the session too; a confirmation alone would wait for others.
    await this.report(sessionId, linked);
  }

  /** Takes sessions out: their rows are gone. */
  async withdraw(ids: readonly string[]): Promise<null> {
    const now = Date.now();
    const times = { createdAt: now, expiresAt: now, endedAt: now, retainUntil: now };
    for (const sessionId of ids)
      await this.report(sessionId, {
        version: LAST_VERSION,
        status: 'ended',
        ...times,
        messageCount: 0,
        summary: null,
      });
    return null;
  }

  /** Has the leases of all active sessions with the label lapse at once, and waits until the sweep is over. */
  async sweep(): Promise<Swept> {
    const now = Date.now();
    this.ctx.storage.sql.exec(
      `UPDATE sessions SET due = ? WHERE status = 'active' AND session_id IN (
        SELECT session_id FROM labels WHERE name = ? AND value = ? AND status = 'active')`,
      now,
      ...LAPSING_LABEL,
    );
    const lapsed = this.#lapsed(now);
    const over = new Promise<void>((resolve) => {
      this.#afterAlarm = resolve;
    });
    await this.ctx.storage.setAlarm(now + ALARM_DELAY_MS);
    await over;
    return { lapsed, left: this.#lapsed(Date.now()) };
  }

  #lapsed(now: number): number {
    return this.ctx.storage.sql
      .exec<{ lapsed: number }>(
        `SELECT count(*) AS lapsed FROM sessions INDEXED BY sessions_lease
          WHERE status = 'active' AND reserved = 'no' AND due <= ?`,
        now,
      )
      .one().lapsed;
  }

  override async alarm(): Promise<void> {
    await super.alarm();
    this.#afterAlarm();
  }

  stored(): Stored {
    const { sql } = this.ctx.storage;
    const counts = { table: 0, index: 0 };
    for (const it of sql.exec<{ type: 'table' | 'index'; name: string; tbl_name: string; sql: string }>(
      OBJECTS_OF_SCHEMA,
    )) {
      // A partial index is used where its own condition is asked for.
      const by = it.type === 'index' ? `INDEXED BY ${it.name} ${/ WHERE .*$/s.exec(it.sql)?.[0] ?? ''}` : '';
      const [row] = sql.exec<{ n: number }>(`SELECT count(*) AS n FROM ${it.tbl_name} ${by}`).toArray();
      counts[it.type] += row?.n ?? 0;
    }
    const { kept } = sql.exec<{ kept: number }>('SELECT count(*) AS kept FROM sessions').one();
    return { kept, rows: counts.table, indexEntries: counts.index, bytes: sql.databaseSize };
  }
}
