/**
 * One Claude Code session.
 *
 * @module
 */
import { DurableObject } from 'cloudflare:workers';
import { fail, ok, type Failed, type Result } from '../contract/errors.ts';
import type { CreateSession, LinkClaudeSession, PatchSession } from '../contract/session.ts';
import { DEFAULT_RETENTION_MS, readSettings } from '../contract/settings.ts';
import { logInfo, logWarning } from '../log.ts';
import { tenantOf } from '../protocol/names.ts';
import { remote } from '../protocol/remote.ts';
import {
  LEASE_MARGIN_MS,
  type AskedSession,
  type ReportedRegistry,
  type SessionReport,
  type SettleAnswer,
} from '../protocol/report.ts';
import type { SessionAnswer, SessionRepresentation } from '../protocol/session-representation.ts';
import { within } from '../protocol/within.ts';
import * as lifecycle from './lifecycle.ts';
import type { Ending, SessionRecord, StoredSession } from './record.ts';
import { SessionStore } from './session-store.ts';
import { statusOf, toReport, toRepresentation } from './view.ts';

/** A report that has no answer by then is tried again. */
const REPORT_TIMEOUT_MS = 5_000;
/** The first wait before an unanswered report of an end is sent again, and the longest. */
const FIRST_REPORT_RETRY_MS = 5_000;
const MAX_REPORT_RETRY_MS = 300_000;
/** The wait before an unanswered report of a change of an active session is sent again. */
const CHANGE_REPORT_RETRY_MS = 30_000;
/** An alarm in the past can stall. */
const MIN_ALARM_DELAY_MS = 10;
/** `reportedAt` of a session that has changed since the registry was last heard to know it. */
const UNREPORTED = 0;
/** How long the end of a session waits for the registry, so that the next create finds the slot free. */
const END_REPORT_WAIT_MS = 2_000;
/**
 * How long an erased session leaves a mark behind, counted from its creation and, where it was erased on
 * request, from when the registry knew: longer than any reservation, so that a create that was held up cannot bring it back.
 */
const MIN_MARK_LIFETIME_MS = 30_000;

/** What a resume needs to know before a slot is asked for; `next` is null where the session is active. */
export interface ResumePlan {
  readonly session: SessionRepresentation;
  readonly next: {
    readonly version: number;
    readonly report: SessionReport;
    readonly expired: SessionReport;
  } | null;
}

/** The revisions that a write may meet; null for any. */
export type IfMatch = readonly number[] | null;

/**
 * SessionObject: one per session, named `<tenant>/<sessionId>`.
 *
 * The only authority on its session: configuration, activity, expiry. It expires itself by alarm, is
 * expired to every caller from `expiresAt` on whether or not that alarm has fired, and tells the registry
 * what happened, never waiting for it to read or to count activity. An id that nobody created stores
 * nothing here.
 *
 * Every change is one synchronous block of reads and writes. After an `await` the record is read again,
 * and nothing is done if its version has moved on.
 */
export class SessionObject extends DurableObject<Env> implements AskedSession {
  readonly #store = new SessionStore(this.ctx.storage);
  readonly #tenant = tenantOf(this.ctx.id.name);
  /** Null until it was needed, which creating, reading and touching never do. */
  #retention: number | null = null;
  /** The last session that was written out for an answer. */
  #represented: { readonly session: StoredSession; readonly as: SessionRepresentation } | null = null;

  /**
   * Writes a new session, if its reservation still holds. A repeat finds it there.
   *
   * @returns `overloaded` at or past the deadline; `conflict` where the session was and has been erased.
   */
  create(
    sessionId: string,
    input: CreateSession,
    defaults: lifecycle.SessionDefaults,
    deadline: number,
  ): SessionAnswer {
    const now = Date.now();
    const stored = this.#current(now);
    if (stored !== null) {
      if (!lifecycle.isReadable(stored.record, now)) return fail('conflict', 'This session was erased.');
      return this.#represent(stored);
    }
    if (now >= deadline) return tooLate();
    const session = lifecycle.create(sessionId, input, defaults, now);
    this.#store.save(session);
    this.#wakeAt(lifecycle.expiry(session.record).at);
    this.#logTransition('session.created', session.record);
    this.#reportLater();
    return this.#represent(session);
  }

  /** The session as it is now. */
  get(): SessionAnswer {
    const found = this.#readable(Date.now());
    return found.ok ? this.#represent(found.value) : found;
  }

  /** Applies a merge patch to configuration and limits. A shorter timeout may expire the session at once. */
  patch(input: PatchSession, defaults: lifecycle.SessionDefaults, ifMatch: IfMatch): SessionAnswer {
    const now = Date.now();
    const found = this.#active(now, ifMatch);
    if (!found.ok) return found;
    const patched = lifecycle.patch(found.value, input, defaults);
    if (!patched.ok) return patched;
    if (patched.value === found.value) return this.#represent(found.value);
    const { record } = patched.value;
    const settled = lifecycle.settle(record, now, this.#retentionMs);
    const next = { ...patched.value, record: { ...settled, reportedAt: UNREPORTED } };
    this.#store.save(next);
    const { at } = lifecycle.expiry(record);
    if (settled !== record) this.#wakeAt(now + FIRST_REPORT_RETRY_MS);
    else if (at < lifecycle.expiry(found.value.record).at) this.#wakeAt(at);
    this.#logTransition(settled === record ? 'session.updated' : 'session.expired', next.record);
    this.#reportLater();
    return this.#represent(next);
  }

  /** Counts activity and slides the idle timeout: one row written, and the alarm left where it stands. */
  touch(messages: number, idempotencyKey: string | null): SessionAnswer {
    const now = Date.now();
    const found = this.#active(now, null);
    if (!found.ok) return found;
    const { record, details } = found.value;
    const touched = lifecycle.touch(record, messages, idempotencyKey, now);
    if (!touched.ok) return touched;
    if (touched.value === record) return this.#represent(found.value);
    const report = lifecycle.isReportDue(touched.value, now);
    const next = { details, record: report ? { ...touched.value, reportedAt: now } : touched.value };
    this.#store.save(next);
    if (report) this.#reportLater(record.reportedAt === UNREPORTED);
    return this.#represent(next);
  }

  /** Links the id of a Claude conversation. */
  link(input: LinkClaudeSession, ifMatch: IfMatch): SessionAnswer {
    const now = Date.now();
    const found = this.#active(now, ifMatch);
    if (!found.ok) return found;
    const linked = lifecycle.link(found.value, input);
    if (linked === found.value) return this.#represent(linked);
    const next = { ...linked, record: { ...linked.record, reportedAt: UNREPORTED } };
    this.#store.save(next);
    this.#logTransition('session.linked', next.record);
    this.#reportLater();
    return this.#represent(next);
  }

  /**
   * Ends the session, or erases it whatever its status. Waits a moment for the registry, so that a create
   * that follows finds the slot; the end holds whether or not it answers.
   */
  async end(purge: boolean, ifMatch: IfMatch): Promise<SessionAnswer> {
    const now = Date.now();
    const found = purge ? this.#readable(now, ifMatch) : this.#active(now, ifMatch);
    if (!found.ok) return found;
    const { record, details } = found.value;
    const ended = record.ending === null ? lifecycle.end(record, now, this.#retentionMs) : record;
    const final = { record: ended, details };
    if (purge && ended.ending !== null) this.#store.saveMark(lifecycle.purge(ended, ended.ending));
    else this.#store.save(final);
    this.#wakeAt(now + FIRST_REPORT_RETRY_MS);
    if (ended !== record) this.#logTransition('session.ended', ended);
    if (purge) this.#logTransition('session.purged', ended);
    const told = this.#report();
    this.ctx.waitUntil(told);
    await within(END_REPORT_WAIT_MS, told).catch(() => undefined);
    return this.#represent(final);
  }

  /** Says whether, and from which version, the session can be resumed. */
  planResume(): Result<ResumePlan> {
    const now = Date.now();
    const found = this.#readable(now);
    if (!found.ok) return found;
    const { record, details } = found.value;
    const session = this.#represent(found.value);
    if (record.ending === null) return ok({ session, next: null });
    const resumable = lifecycle.checkResumable(record, now);
    if (!resumable.ok) return resumable;
    return ok({
      session,
      next: {
        version: record.version,
        report: toReport({ record: lifecycle.resume(record, now), details }),
        expired: toReport(found.value),
      },
    });
  }

  /**
   * Makes an expired session active again, if its reservation still holds.
   *
   * @returns `overloaded` at or past the deadline; `conflict` where it is not at the planned version.
   */
  resume(plannedVersion: number, deadline: number): SessionAnswer {
    const now = Date.now();
    const found = this.#readable(now);
    if (!found.ok) return found;
    const { record, details } = found.value;
    if (record.ending === null) return this.#represent(found.value);
    if (record.version !== plannedVersion) return fail('conflict', 'The session has changed meanwhile.');
    const resumable = lifecycle.checkResumable(record, now);
    if (!resumable.ok) return resumable;
    if (now >= deadline) return tooLate();
    const next = { details, record: { ...lifecycle.resume(record, now), reportedAt: now } };
    this.#store.save(next);
    this.#wakeAt(lifecycle.expiry(next.record).at);
    this.#logTransition('session.resumed', next.record);
    this.#reportLater();
    return this.#represent(next);
  }

  /**
   * Tells the registry, which asks before it takes a slot back, how the session stands. Writes its expiry
   * first if that is due, which also mends a session whose own alarm was lost.
   */
  settle(): SettleAnswer {
    const now = Date.now();
    const stored = this.#store.load();
    if (stored === null) return null;
    if (lifecycle.isDue(stored.record, now)) return toReport(this.#expire(stored, now));
    return toReport(stored);
  }

  /** Expires the session, tells the registry until it answers, and deletes what is past its retention. */
  override async alarm(): Promise<void> {
    const now = Date.now();
    const stored = this.#store.load();
    if (stored === null) return;
    const { ending } = stored.record;
    if (ending === null) {
      if (!lifecycle.isDue(stored.record, now)) {
        this.#wakeAt(lifecycle.expiry(stored.record).at);
        if (stored.record.reportedAt === UNREPORTED) await this.#report();
        return;
      }
      this.#expire(stored, now);
      await this.#report();
      return;
    }
    const over = now >= ending.retainUntil;
    // Once its lease has lapsed the registry asks, and hears that there is nothing: until then it must be told.
    const leased = now < lifecycle.latestExpiry(stored.record) + LEASE_MARGIN_MS;
    if (over && (ending.heard || !leased)) return this.#erase(stored.record, now);
    // Any other alarm is there because the registry has not been heard to know.
    const delay = Math.min(Math.max(now - ending.at, FIRST_REPORT_RETRY_MS), MAX_REPORT_RETRY_MS);
    this.#wakeAt(over ? now + delay : Math.min(now + delay, ending.retainUntil));
    await this.#report();
  }

  get #retentionMs(): number {
    this.#retention ??= retentionOf(this.env);
    return this.#retention;
  }

  /** A session as it is answered, kept until it changes. */
  #represent(session: StoredSession): SessionRepresentation {
    if (this.#represented?.session !== session)
      this.#represented = { session, as: toRepresentation(session) };
    return this.#represented.as;
  }

  /** What is stored, with an expiry that is due written down first: what was answered once stays so. */
  #current(now: number): StoredSession | null {
    const stored = this.#store.load();
    if (stored === null || !lifecycle.isDue(stored.record, now)) return stored;
    const expired = this.#expire(stored, now);
    this.#reportLater();
    return expired;
  }

  #readable(now: number, ifMatch: IfMatch = null): Result<StoredSession> {
    const stored = this.#current(now);
    if (stored === null || !lifecycle.isReadable(stored.record, now))
      return fail('session_not_found', 'There is no session with this id.');
    return matches(stored, ifMatch);
  }

  #active(now: number, ifMatch: IfMatch): Result<StoredSession> {
    const found = this.#readable(now);
    if (!found.ok) return found;
    const { ending } = found.value.record;
    if (ending === null) return matches(found.value, ifMatch);
    const at = new Date(ending.at).toISOString();
    return ending.reason === 'ended'
      ? fail('session_ended', `The session was ended at ${at}.`)
      : fail('session_expired', `The session expired at ${at}. It can be resumed.`);
  }

  /** Writes the expiry of a session that is due, and arms the retry of its report in the same block. */
  #expire({ record, details }: StoredSession, now: number): StoredSession {
    const expired = { record: lifecycle.settle(record, now, this.#retentionMs), details };
    this.#store.save(expired);
    this.#wakeAt(now + FIRST_REPORT_RETRY_MS);
    this.#logTransition('session.expired', expired.record);
    return expired;
  }

  /** Deletes everything, once nothing can bring the session back. */
  async #erase(record: SessionRecord, now: number): Promise<void> {
    const earliest = record.createdAt + MIN_MARK_LIFETIME_MS;
    if (now < earliest) return this.#wakeAt(earliest);
    this.#represented = null;
    await this.#store.erase();
  }

  /** Reports off the path of the answer. */
  #reportLater(again = false): void {
    this.ctx.waitUntil(this.#report(again));
  }

  /**
   * Tells the registry how the session stands, and does what follows from its answer. `again` where a change
   * before this one may not have been heard of.
   */
  async #report(again = false): Promise<void> {
    const stored = this.#store.load();
    if (stored === null) return;
    const { sessionId, version, reportedAt } = stored.record;
    const registry = remote<ReportedRegistry>(this.env.REGISTRY, this.#tenant);
    const answer = await within(REPORT_TIMEOUT_MS, registry.report(sessionId, toReport(stored))).catch(
      (error: unknown) => {
        logWarning('session.report_failed', { tenant: this.#tenant, sessionId, message: String(error) });
        return null;
      },
    );
    const current = this.#store.load();
    if (current === null) return;
    // Also of what was touched meanwhile: a touch that reports nothing makes good for nothing.
    if (answer === null && (again || reportedAt === UNREPORTED)) return this.#tellAgain(current);
    if (current.record.version !== version) {
      // Refused as it was, it asks as it is: a touch meanwhile gives no slot.
      if (answer?.admitted === false && current.record.ending === null) await this.#report();
      return;
    }
    const { record } = current;
    if (answer === null) {
      this.#store.remember(lifecycle.unheard(record));
    } else if (record.ending !== null) {
      await this.#afterEnd(current, record.ending);
    } else if (answer.admitted) {
      const heardAt = record.reportedAt === UNREPORTED ? Date.now() : record.reportedAt;
      this.#store.remember({ ...record, reportedAt: heardAt, reportIntervalMs: answer.intervalMs });
    } else {
      await this.#revoke(current);
    }
  }

  /** A change may not have been heard of: the next touch tells of it, or an alarm. An end has its own. */
  #tellAgain({ record, details }: StoredSession): void {
    if (record.ending !== null) return;
    if (record.reportedAt !== UNREPORTED)
      this.#store.save({ record: { ...record, reportedAt: UNREPORTED }, details });
    const now = Date.now();
    const untilExpiry = Math.max(lifecycle.expiry(record).at - now, MIN_ALARM_DELAY_MS);
    this.#wakeAt(now + Math.min(untilExpiry, CHANGE_REPORT_RETRY_MS));
  }

  /** The registry knows that the session has ended: what is left is to be deleted in time. */
  async #afterEnd({ record, details }: StoredSession, ending: Ending): Promise<void> {
    const now = Date.now();
    if (ending.purged) {
      // A reservation that the registry gave for this id a moment ago must lapse first.
      const retainUntil = now + MIN_MARK_LIFETIME_MS;
      this.#store.save({ record: { ...record, ending: { ...ending, retainUntil, heard: true } }, details });
      this.#wakeAt(retainUntil);
    } else if (now >= ending.retainUntil) {
      // An alarm in the past can stall.
      await this.#erase(record, now);
    } else {
      this.#wakeAt(Math.max(ending.retainUntil, record.createdAt + MIN_MARK_LIFETIME_MS));
    }
  }

  /** The session holds no slot, so it may not live. */
  async #revoke({ record, details }: StoredSession): Promise<void> {
    const now = Date.now();
    const revoked = lifecycle.revoke(record, now, this.#retentionMs);
    this.#store.save({ record: revoked, details });
    this.#wakeAt(now + FIRST_REPORT_RETRY_MS);
    this.#logTransition('session.revoked', revoked);
    await this.#report();
  }

  /** Sets the object's only alarm, in one write with what was stored before it. */
  #wakeAt(time: number): void {
    // Not awaited: an await would split the block, and the output gate reports a failure to write.
    void this.ctx.storage.setAlarm(time);
  }

  #logTransition(event: string, record: SessionRecord): void {
    logInfo(event, {
      tenant: this.#tenant,
      sessionId: record.sessionId,
      status: statusOf(record),
      version: record.version,
      messageCount: record.messageCount,
      durationMs: record.ending === null ? undefined : record.ending.at - record.createdAt,
      reason: record.ending?.reason,
    });
  }
}

/** A bad setting is answered by the Worker; an alarm must go on with what is there. */
function retentionOf(env: Env): number {
  const result = readSettings({ ...env });
  return result.ok ? result.settings.retentionMs : DEFAULT_RETENTION_MS;
}

function matches(stored: StoredSession, ifMatch: IfMatch): Result<StoredSession> {
  if (ifMatch === null || ifMatch.includes(stored.record.revision)) return ok(stored);
  return fail('precondition_failed', `The session is at revision ${stored.record.revision}.`);
}

function tooLate(): Failed {
  return fail('overloaded', 'This took too long to be safe. Try again.', { retryAfterS: 1 });
}
