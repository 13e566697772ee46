/**
 * What the registry counts: current numbers, all-time totals, and a series by minute.
 *
 * @module
 */
import type { RegistryStats, SeriesMinute } from '../contract/registry.ts';
import { MAX_SERIES_MINUTES } from '../contract/limits.ts';
import type { SessionStatus } from '../contract/session.ts';
import { UNNAMED_MODEL } from '../contract/unnamed-model.ts';

const MINUTE_MS = 60_000;
const TOTALS_KEY = 'totals';

/** Models that the statistics name, the most used first: names are the callers', so there may be many. */
const MAX_MODELS_NAMED = 1_000;

/** What can happen in a minute. */
interface Happenings {
  readonly created: number;
  readonly expired: number;
  readonly ended: number;
  readonly rejected: number;
  readonly messages: number;
}

const NOTHING: Happenings = { created: 0, expired: 0, ended: 0, rejected: 0, messages: 0 };

interface Totals {
  /** By stored status. */
  readonly current: Readonly<Record<SessionStatus, number>>;
  readonly allTime: Happenings;
  /** Of all that expired or ended: how long they lived together, milliseconds. */
  readonly durationMs: number;
  /** The running minute: its start, and what has happened in it. */
  readonly minute: number;
  readonly running: Happenings;
}

/** A session's kind, by which active ones are tallied. */
export interface Kind {
  readonly model: string | undefined;
  readonly permissionMode: string;
}

/** A change of what is counted. */
export interface Change {
  readonly current: Partial<Record<SessionStatus, number>>;
  readonly happened: Partial<Happenings>;
  readonly durationMs?: number;
  /** Takes back a creation that was counted then: the session never came to be. */
  readonly uncreatedAt?: number;
  readonly tallies: readonly { readonly kind: Kind; readonly by: 1 | -1 }[];
}

type MinuteRow = { minute: number; active: number } & { -readonly [K in keyof Happenings]: number };

const startOfMinute = (time: number): number => time - (time % MINUTE_MS);

function add(a: Happenings, b: Partial<Happenings>): Happenings {
  return {
    created: a.created + (b.created ?? 0),
    expired: a.expired + (b.expired ?? 0),
    ended: a.ended + (b.ended ?? 0),
    rejected: a.rejected + (b.rejected ?? 0),
    messages: a.messages + (b.messages ?? 0),
  };
}

/**
 * Totals live in one row that every change rewrites, and in memory. A change is written in the transaction
 * of the row that it counts; if that fails, {@link rolledBack} has memory read again.
 */
export class Statistics {
  readonly #storage: DurableObjectStorage;
  #totals: Totals | undefined;
  /** Refusals that no write has carried yet: they alone cost no row each. */
  #unwrittenRefusals = 0;
  /** Those that the transaction under way carries. */
  #carriedRefusals = 0;

  constructor(storage: DurableObjectStorage) {
    this.#storage = storage;
  }

  /** How many sessions are admitted. */
  get active(): number {
    return this.#load().current.active;
  }

  get hasUnwritten(): boolean {
    return this.#unwrittenRefusals > 0;
  }

  /** Counts a refusal, in memory: the next write carries it. */
  refused(): void {
    this.#unwrittenRefusals += 1;
  }

  /** Writes a change, and the refusals since the last. The tables must be there. */
  apply(change: Change, now: number): void {
    const before = this.#rolledOver(now);
    const happened = add(NOTHING, {
      ...change.happened,
      rejected: (change.happened.rejected ?? 0) + this.#unwrittenRefusals,
    });
    const { current } = before;
    const uncreated = this.#uncreated(before, change.uncreatedAt);
    const totals: Totals = {
      current: {
        active: current.active + (change.current.active ?? 0),
        expired: current.expired + (change.current.expired ?? 0),
        ended: current.ended + (change.current.ended ?? 0),
      },
      allTime: add(add(before.allTime, happened), uncreated.allTime),
      durationMs: before.durationMs + (change.durationMs ?? 0),
      minute: before.minute,
      running: add(add(before.running, happened), uncreated.running),
    };
    this.#storage.kv.put(TOTALS_KEY, totals);
    for (const { kind, by } of change.tallies) this.#tally(kind, by);
    this.#totals = totals;
    this.#carriedRefusals += this.#unwrittenRefusals;
    this.#unwrittenRefusals = 0;
  }

  /** The transaction that carried the last changes has been written. */
  committed(): void {
    this.#carriedRefusals = 0;
  }

  /** It was undone: memory is read again, and refusals wait for the next write. */
  rolledBack(): void {
    this.#totals = undefined;
    this.#unwrittenRefusals += this.#carriedRefusals;
    this.#carriedRefusals = 0;
  }

  /** The statistics, but for the limit, which is not counted. `tables` says whether there are any yet. */
  read(tables: boolean): Omit<RegistryStats, 'maxSessions'> {
    const { current, allTime, durationMs } = this.#load();
    const finished = allTime.expired + allTime.ended;
    return {
      totalCreated: allTime.created,
      activeCount: current.active,
      totalInMemory: current.active + current.expired + current.ended,
      sessionsByStatus: { ...current },
      totalExpired: allTime.expired,
      totalEnded: allTime.ended,
      totalRejected: allTime.rejected + this.#unwrittenRefusals,
      totalMessages: allTime.messages,
      averageDurationMs: finished === 0 ? 0 : Math.round(durationMs / finished),
      byModel: tables ? this.#sumTallies('model') : {},
      byPermissionMode: tables ? this.#sumTallies('permission_mode') : {},
    };
  }

  /** The last minutes, oldest first, the running one last, without gaps. */
  series(count: number, now: number, tables: boolean): SeriesMinute[] {
    const totals = this.#load();
    // The running minute is the one that is counted in, also while a clock that was set back catches up.
    const last = Math.max(startOfMinute(now), totals.minute);
    const first = last - (count - 1) * MINUTE_MS;
    const known = new Map<number, MinuteRow>();
    // The row before the window too: it says how many were active when the window began.
    for (const row of tables ? this.#minutesFrom(first) : []) known.set(row.minute, row);
    const running = add(totals.running, { rejected: this.#unwrittenRefusals });
    known.set(totals.minute, { minute: totals.minute, active: totals.current.active, ...running });
    let active = 0;
    for (const row of known.values()) if (row.minute < first) active = row.active;
    return Array.from({ length: count }, (_, i) => {
      const minute = first + i * MINUTE_MS;
      const row = known.get(minute) ?? { active, ...NOTHING };
      active = row.active;
      const { created, expired, ended, rejected, messages } = row;
      return { minute: new Date(minute).toISOString(), active, created, expired, ended, rejected, messages };
    });
  }

  #load(): Totals {
    this.#totals ??= this.#storage.kv.get<Totals>(TOTALS_KEY) ?? {
      current: { active: 0, expired: 0, ended: 0 },
      allTime: NOTHING,
      durationMs: 0,
      minute: 0,
      running: NOTHING,
    };
    return this.#totals;
  }

  /** The totals with the running minute begun anew if its time is over, and the old one written down. */
  #rolledOver(now: number): Totals {
    const totals = this.#load();
    const minute = startOfMinute(now);
    // A clock that was set back goes on counting in the minute that it knows.
    if (minute <= totals.minute) return totals;
    if (totals.minute > 0) {
      const { created, expired, ended, rejected, messages } = totals.running;
      this.#storage.sql.exec(
        'INSERT OR REPLACE INTO minutes VALUES (?, ?, ?, ?, ?, ?, ?)',
        totals.minute,
        totals.current.active,
        created,
        expired,
        ended,
        rejected,
        messages,
      );
      // The newest row before the window stays: it tells how many were active when it begins.
      this.#storage.sql.exec(
        'DELETE FROM minutes WHERE minute < (SELECT max(minute) FROM minutes WHERE minute <= ?)',
        minute - MAX_SERIES_MINUTES * MINUTE_MS,
      );
    }
    return { ...totals, minute, running: NOTHING };
  }

  /** A creation that is taken back goes from the minute in which it was counted. */
  #uncreated(totals: Totals, at: number | undefined): Record<'allTime' | 'running', Partial<Happenings>> {
    if (at === undefined) return { allTime: NOTHING, running: NOTHING };
    const once = { created: -1 };
    const minute = startOfMinute(at);
    if (minute === totals.minute) return { allTime: once, running: once };
    this.#storage.sql.exec(
      'UPDATE minutes SET created = created - 1 WHERE minute = ? AND created > 0',
      minute,
    );
    return { allTime: once, running: NOTHING };
  }

  #minutesFrom(first: number): MinuteRow[] {
    return this.#storage.sql
      .exec<MinuteRow>(
        `SELECT * FROM minutes
          WHERE minute >= coalesce((SELECT max(minute) FROM minutes WHERE minute < ?), ?) ORDER BY minute`,
        first,
        first,
      )
      .toArray();
  }

  #tally({ model, permissionMode }: Kind, by: 1 | -1): void {
    const { sql } = this.#storage;
    const key = [model ?? UNNAMED_MODEL, permissionMode];
    if (by === 1) {
      sql.exec('INSERT INTO tallies VALUES (?, ?, 1) ON CONFLICT DO UPDATE SET active = active + 1', ...key);
      return;
    }
    const [row] = sql
      .exec<{ active: number }>('SELECT active FROM tallies WHERE model = ? AND permission_mode = ?', ...key)
      .toArray();
    if (row?.active === 1) sql.exec('DELETE FROM tallies WHERE model = ? AND permission_mode = ?', ...key);
    else sql.exec('UPDATE tallies SET active = active - 1 WHERE model = ? AND permission_mode = ?', ...key);
  }

  #sumTallies(column: 'model' | 'permission_mode'): Record<string, number> {
    const rows = this.#storage.sql.exec<{ name: string; active: number }>(
      `SELECT ${column} AS name, sum(active) AS active FROM tallies GROUP BY ${column}
        ORDER BY active DESC, name LIMIT ?`,
      MAX_MODELS_NAMED,
    );
    return Object.fromEntries(rows.toArray().map(({ name, active }) => [name, active]));
  }
}
