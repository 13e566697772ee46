/**
 * The one place where a session's row and what is counted of it change: together, in one transaction.
 *
 * @module
 */
import { LEASE_MARGIN_MS, type SessionReport } from '../protocol/report.ts';
import type { SessionSummary } from '../contract/session.ts';
import type { IndexRow } from './index-row.ts';
import type { SessionIndex } from './session-index.ts';
import type { Change, Kind, Statistics } from './statistics.ts';

/** What a change of a row means for the all-time totals. */
export type LedgerEvent =
  | { readonly kind: 'created' }
  /** It was counted as created, but never came to be. */
  | { readonly kind: 'uncreated'; readonly createdAt: number }
  | { readonly kind: 'expired' | 'ended'; readonly durationMs: number };

/** A change of a row, null for none. */
export interface Move {
  readonly before: IndexRow | null;
  readonly after: IndexRow | null;
}

function kindOf({ summary }: IndexRow): Kind {
  return { model: summary.config.model, permissionMode: summary.config.permissionMode };
}

function talliesOf(before: IndexRow | null, after: IndexRow | null): Change['tallies'] {
  const from = before?.status === 'active' ? kindOf(before) : null;
  const to = after?.status === 'active' ? kindOf(after) : null;
  if (from?.model === to?.model && from?.permissionMode === to?.permissionMode) return [];
  return [
    ...(from === null ? [] : [{ kind: from, by: -1 as const }]),
    ...(to === null ? [] : [{ kind: to, by: 1 as const }]),
  ];
}

function happened(event: LedgerEvent | null, messages: number): Change['happened'] {
  const some = messages > 0 ? { messages } : {};
  if (event === null || event.kind === 'uncreated') return some;
  return { ...some, [event.kind]: 1 };
}

export class Ledger {
  readonly #index: SessionIndex;
  readonly #statistics: Statistics;
  /** What has changed since it was last taken, for those who watch. */
  #moves: Move[] = [];

  constructor(index: SessionIndex, statistics: Statistics) {
    this.#index = index;
    this.#statistics = statistics;
  }

  /** Changes a row from `before` to `after`, null for none, and counts what that means. */
  move(before: IndexRow | null, after: IndexRow | null, event: LedgerEvent | null, now: number): void {
    this.#index.replace(before, after);
    this.#moves.push({ before, after });
    // A row that is new counts none: those of a session that comes back were counted before.
    const messages = before === null || after === null ? 0 : after.messageCount - before.messageCount;
    const tallies = talliesOf(before, after);
    if (before?.status === after?.status && tallies.length === 0 && messages <= 0 && event === null) return;
    const current: Change['current'] = {
      ...(before === null ? {} : { [before.status]: -1 }),
      ...(after === null || after.status === before?.status ? {} : { [after.status]: 1 }),
      ...(before !== null && after?.status === before.status ? { [before.status]: 0 } : {}),
    };
    this.#statistics.apply(
      {
        current,
        tallies,
        happened: happened(event, messages),
        ...(event !== null && 'durationMs' in event ? { durationMs: event.durationMs } : {}),
        ...(event?.kind === 'uncreated' ? { uncreatedAt: event.createdAt } : {}),
      },
      now,
    );
  }

  /** The changes since the last call, in order. */
  takeMoves(): readonly Move[] {
    const moves = this.#moves;
    this.#moves = [];
    return moves;
  }

  /**
   * Takes over what a session says of itself, where that is newer than what is known.
   *
   * @returns false where the session says that it is active and holds no slot.
   */
  takeOver(row: IndexRow | null, report: SessionReport, now: number): boolean {
    if (row === null) return report.status !== 'active';
    if (report.version < row.version) return true;
    if (report.status === 'active') {
      if (row.status !== 'active') return false;
      this.move(row, rowOf(row, report, now), null, now);
      return true;
    }
    if (row.status !== 'active' && report.version === row.version && report.summary !== null) return true;
    // At the very version that a resume was to write, the session was erased instead: its end was counted.
    const neverResumed = row.reserved === 'resume' && report.version === row.version;
    const ends = row.status === 'active' && !neverResumed;
    const event = ends ? { kind: report.status, durationMs: durationOf(report) } : null;
    const after = rowOf(row, report, now);
    this.move(row, after, event, now);
    if (report.summary === null) this.move(after, null, null, now);
    return true;
  }
}

/** How long a session that is no longer active lived, milliseconds. */
function durationOf(report: SessionReport): number {
  return Math.max(0, (report.endedAt ?? report.createdAt) - report.createdAt);
}

/** A row as the report has it, confirmed. An erased session keeps its last summary until the row goes. */
export function rowOf(row: IndexRow, report: SessionReport, now: number): IndexRow {
  return {
    ...row,
    version: report.version,
    status: report.status,
    reserved: 'no',
    due: report.status === 'active' ? report.expiresAt + LEASE_MARGIN_MS : (report.retainUntil ?? now),
    asks: 0,
    messageCount: report.messageCount,
    reportedAt: now,
    summary: report.summary ?? erased(row.summary, report),
  };
}

/** The last summary of a session that was erased, as it ended. */
function erased(summary: SessionSummary, { status, endedAt }: SessionReport): SessionSummary {
  if (status === 'active' || endedAt === null) return summary;
  const endReason = status === 'ended' ? { endReason: 'ended' as const } : {};
  return { ...summary, status, endedAt: new Date(endedAt).toISOString(), ...endReason };
}
