/**
 * The rules of a session's life, as pure functions over what is stored and a time. Each returns what is
 * to be stored next, or the very object it was given where nothing changes.
 *
 * @module
 */
import { fail, ok, type Result } from '../contract/errors.ts';
import * as limits from '../contract/limits.ts';
import {
  metadataProblem,
  type CreateSession,
  type EndReason,
  type LinkClaudeSession,
  type PatchSession,
  type SessionConfig,
} from '../contract/session.ts';
import { FIRST_VERSION } from '../protocol/report.ts';
import { mergePatch } from './merge-patch.ts';
import type { Ending, SessionDetails, SessionRecord, StoredSession } from './record.ts';

/** What a session gets where its creator names nothing. Durations in milliseconds. */
export interface SessionDefaults {
  readonly cwd: string;
  readonly sessionTimeoutMs: number;
  readonly maxLifetimeMs: number | null;
}

/** How often a session may report mere activity before the registry has named an interval. */
const INITIAL_REPORT_INTERVAL_MS = 15_000;

/** When a session's life ends if nothing more happens, and by which limit: the earlier of the two. */
export function expiry(record: SessionRecord): { at: number; reason: EndReason } {
  const idle = record.lastActivity + record.sessionTimeoutMs;
  if (record.maxLifetimeMs === null) return { at: idle, reason: 'idle_timeout' };
  const absolute = record.createdAt + record.maxLifetimeMs;
  return absolute <= idle ? { at: absolute, reason: 'max_lifetime' } : { at: idle, reason: 'idle_timeout' };
}

/** The latest expiry that the registry may have been told of: until then it keeps the slot, if it hears no other. */
export function latestExpiry(record: SessionRecord): number {
  return Math.max(expiry(record).at, record.latestExpiry ?? 0);
}

/** Whether the time has come for an active session to expire: at `expiresAt`, not after it. */
export function isDue(record: SessionRecord, now: number): boolean {
  return record.ending === null && now >= expiry(record).at;
}

/** Whether callers may still see the session. */
export function isReadable(record: SessionRecord, now: number): boolean {
  return record.ending === null || (!record.ending.purged && now < record.ending.retainUntil);
}

/** A new session. */
export function create(
  sessionId: string,
  input: CreateSession,
  defaults: SessionDefaults,
  now: number,
): StoredSession {
  const config: SessionConfig = {
    ...(input.model === undefined ? {} : { model: input.model }),
    cwd: input.cwd ?? defaults.cwd,
    permissionMode: input.permissionMode ?? 'default',
    ...(input.appendSystemPrompt === undefined ? {} : { appendSystemPrompt: input.appendSystemPrompt }),
    maxTurns: input.maxTurns ?? limits.DEFAULT_MAX_TURNS,
    metadata: input.metadata ?? {},
  };
  const record: SessionRecord = {
    sessionId,
    version: FIRST_VERSION,
    revision: 1,
    createdAt: now,
    lastActivity: now,
    sessionTimeoutMs: input.sessionTimeoutMs ?? defaults.sessionTimeoutMs,
    maxLifetimeMs: input.maxLifetimeMs === undefined ? defaults.maxLifetimeMs : input.maxLifetimeMs,
    messageCount: 0,
    ending: null,
    reportedAt: now,
    reportIntervalMs: INITIAL_REPORT_INTERVAL_MS,
    touchKeys: [],
  };
  return { record, details: { config, claudeSessionIds: [] } };
}

/** A change that clients see as one. */
function revised(record: SessionRecord): SessionRecord {
  return { ...record, version: record.version + 1, revision: record.revision + 1 };
}

function close(record: SessionRecord, reason: EndReason, at: number, retentionMs: number): SessionRecord {
  return {
    ...revised(record),
    ending: { reason, at, retainUntil: at + retentionMs, purged: false, heard: false },
  };
}

/** Expires a session that is due, as of the moment that it fell due, however late this is noticed. */
export function settle(record: SessionRecord, now: number, retentionMs: number): SessionRecord {
  if (!isDue(record, now)) return record;
  const { at, reason } = expiry(record);
  return close(record, reason, at, retentionMs);
}

/** Expires a session that holds no slot: its timeout is cut to what has passed. */
export function revoke(record: SessionRecord, now: number, retentionMs: number): SessionRecord {
  if (record.ending !== null) return record;
  const { at, reason } = expiry(record);
  return close(record, reason, Math.min(at, Math.max(now, record.createdAt)), retentionMs);
}

/** Ends a session. */
export function end(record: SessionRecord, now: number, retentionMs: number): SessionRecord {
  return close(record, 'ended', Math.max(now, record.createdAt), retentionMs);
}

/** Hides a session that has ended for good; what it held is to be erased with this write. */
export function purge(record: SessionRecord, ending: Ending): SessionRecord {
  return { ...record, version: record.version + 1, ending: { ...ending, purged: true } };
}

/**
 * Counts activity and slides the idle timeout. A key that the session remembers changes nothing.
 *
 * @returns `idempotency_key_reused` where the key came with another count.
 */
export function touch(
  record: SessionRecord,
  messages: number,
  key: string | null,
  now: number,
): Result<SessionRecord> {
  if (key !== null) {
    const known = record.touchKeys.find(([remembered]) => remembered === key);
    if (known !== undefined) {
      if (known[1] === messages) return ok(record);
      return fail('idempotency_key_reused', `This key was used with ${known[1]} messages.`);
    }
  }
  return ok({
    ...record,
    version: record.version + 1,
    lastActivity: Math.max(now, record.lastActivity),
    messageCount: record.messageCount + messages,
    touchKeys:
      key === null
        ? record.touchKeys
        : [...record.touchKeys, [key, messages] as const].slice(-limits.REMEMBERED_TOUCH_KEYS),
  });
}

/** Links a Claude session id, which becomes the current one. */
export function link(session: StoredSession, input: LinkClaudeSession): StoredSession {
  const { record, details } = session;
  const projectKey = input.projectKey ?? details.projectKey;
  const current = details.claudeSessionIds.at(-1);
  if (current === input.claudeSessionId && projectKey === details.projectKey) return session;
  const others = details.claudeSessionIds.filter((id) => id !== input.claudeSessionId);
  return {
    record: revised(record),
    details: {
      ...details,
      claudeSessionIds: [...others, input.claudeSessionId].slice(-limits.MAX_CLAUDE_SESSION_IDS),
      ...(projectKey === undefined ? {} : { projectKey }),
    },
  };
}

/** An optional field after a merge patch: kept, replaced, or gone. */
function patched<K extends string, T>(key: K, value: T | null | undefined, kept: T | undefined) {
  const next = value === undefined ? kept : value;
  return (next === null || next === undefined ? {} : { [key]: next }) as { [P in K]?: T };
}

/**
 * Applies a merge patch to configuration and limits.
 *
 * @returns `invalid_request` where the merged metadata breaks its bounds.
 */
export function patch(
  session: StoredSession,
  input: PatchSession,
  defaults: SessionDefaults,
): Result<StoredSession> {
  const { record, details } = session;
  const { config } = details;
  const metadata =
    input.metadata === undefined
      ? config.metadata
      : input.metadata === null
        ? {}
        : mergePatch(config.metadata, input.metadata);
  const problem = metadataProblem(metadata);
  if (problem !== null) {
    const errors = [{ path: 'metadata', message: problem }];
    return fail('invalid_request', 'The merged metadata is out of bounds.', { errors });
  }
  const nextConfig: SessionConfig = {
    ...patched('model', input.model, config.model),
    cwd: input.cwd === undefined ? config.cwd : (input.cwd ?? defaults.cwd),
    permissionMode:
      input.permissionMode === undefined ? config.permissionMode : (input.permissionMode ?? 'default'),
    ...patched('appendSystemPrompt', input.appendSystemPrompt, config.appendSystemPrompt),
    maxTurns: input.maxTurns === undefined ? config.maxTurns : (input.maxTurns ?? limits.DEFAULT_MAX_TURNS),
    metadata,
  };
  const sessionTimeoutMs =
    input.sessionTimeoutMs === undefined
      ? record.sessionTimeoutMs
      : (input.sessionTimeoutMs ?? defaults.sessionTimeoutMs);
  const maxLifetimeMs =
    input.maxLifetimeMs === undefined
      ? record.maxLifetimeMs
      : (input.maxLifetimeMs ?? defaults.maxLifetimeMs);
  // Compared, since what did not change is not to be written again: it may be long.
  const sameConfig = JSON.stringify(nextConfig) === JSON.stringify(config);
  const sameLimits = sessionTimeoutMs === record.sessionTimeoutMs && maxLifetimeMs === record.maxLifetimeMs;
  if (sameConfig && sameLimits) return ok(session);
  const next: SessionRecord = { ...revised(record), sessionTimeoutMs, maxLifetimeMs };
  const isCut = expiry(next).at < expiry(record).at;
  return ok({
    record: isCut ? { ...next, latestExpiry: latestExpiry(record) } : next,
    details: sameConfig ? details : ({ ...details, config: nextConfig } satisfies SessionDetails),
  });
}

/**
 * Whether an expired session could be resumed now.
 *
 * @returns `session_ended` where it was ended, `session_expired` past its absolute lifetime.
 */
export function checkResumable(record: SessionRecord, now: number): Result<null> {
  if (record.ending?.reason === 'ended') return fail('session_ended', 'An ended session stays ended.');
  if (record.maxLifetimeMs !== null && now >= record.createdAt + record.maxLifetimeMs)
    return fail('session_expired', 'The session is past its absolute lifetime.');
  return ok(null);
}

/** An expired session made active again, with a fresh timeout. */
export function resume(record: SessionRecord, now: number): SessionRecord {
  return { ...revised(record), ending: null, lastActivity: Math.max(now, record.lastActivity) };
}

/** The least time between two reports of mere activity. */
function reportWaitMs(record: SessionRecord): number {
  // Half the timeout, so that a lease never lapses while its session is touched often enough to live.
  return Math.min(record.reportIntervalMs, record.sessionTimeoutMs / 2);
}

/** Whether a touch is due to be reported: the last report is older than the registry's interval. */
export function isReportDue(record: SessionRecord, now: number): boolean {
  return now - record.reportedAt >= reportWaitMs(record);
}

/**
 * A session whose report of mere activity had no answer: it is due again after half the wait. Were every touch
 * to report until one is heard, a registry that has too much to do would have all touches to do as well.
 */
export function unheard(record: SessionRecord): SessionRecord {
  return { ...record, reportedAt: record.reportedAt - reportWaitMs(record) / 2 };
}
