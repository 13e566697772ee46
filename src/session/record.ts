/**
 * What a session stores. Two rows: the record, small and written by every change, and the details, which
 * may be long and seldom change.
 *
 * @module
 */
import type { EndReason, SessionConfig } from '../contract/session.ts';

/** How and when a session's life ended. Times in milliseconds since the epoch. */
export interface Ending {
  readonly reason: EndReason;
  readonly at: number;
  readonly retainUntil: number;
  /** True once it was erased on request: only what the registry must still hear is left. */
  readonly purged: boolean;
  /** Of one that was erased: whether the registry has heard of it. */
  readonly heard: boolean;
}

/** The part of a session that every touch rewrites. Times in milliseconds since the epoch. */
export interface SessionRecord {
  readonly sessionId: string;
  /** Grows with every write; the registry orders reports by it. */
  readonly version: number;
  /** Grows with every change but activity; the wire's `revision` and ETag. */
  readonly revision: number;
  readonly createdAt: number;
  readonly lastActivity: number;
  readonly sessionTimeoutMs: number;
  /** Null for none. */
  readonly maxLifetimeMs: number | null;
  /** Where a patch has brought the expiry forward: the latest that the registry may still believe in. */
  readonly latestExpiry?: number;
  readonly messageCount: number;
  /** Null while the session is active. */
  readonly ending: Ending | null;
  /** When the registry was last told, and how long to wait before telling it of mere activity again. */
  readonly reportedAt: number;
  readonly reportIntervalMs: number;
  /** The last idempotency keys of touches, oldest first, each with what it counted. */
  readonly touchKeys: readonly (readonly [key: string, messages: number])[];
}

/** The part of a session that seldom changes. */
export interface SessionDetails {
  readonly config: SessionConfig;
  /** All Claude ids that were linked, oldest first; the last is the current one. */
  readonly claudeSessionIds: readonly string[];
  readonly projectKey?: string;
}

/** A session whole. */
export interface StoredSession {
  readonly record: SessionRecord;
  readonly details: SessionDetails;
}
