/**
 * What a session and the registry say to each other. Both sides of a deploy may meet: add fields, never
 * change the meaning of one.
 *
 * @module
 */
import type { SessionStatus, SessionSummary } from '../contract/session.ts';

/** A lease lapses this long after the reported expiry, so that a session that expires on time is never asked. */
export const LEASE_MARGIN_MS = 45_000;

/** The version of a session that was just created. */
export const FIRST_VERSION = 1;

/** What a session tells the registry, or answers when it is asked. Times in milliseconds since the epoch. */
export interface SessionReport {
  /** Grows with every write of the session; the registry drops what is older than what it has. */
  readonly version: number;
  readonly status: SessionStatus;
  readonly createdAt: number;
  readonly expiresAt: number;
  /** Null while active. */
  readonly endedAt: number | null;
  /** Until when it stays readable; null while active. */
  readonly retainUntil: number | null;
  readonly messageCount: number;
  /** What lists show; null once the session has been erased. */
  readonly summary: SessionSummary | null;
}

/** The registry's answer to a report. */
export interface ReportAnswer {
  /** False for an active session that holds no slot: it must expire itself. */
  readonly admitted: boolean;
  /** The least time between two reports of mere activity, milliseconds. */
  readonly intervalMs: number;
}

/** What the registry hears when it asks a session; null where the session has nothing stored. */
export type SettleAnswer = SessionReport | null;

/** Asks the registry for a slot. */
export interface ReserveRequest {
  readonly sessionId: string;
  /** How the session will stand once the reservation is used. */
  readonly report: SessionReport;
  /** Of a resume: how the session stands now, which the registry may not have heard yet. */
  readonly expired?: SessionReport;
  /** Of a create: the caller's key, and a digest of the validated body. */
  readonly idempotency?: { readonly key: string; readonly bodyDigest: string };
}

/** A slot, or the news that there is nothing left to create. */
export interface Reservation {
  /** The id that the slot is for: that of the first create for a repeated idempotency key. */
  readonly sessionId: string;
  /** Until when the session may be written, milliseconds since the epoch; null where it already was. */
  readonly deadline: number | null;
  /** Whether the idempotency key was known. */
  readonly repeat: boolean;
}

/** The registry, as a session sees it. */
export interface ReportedRegistry {
  report(sessionId: string, report: SessionReport): Promise<ReportAnswer>;
}

/** A session, as the registry sees it. */
export interface AskedSession {
  settle(): SettleAnswer;
}
