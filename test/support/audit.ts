/**
 * Holds a registry against the truth: its own rows against its counters, its rows against the sessions, and
 * its totals against what the sessions logged of themselves.
 *
 * @module
 */
import { vi } from 'vitest';
import { isDue } from '../../src/session/lifecycle.ts';
import type { SessionRecord } from '../../src/session/record.ts';
import { statusOf } from '../../src/session/view.ts';
import type { Tenant } from './tenant.ts';

interface Transition {
  readonly event: string;
  readonly tenant: string;
  readonly sessionId: string;
  readonly messageCount: number;
}

/** The transitions that sessions have logged since this was made. */
export class TransitionLog {
  readonly #transitions: Transition[] = [];

  constructor() {
    vi.spyOn(console, 'log').mockImplementation((line: string) => {
      this.#transitions.push(JSON.parse(line) as Transition);
    });
    vi.spyOn(console, 'warn').mockReturnValue();
    vi.spyOn(console, 'error').mockReturnValue();
  }

  /** The totals that a registry must come to, once all sessions of its tenant have ended. */
  totalsOf({ name }: Tenant): Record<string, number> {
    const of = (event: string) =>
      this.#transitions.filter((it) => it.tenant === name && it.event === `session.${event}`);
    // A session's messages only grow, so that its last end tells them all.
    const messages = new Map<string, number>();
    for (const it of [...of('expired'), ...of('ended')])
      messages.set(it.sessionId, Math.max(it.messageCount, messages.get(it.sessionId) ?? 0));
    return {
      totalCreated: of('created').length,
      totalExpired: of('expired').length,
      totalEnded: of('ended').length,
      totalMessages: [...messages.values()].reduce((sum, count) => sum + count, 0),
    };
  }
}

interface Counted {
  readonly current: Readonly<Record<string, number>>;
}

/** What is wrong with a registry within itself: nothing, at any time. */
export function faultsWithin(tenant: Tenant, maxSessions: number): Promise<string[]> {
  return tenant.inRegistry(async (storage) => {
    const { sql, kv } = storage;
    const tables = sql.exec("SELECT 1 FROM sqlite_master WHERE name = 'sessions'").toArray();
    if (tables.length === 0) return [];
    const alarm = await storage.getAlarm();
    const current = kv.get<Counted>('totals')?.current ?? {};
    const faults: string[] = [];
    const counts = new Map(
      sql
        .exec<{ status: string; rows: number }>(
          'SELECT status, count(*) AS rows FROM sessions GROUP BY status',
        )
        .toArray()
        .map(({ status, rows }) => [status, rows]),
    );
    for (const [status, count] of Object.entries(current))
      if (count !== (counts.get(status) ?? 0)) faults.push(`${count} ${status}, ${counts.get(status)} rows`);
    if ((counts.get('active') ?? 0) > maxSessions) faults.push(`${counts.get('active')} admitted`);
    const kinds = "SELECT coalesce(model, 'default'), permission_mode, count(*) FROM sessions";
    const rows = [...sql.exec(`${kinds} WHERE status = 'active' GROUP BY 1, 2 ORDER BY 1, 2`).raw()];
    const tallies = [...sql.exec('SELECT * FROM tallies ORDER BY 1, 2').raw()];
    if (JSON.stringify(rows) !== JSON.stringify(tallies))
      faults.push(`tallies ${JSON.stringify(tallies)}, rows ${JSON.stringify(rows)}`);
    const { due } = sql.exec<{ due: number | null }>('SELECT min(due) AS due FROM sessions').one();
    if (due !== null && (alarm === null || alarm > Math.max(due, Date.now() + 10)))
      faults.push(`due at ${due}, but the alarm stands at ${alarm}`);
    return faults;
  });
}

/** What a session has stored of itself, or null. */
export const recordOf = (tenant: Tenant, id: string): Promise<SessionRecord | null> =>
  tenant.inSession(id, ({ kv }) => kv.get<SessionRecord>('record') ?? null);

/** Sessions that are alive without a slot: none, at any time. */
export async function unadmitted(tenant: Tenant, ids: readonly string[]): Promise<string[]> {
  const faults: string[] = [];
  for (const id of ids) {
    const record = await recordOf(tenant, id);
    if (record === null || record.ending !== null || isDue(record, Date.now())) continue;
    const row = await tenant.row(id);
    if (row?.status !== 'active') faults.push(`${id} is alive, its row ${row?.status}`);
  }
  return faults;
}

/** Where a registry differs from its sessions: nowhere, once all is quiet. */
export async function differences(tenant: Tenant, ids: readonly string[]): Promise<string[]> {
  const faults: string[] = [];
  for (const id of ids) {
    const record = await recordOf(tenant, id);
    const row = await tenant.row(id);
    const truth = record === null || record.ending?.purged ? undefined : statusOf(record);
    if (row?.status !== truth) faults.push(`${id} is ${truth}, its row ${row?.status}`);
    if (row !== null && row.reserved !== 'no') faults.push(`${id} is still reserved`);
    if (record?.ending && row !== null && row.version !== record.version)
      faults.push(`${id} is at version ${record.version}, its row at ${row.version}`);
  }
  return faults;
}
