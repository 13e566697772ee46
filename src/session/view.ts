/**
 * A stored session as others see it: as a wire `Session`, and as a report to the registry.
 *
 * @module
 */
import type { SessionStatus, SessionSummary } from '../contract/session.ts';
import type { SessionReport } from '../protocol/report.ts';
import type { SessionRepresentation } from '../protocol/session-representation.ts';
import { expiry } from './lifecycle.ts';
import type { SessionDetails, SessionRecord, StoredSession } from './record.ts';

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

/** Details as members of a JSON object: they may be long and seldom change, while each touch is answered with them. */
const writtenDetails = new WeakMap<SessionDetails, string>();

function detailMembers(details: SessionDetails): string {
  const known = writtenDetails.get(details);
  if (known !== undefined) return known;
  const { claudeSessionIds, projectKey, config } = details;
  const claudeSessionId = claudeSessionIds.at(-1);
  const members = JSON.stringify({ claudeSessionIds, claudeSessionId, projectKey, config }).slice(1, -1);
  writtenDetails.set(details, members);
  return members;
}

/** The session as it is answered. The record is written out by hand, each time: nothing in it has to be escaped. */
export function toRepresentation({ record, details }: StoredSession): SessionRepresentation {
  const { ending } = record;
  const end = ending === null ? '' : `"endedAt":"${timestamp(ending.at)}","endReason":"${ending.reason}",`;
  const json =
    `{"sessionId":"${record.sessionId}",${detailMembers(details)},"status":"${statusOf(record)}",` +
    `"createdAt":"${timestamp(record.createdAt)}","expiresAt":"${timestamp(expiresAt(record))}",` +
    `"lastActivity":"${timestamp(record.lastActivity)}","messageCount":${record.messageCount},` +
    `"sessionTimeoutMs":${record.sessionTimeoutMs},"maxLifetimeMs":${record.maxLifetimeMs},${end}` +
    `"revision":${record.revision}}`;
  return `${record.revision} ${json}`;
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
