/**
 * A stored session as others see it: as a wire `Session`, and as a report to the registry.
 *
 * @module
 */
import type { Session, SessionStatus, SessionSummary } from '../contract/session.ts';
import type { SessionReport } from '../protocol/report.ts';
import type { SessionRepresentation } from '../protocol/session-representation.ts';
import { expiry } from './lifecycle.ts';
import type { SessionRecord, StoredSession } from './record.ts';

const timestamp = (time: number): string => new Date(time).toISOString();

/** The status that is stored. Whether an active session has fallen due is for `lifecycle.settle` to say. */
export function statusOf(record: SessionRecord): SessionStatus {
  if (record.ending === null) return 'active';
  return record.ending.reason === 'ended' ? 'ended' : 'expired';
}

/** When the session expires, or did: a session that was revoked early expired then. */
function expiresAt(record: SessionRecord): number {
  const { at } = expiry(record);
  return record.ending !== null && record.ending.reason !== 'ended' ? record.ending.at : at;
}

function summaryOf({ record, details }: StoredSession): SessionSummary {
  const { appendSystemPrompt: _, ...config } = details.config;
  const claudeSessionId = details.claudeSessionIds.at(-1);
  return {
    sessionId: record.sessionId,
    ...(claudeSessionId === undefined ? {} : { claudeSessionId }),
    ...(details.projectKey === undefined ? {} : { projectKey: details.projectKey }),
    config,
    status: statusOf(record),
    createdAt: timestamp(record.createdAt),
    expiresAt: timestamp(expiresAt(record)),
    lastActivity: timestamp(record.lastActivity),
    messageCount: record.messageCount,
    sessionTimeoutMs: record.sessionTimeoutMs,
    maxLifetimeMs: record.maxLifetimeMs,
    ...(record.ending === null
      ? {}
      : { endedAt: timestamp(record.ending.at), endReason: record.ending.reason }),
    revision: record.revision,
  };
}

/** The session as the wire has it. */
export function toSession(session: StoredSession): Session {
  const { sessionId, ...summary } = summaryOf(session);
  const { claudeSessionIds, config } = session.details;
  return { sessionId, claudeSessionIds: [...claudeSessionIds], ...summary, config };
}

/** The session as it is answered. */
export function toRepresentation(session: StoredSession): SessionRepresentation {
  return `${session.record.revision} ${JSON.stringify(toSession(session))}`;
}

/** The session as the registry is told of it. */
export function toReport(session: StoredSession): SessionReport {
  const { record } = session;
  return {
    version: record.version,
    status: statusOf(record),
    createdAt: record.createdAt,
    expiresAt: expiresAt(record),
    endedAt: record.ending?.at ?? null,
    retainUntil: record.ending?.retainUntil ?? null,
    messageCount: record.messageCount,
    summary: record.ending?.purged ? null : summaryOf(session),
  };
}
