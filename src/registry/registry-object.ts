/**
 * The registry of one tenant.
 *
 * @module
 */
import { DurableObject } from 'cloudflare:workers';
import type { Result } from '../contract/errors.ts';
import type { LiveEvent } from '../contract/live.ts';
import type { RegistryLimits, RegistryStats, SeriesMinute } from '../contract/registry.ts';
import type { ListedSession } from '../contract/session.ts';
import { readSettings } from '../contract/settings.ts';
import { logInfo } from '../log.ts';
import { LIVE_EXPIRES_HEADER } from '../protocol/live.ts';
import { sessionObjectName, tenantOf } from '../protocol/names.ts';
import { remote } from '../protocol/remote.ts';
import {
  FIRST_VERSION,
  type AskedSession,
  type ReportAnswer,
  type ReportedRegistry,
  type Reservation,
  type ReserveRequest,
  type SessionReport,
} from '../protocol/report.ts';
import { Admission } from './admission.ts';
import { AlarmClock } from './alarm-clock.ts';
import type { Move } from './ledger.ts';
import type { IndexRow } from './index-row.ts';
import type { ListFilter } from './list-query.ts';
import { LiveFeed } from './live-feed.ts';
import { Reconciliation } from './reconciliation.ts';
import { RegistryStore } from './registry-store.ts';
import { reportIntervalMs } from './report-interval.ts';
import { Sweeper } from './sweeper.ts';
import { WriteBatch } from './write-batch.ts';

/** Refusals are written by then at the latest. */
const REFUSALS_FLUSH_MS = 1_000;
/** How long the alarm goes on before it makes room. */
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
  readonly #store = new RegistryStore(this.ctx.storage, {
    changed: (moves) => this.#show(moves),
    written: (now, moves) => this.#arm(now, moves),
  });
  readonly #confirmations = new WriteBatch((change) => this.#store.write(change));
  readonly #admission = new Admission(this.#store, () => this.limits().maxSessions);
  readonly #reconciliation = new Reconciliation(this.#store, this.#tenant);
  readonly #sweeper = new Sweeper({
    ask: (sessionId) =>
      remote<AskedSession>(this.env.SESSIONS, sessionObjectName(this.#tenant, sessionId)).settle(),
    choose: (scope, limit) =>
      scope === 'lapsed'
        ? this.#store.index.lapsed(Date.now(), limit)
        : this.#store.index.suspects(Date.now(), limit),
    settle: (asked) => this.#reconciliation.settle(asked),
  });
  readonly #feed = new LiveFeed(this.ctx, { stats: () => this.#readStats() });
  readonly #clock = new AlarmClock(this.ctx.storage);
  /** What the operator has set; null until it was read. */
  #limits: RegistryLimits | null = null;
  #flushPlanned = false;
  /** What those wait for who want to reserve. */
  #turn: Promise<void> | null = null;

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    void ctx.blockConcurrencyWhile(() => this.#clock.read());
  }

  /**
   * Takes a slot for a session that is about to be created or resumed, if there is one.
   *
   * @returns `max_sessions_reached` where all are taken; `idempotency_key_reused`; `conflict` where the
   * session has moved on since the resume was planned.
   */
  async reserve(request: ReserveRequest): Promise<Result<Reservation>> {
    await this.#nextTurn();
    const first = this.#admission.admit(request);
    if (first.ok || first.error.code !== 'max_sessions_reached') return first;
    // What has been heard counts, and when to try again follows from it. Some of those that hold the slots may be
    // due to give them back: look again once they were asked.
    this.#confirmations.write();
    await this.#settleSuspects();
    const second = this.#admission.admit(request);
    if (!second.ok && second.error.code === 'max_sessions_reached') this.#countRefusal();
    return second;
  }

  /** Hears how a session stands. */
  async report(sessionId: string, report: SessionReport): Promise<ReportAnswer> {
    const { index, ledger, statistics } = this.#store;
    const takeOver = (now: number) => ledger.takeOver(index.find(sessionId), report, now);
    const admitted = !this.#store.isThere
      ? report.status !== 'active'
      : isConfirmation(report)
        ? await this.#confirmations.add(takeOver)
        : this.#store.write(takeOver);
    return { admitted, intervalMs: reportIntervalMs(statistics.active) };
  }

  /** A page of sessions, newest first. */
  async list(filter: ListFilter): Promise<ListedSession[]> {
    if (!this.#store.isThere) return [];
    await this.#settleSuspects();
    return this.#store.index.list(filter, Date.now()).map(listed);
  }

  /** The statistics. */
  async stats(): Promise<RegistryStats> {
    if (this.#store.isThere) {
      await this.#settleSuspects();
      this.#store.pruneAll(Date.now());
    }
    return this.#readStats();
  }

  /** The last `minutes` minutes, oldest first, the running one last. */
  series(minutes: number): SeriesMinute[] {
    return this.#store.statistics.series(minutes, Date.now(), this.#store.isThere);
  }

  /** How many sessions may be admitted at once: what was set here, else the setting. */
  limits(): RegistryLimits {
    this.#limits ??= this.ctx.storage.kv.get<RegistryLimits>(LIMITS_KEY) ?? defaultLimits(this.env);
    return this.#limits;
  }

  /** Changes that from now on. Nobody is ended by it. */
  setLimits(limits: RegistryLimits): RegistryLimits {
    this.ctx.storage.kv.put(LIMITS_KEY, limits);
    this.#limits = limits;
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

  /**
   * A viewer has left. Hibernating sockets are not closed by the platform until the object sleeps, which one
   * that is busy never does: each would stay open.
   */
  override webSocketClose(socket: WebSocket): void {
    socket.close();
  }

  /** One that broke off. */
  override webSocketError(socket: WebSocket): void {
    socket.close();
  }

  /** Asks sessions whose lease has lapsed, deletes what is kept no longer, and sets the next alarm. */
  override async alarm(): Promise<void> {
    try {
      await this.#clock.ring(() => this.#sweep());
    } catch (error) {
      // The platform tries it again too, but not for ever.
      this.#clock.armBy(Date.now(), Date.now());
      throw error;
    }
    this.#arm(Date.now());
  }

  async #sweep(): Promise<void> {
    const startedAt = Date.now();
    this.#feed.closeExpired(startedAt);
    let more = this.#store.isThere;
    while (more && Date.now() < startedAt + MAX_ALARM_RUN_MS) {
      const pruned = this.#store.prune(Date.now());
      const asked = await this.#sweeper.start('lapsed');
      more = asked.length > 0 || pruned;
    }
    await this.#sweeper.finished();
  }

  #readStats(): RegistryStats {
    return { ...this.#store.statistics.read(this.#store.isThere), ...this.limits() };
  }

  /**
   * Waits for what is being written. All that want to write meanwhile go on in one turn, and so share one commit,
   * which takes longer than what is written by it; who comes alone goes on at once.
   */
  #nextTurn(): Promise<void> {
    this.#turn ??= this.ctx.storage.sync().finally(() => {
      this.#turn = null;
    });
    return this.#turn;
  }

  /** Asks those sessions that should have expired by now, and waits a moment for what they say. */
  async #settleSuspects(): Promise<void> {
    if (!this.#store.isThere || this.#store.index.suspects(Date.now(), 1).length === 0) return;
    await this.#sweeper.round('suspect');
  }

  /** Refusals cost no row each: the next write carries their number, or a timer does. */
  #countRefusal(): void {
    this.#store.statistics.refused();
    this.#feed.counted();
    if (this.#flushPlanned) return;
    this.#flushPlanned = true;
    setTimeout(() => {
      this.#flushPlanned = false;
      this.#store.writeRefusals();
    }, REFUSALS_FLUSH_MS);
  }

  /** Shows changes to whoever watches. */
  #show(moves: readonly Move[]): void {
    for (const { before, after } of moves) {
      const row = after ?? before;
      const event = liveEventOf(before, after);
      if (row !== null && event !== null) this.#feed.changed(event, listed(row));
    }
  }

  /**
   * Sees that the alarm is armed for what falls due next. Where it stands, it stands for all that was there
   * before: then only what was just written can be earlier, and nothing is looked up.
   */
  #arm(now: number, written: readonly Move[] | null = null): void {
    const dues =
      written === null || !this.#clock.stands
        ? [this.#store.nextDue()]
        : written.map(({ after }) => after?.due ?? null);
    const times = [...dues, this.#feed.nextExpiry()].filter((time) => time !== null);
    this.#clock.armBy(times.length === 0 ? null : Math.min(...times), now);
  }
}

/** The Worker answers a bad setting before it calls: here it could only be a mistake of ours. */
function defaultLimits(env: Env): RegistryLimits {
  const result = readSettings({ ...env });
  if (!result.ok) throw new Error(`The setting ${result.name} ${result.problem}`);
  return { maxSessions: result.settings.maxSessions };
}

/**
 * Whether a report says no more than that a session has come to be. It can wait: where it was reserved, the slot is
 * taken, the session listed as it is, and a confirmation that is lost with the memory is asked for by the sweep.
 */
function isConfirmation({ status, version }: SessionReport): boolean {
  return status === 'active' && version === FIRST_VERSION;
}

/** What a change of a row is to those who watch; null where nothing is to be seen of it. */
function liveEventOf(before: IndexRow | null, after: IndexRow | null): LiveEvent | null {
  if (after === null) return 'purged';
  if (before === null) return 'created';
  if (before.status !== after.status) return after.status === 'active' ? 'resumed' : after.status;
  // What is reported again as it was, as a session is that was just created, looks the same.
  return before.version === after.version ? null : 'updated';
}

function listed(row: IndexRow): ListedSession {
  return { ...row.summary, reportedAt: new Date(row.reportedAt).toISOString() };
}
