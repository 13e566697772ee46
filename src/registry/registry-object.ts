/**
 * The registry of one tenant.
 *
 * @module
 */
import { DurableObject } from 'cloudflare:workers';
import { fail, ok, type Result } from '../contract/errors.ts';
import { MAX_RETRY_AFTER_S, MIN_RETRY_AFTER_S } from '../contract/limits.ts';
import type { LiveEvent } from '../contract/live.ts';
import type { RegistryLimits, RegistryStats, SeriesMinute } from '../contract/registry.ts';
import type { ListedSession } from '../contract/session.ts';
import { readSettings } from '../contract/settings.ts';
import { logInfo, logWarning } from '../log.ts';
import { LIVE_EXPIRES_HEADER } from '../protocol/live.ts';
import { sessionObjectName, tenantOf } from '../protocol/names.ts';
import type {
  AskedSession,
  ReportAnswer,
  ReportedRegistry,
  Reservation,
  ReserveRequest,
  SessionReport,
} from '../protocol/report.ts';
import { remote } from '../protocol/remote.ts';
import { within } from '../protocol/within.ts';
import { Schema } from '../storage/migrations.ts';
import { IdempotencyKeys } from './idempotency.ts';
import { Ledger, rowOf, type Move } from './ledger.ts';
import { LiveFeed } from './live-feed.ts';
import { REGISTRY_MIGRATIONS } from './migrations.ts';
import { SessionIndex, type IndexRow, type ListFilter } from './session-index.ts';
import { Statistics } from './statistics.ts';
import { SWEEP_BATCH, Sweeper, type Asked } from './sweeper.ts';

/** How long a reservation may be used. */
export const RESERVATION_LEASE_MS = 15_000;
/**
 * From when on an unused reservation is settled. The time between the two absorbs clocks that differ, so
 * that no session is written after its slot was given away.
 */
export const RESERVATION_SETTLE_MS = 30_000;

/** Sessions report mere activity at most this often, so that all of them together make 200 calls a second. */
const MIN_REPORT_INTERVAL_MS = 15_000;
const REPORTS_PER_MS = 0.2;

/** How long a caller waits for sessions to be asked, where the answer could be better for it. */
const SETTLE_WAIT_MS = 1_000;
/** A session that did not answer is asked again after 1, 2, 4 … seconds, at most this many. */
const FIRST_ASK_RETRY_MS = 1_000;
const MAX_ASK_RETRY_MS = 15_000;

/** Refusals are written by then at the latest. */
const REFUSALS_FLUSH_MS = 1_000;
/** An alarm in the past can stall. */
const MIN_ALARM_DELAY_MS = 10;
/** Rows deleted in one step of the alarm, and how long the alarm goes on before it makes room. */
const PRUNE_BATCH = 500;
const MAX_ALARM_RUN_MS = 60_000;

const LIMITS_KEY = 'limits';

/**
 * RegistryObject: one per tenant, named `<tenant>`.
 *
 * The only authority on how many sessions may be alive, and what lists and statistics are read from. It
 * holds a lease on each session, never the session's truth: before it takes a slot back it asks.
 *
 * Counting and admitting stand in one synchronous block. After an `await` rows are read again, and what
 * has moved on is left alone.
 */
export class RegistryObject extends DurableObject<Env> implements ReportedRegistry {
  readonly #tenant = tenantOf(this.ctx.id.name);
  readonly #schema = new Schema(this.ctx.storage, REGISTRY_MIGRATIONS);
  readonly #index = new SessionIndex(this.ctx.storage.sql);
  readonly #keys = new IdempotencyKeys(this.ctx.storage.sql);
  readonly #statistics = new Statistics(this.ctx.storage);
  readonly #ledger = new Ledger(this.#index, this.#statistics);
  readonly #sweeper = new Sweeper({
    ask: (sessionId) =>
      remote<AskedSession>(this.env.SESSIONS, sessionObjectName(this.#tenant, sessionId)).settle(),
    choose: (scope, limit) =>
      scope === 'lapsed' ? this.#index.lapsed(Date.now(), limit) : this.#index.suspects(Date.now(), limit),
    settle: (asked) => this.#settle(asked),
  });
  readonly #feed = new LiveFeed(this.ctx, { stats: () => this.#readStats() });
  /** When the alarm stands, as far as is known; null for not at all. */
  #alarmAt: number | null = null;
  #alarmRuns = false;
  #flushPlanned = false;

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    void ctx.blockConcurrencyWhile(async () => {
      this.#alarmAt = await ctx.storage.getAlarm();
    });
  }

  /**
   * Takes a slot for a session that is about to be created or resumed, if there is one.
   *
   * @returns `max_sessions_reached` where all are taken; `idempotency_key_reused`; `conflict` where the
   * session has moved on since the resume was planned.
   */
  async reserve(request: ReserveRequest): Promise<Result<Reservation>> {
    const first = this.#admit(request);
    if (first.ok || first.error.code !== 'max_sessions_reached') return first;
    // Some of those that hold the slots may be due to give them back: look again once they were asked.
    const second = (await this.#settleSuspects()) ? this.#admit(request) : first;
    if (!second.ok && second.error.code === 'max_sessions_reached') this.#countRefusal();
    return second;
  }

  /** Hears how a session stands. */
  report(sessionId: string, report: SessionReport): ReportAnswer {
    const admitted = this.#schema.isThere()
      ? this.#write((now) => this.#ledger.takeOver(this.#index.find(sessionId), report, now))
      : report.status !== 'active';
    const load = Math.ceil(this.#statistics.active / REPORTS_PER_MS);
    return { admitted, intervalMs: Math.max(MIN_REPORT_INTERVAL_MS, load) };
  }

  /** A page of sessions, newest first. */
  async list(filter: ListFilter): Promise<ListedSession[]> {
    if (!this.#schema.isThere()) return [];
    await this.#settleSuspects();
    return this.#index.list(filter, Date.now()).map(listed);
  }

  /** The statistics. */
  async stats(): Promise<RegistryStats> {
    const tables = this.#schema.isThere();
    if (tables) {
      await this.#settleSuspects();
      this.#prune(Date.now());
    }
    return this.#readStats();
  }

  /** The last `minutes` minutes, oldest first, the running one last. */
  series(minutes: number): SeriesMinute[] {
    return this.#statistics.series(minutes, Date.now(), this.#schema.isThere());
  }

  /** How many sessions may be admitted at once. */
  limits(): RegistryLimits {
    return { maxSessions: this.#maxSessions() };
  }

  /** Changes that from now on. Nobody is ended by it. */
  setLimits(limits: RegistryLimits): RegistryLimits {
    this.ctx.storage.kv.put(LIMITS_KEY, limits);
    this.#feed.counted();
    logInfo('registry.limits_changed', { tenant: this.#tenant, maxSessions: limits.maxSessions });
    return limits;
  }

  /** Takes a viewer of the live feed on. The Worker has found its token good, and says when it runs out. */
  override fetch(request: Request): Response {
    const expiresAt = Number(request.headers.get(LIVE_EXPIRES_HEADER)) || null;
    const protocol = request.headers.get('Sec-WebSocket-Protocol');
    const connected = this.#feed.connect(expiresAt, protocol);
    this.#arm(Date.now());
    return connected ?? new Response(null, { status: 429 });
  }

  /** Viewers have nothing to say but pings, which the platform answers. */
  override webSocketMessage(): void {}

  /** Asks sessions whose lease has lapsed, deletes rows whose time is over, and sets the next alarm. */
  override async alarm(): Promise<void> {
    this.#alarmAt = null;
    this.#feed.closeExpired(Date.now());
    if (!this.#schema.isThere()) return this.#arm(Date.now());
    this.#alarmRuns = true;
    const stopAt = Date.now() + MAX_ALARM_RUN_MS;
    try {
      let more = true;
      while (more && Date.now() < stopAt) {
        const pruned = this.#prune(Date.now());
        const asked = await this.#sweeper.batch('lapsed');
        more = pruned || asked >= SWEEP_BATCH;
      }
    } finally {
      this.#alarmRuns = false;
      this.#arm(Date.now());
    }
  }

  #readStats(): RegistryStats {
    const counted = this.#statistics.read(this.#schema.isThere());
    return { ...counted, maxSessions: this.#maxSessions() };
  }

  #maxSessions(): number {
    const limits = this.ctx.storage.kv.get<RegistryLimits>(LIMITS_KEY);
    if (limits !== undefined) return limits.maxSessions;
    const result = readSettings({ ...this.env });
    if (!result.ok) throw new Error(`The setting ${result.name} ${result.problem}`);
    return result.settings.maxSessions;
  }

  /** Admits or refuses, in one block. */
  #admit(request: ReserveRequest): Result<Reservation> {
    if (this.#schema.isThere()) {
      const known = this.#alreadyReserved(request, Date.now());
      if (known !== null) return known;
      // What the session says of its expiry counts before its slot is taken anew.
      if (request.expired !== undefined) this.#applyExpiry(request.sessionId, request.expired);
    }
    const max = this.#maxSessions();
    if (this.#statistics.active >= max) return this.#full(max);
    return this.#write((now) => {
      const { sessionId, report, idempotency } = request;
      const before = this.#schema.isThere() ? this.#index.find(sessionId) : null;
      const resumed = request.expired !== undefined;
      const row: IndexRow = {
        sessionId,
        status: 'active',
        version: report.version,
        reserved: resumed ? 'resume' : 'create',
        due: now + RESERVATION_SETTLE_MS,
        asks: 0,
        messageCount: report.messageCount,
        reportedAt: now,
        idempotencyKey: idempotency?.key ?? null,
        summary: report.summary ?? missingSummary(),
      };
      this.#ledger.move(before, row, resumed ? null : { kind: 'created' }, now);
      if (idempotency !== undefined)
        this.#keys.remember(idempotency.key, { sessionId, bodyDigest: idempotency.bodyDigest }, now);
      return ok({ sessionId, deadline: now + RESERVATION_LEASE_MS, repeat: false });
    });
  }

  /** A reservation that was made before by the same create or resume, or null: two for one id are one slot. */
  #alreadyReserved(request: ReserveRequest, now: number): Result<Reservation> | null {
    const { idempotency } = request;
    const known = idempotency === undefined ? null : this.#keys.find(idempotency.key, now);
    if (known !== null && known.bodyDigest !== idempotency?.bodyDigest)
      return fail('idempotency_key_reused', 'This key was used to create a session with another body.');
    const sessionId = known?.sessionId ?? request.sessionId;
    const repeat = known !== null;
    const row = this.#index.find(sessionId);
    if (
      row?.status === 'active' &&
      row.reserved !== 'no' &&
      (repeat || row.version === request.report.version)
    )
      return ok({ sessionId, deadline: this.#renew(row), repeat });
    if (repeat) return ok({ sessionId, deadline: null, repeat });
    if (row === null) return null;
    if (request.expired === undefined) return ok({ sessionId, deadline: null, repeat });
    return row.version >= request.report.version
      ? fail('conflict', 'The session has changed meanwhile. Try again.')
      : null;
  }

  /** Gives a reservation its full time again. */
  #renew(row: IndexRow): number {
    return this.#write((now) => {
      this.#ledger.move(row, { ...row, due: now + RESERVATION_SETTLE_MS }, null, now);
      return now + RESERVATION_LEASE_MS;
    });
  }

  #applyExpiry(sessionId: string, expired: SessionReport): void {
    const row = this.#index.find(sessionId);
    if (row?.status === 'active' && row.version <= expired.version)
      this.#write((now) => this.#ledger.takeOver(row, expired, now));
  }

  #full(max: number): Result<never> {
    const expiry = this.#schema.isThere() ? this.#index.nextExpiry() : null;
    const wait = expiry === null ? MAX_RETRY_AFTER_S : Math.ceil((expiry - Date.now()) / 1000);
    return fail('max_sessions_reached', `Maximum sessions limit reached: ${max}`, {
      retryAfterS: Math.min(Math.max(wait, MIN_RETRY_AFTER_S), MAX_RETRY_AFTER_S),
    });
  }

  /**
   * Asks those sessions that should have expired by now, and waits a moment for what they say.
   *
   * @returns whether there were any.
   */
  async #settleSuspects(): Promise<boolean> {
    if (!this.#schema.isThere() || this.#index.suspects(Date.now(), 1).length === 0) return false;
    const batch = this.#sweeper.batch('suspect');
    this.ctx.waitUntil(batch);
    await within(SETTLE_WAIT_MS, batch).catch((error: unknown) =>
      logWarning('registry.sweep_slow', { tenant: this.#tenant, message: String(error) }),
    );
    return true;
  }

  /** Writes down what sessions said that were asked, but for rows that have moved on since. */
  #settle(asked: readonly Asked[]): void {
    this.#write((now) => {
      for (const { row, answer } of asked) {
        const current = this.#index.find(row.sessionId);
        if (current?.version !== row.version || current.due !== row.due || current.status !== row.status)
          continue;
        if (answer === undefined) this.#askLater(current, now);
        else if (answer === null) this.#vanished(current, now);
        else this.#settled(current, answer, now);
      }
    });
  }

  #settled(row: IndexRow, answer: SessionReport, now: number): void {
    if (answer.version >= row.version) {
      this.#ledger.takeOver(row, answer, now);
    } else if (row.reserved === 'resume' && answer.status !== 'active') {
      // The resume never came: the session stands as it did, and nothing happened.
      const before = rowOf(row, answer, now);
      this.#ledger.move(row, before, null, now);
      if (answer.summary === null) this.#ledger.move(before, null, null, now);
    } else {
      this.#askLater(row, now);
    }
  }

  /** There is no such session: it was never written, or nothing is left of it. */
  #vanished(row: IndexRow, now: number): void {
    const createdAt = Date.parse(row.summary.createdAt);
    if (row.reserved === 'create') {
      if (row.idempotencyKey !== null) this.#keys.forget(row.idempotencyKey);
      this.#ledger.move(row, null, { kind: 'uncreated', createdAt: row.reportedAt }, now);
    } else if (row.reserved === 'resume') {
      this.#ledger.move(row, null, null, now);
    } else {
      logWarning('registry.session_vanished', { tenant: this.#tenant, sessionId: row.sessionId });
      const expiresAt = Date.parse(row.summary.expiresAt);
      this.#ledger.move(row, null, { kind: 'expired', durationMs: Math.max(0, expiresAt - createdAt) }, now);
    }
  }

  /** A session that does not answer keeps its slot. */
  #askLater(row: IndexRow, now: number): void {
    const wait = Math.min(FIRST_ASK_RETRY_MS * 2 ** Math.min(row.asks, 10), MAX_ASK_RETRY_MS);
    this.#ledger.move(row, { ...row, due: now + wait, asks: row.asks + 1 }, null, now);
    logWarning('registry.session_silent', {
      tenant: this.#tenant,
      sessionId: row.sessionId,
      asks: row.asks + 1,
    });
  }

  /**
   * Deletes rows whose time is over.
   *
   * @returns whether there may be more.
   */
  #prune(now: number): boolean {
    const outlived = this.#index.outlived(now, PRUNE_BATCH);
    const nextKey = this.#keys.nextDue();
    if (outlived.length === 0 && (nextKey === null || nextKey > now)) return false;
    this.#write(() => {
      for (const row of outlived) this.#ledger.move(row, null, null, now);
      this.#keys.prune(now, PRUNE_BATCH);
    });
    return true;
  }

  /** Refusals cost no row each: the next write carries their number, or a timer does. */
  #countRefusal(): void {
    this.#statistics.refused();
    this.#feed.counted();
    if (this.#flushPlanned) return;
    this.#flushPlanned = true;
    setTimeout(() => {
      this.#flushPlanned = false;
      if (this.#statistics.hasUnwritten)
        this.#write((now) => this.#statistics.apply({ current: {}, happened: {}, tallies: [] }, now));
    }, REFUSALS_FLUSH_MS);
  }

  /** One transaction, after which the alarm is known to be armed. */
  #write<T>(change: (now: number) => T): T {
    const now = Date.now();
    this.#schema.ensure();
    try {
      const result = this.ctx.storage.transactionSync(() => change(now));
      this.#show(this.#ledger.takeMoves());
      return result;
    } catch (error) {
      this.#statistics.forget();
      this.#ledger.takeMoves();
      throw error;
    } finally {
      this.#arm(now);
    }
  }

  /** Shows changes to whoever watches. */
  #show(moves: readonly Move[]): void {
    for (const { before, after } of moves) {
      const row = after ?? before;
      const event = liveEventOf(before, after);
      if (row !== null && event !== null) this.#feed.changed(event, listed(row));
    }
  }

  /** Sees that the alarm stands no later than what next falls due. It is left alone where it is early. */
  #arm(now: number): void {
    if (this.#alarmRuns) return;
    const stored = this.#schema.isThere() ? [this.#index.nextDue(), this.#keys.nextDue()] : [];
    const times = [...stored, this.#feed.nextExpiry()].filter((time) => time !== null);
    if (times.length === 0) return;
    const due = Math.max(Math.min(...times), now + MIN_ALARM_DELAY_MS);
    if (this.#alarmAt !== null && this.#alarmAt <= due) return;
    this.#alarmAt = due;
    // Not awaited: an await would split the block, and the output gate reports a failure to write.
    void this.ctx.storage.setAlarm(due);
  }
}

/** What a change of a row is to those who watch; null where nothing is to be seen of it. */
function liveEventOf(before: IndexRow | null, after: IndexRow | null): LiveEvent | null {
  if (after === null) return 'purged';
  if (before === null) return 'created';
  if (before.status !== after.status) return after.status === 'active' ? 'resumed' : after.status;
  return before.reportedAt === after.reportedAt ? null : 'updated';
}

function listed(row: IndexRow): ListedSession {
  return { ...row.summary, reportedAt: new Date(row.reportedAt).toISOString() };
}

/** A reservation is for a session that will be readable, so it comes with a summary. */
function missingSummary(): never {
  throw new Error('A reservation came without a summary');
}
