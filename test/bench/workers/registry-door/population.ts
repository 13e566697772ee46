/**
 * The sessions that a registry is filled with: by the real rules, as different as a tenant's are, and as many
 * of what is looked for among a hundred as among a hundred thousand.
 *
 * @module
 */
import { newSessionId } from '../../../../src/contract/session-id.ts';
import type { SessionReport } from '../../../../src/protocol/report.ts';
import * as lifecycle from '../../../../src/session/lifecycle.ts';
import { toReport } from '../../../../src/session/view.ts';

/** Sessions on a page, and how many there are of each kind that is looked for. */
export const PAGE_SIZE = 25;
/** The model of a page's worth of the active sessions, spread over all of them. */
export const RARE_MODEL = 'claude-haiku-4-5';
/** The label of as many. */
export const RARE_LABEL = ['project', 'p-1'] as const;
/** The label of half of all, and of all that have the rare one. */
export const COMMON_LABEL = ['team', 'red'] as const;
/** The label of those sessions whose leases are to lapse. */
export const LAPSING_LABEL = ['lapses', 'on cue'] as const;
/** For each so many active sessions one was ended, and is still kept. */
export const ACTIVE_PER_ENDED = 4;

const COMMON_MODELS = ['claude-opus-4-1', 'claude-sonnet-4-5'] as const;
const PERMISSION_MODES = ['default', 'acceptEdits', 'plan'] as const;
const FOLDERS = 7;

const MINUTE_MS = 60_000;
const RETENTION_MS = 24 * 60 * MINUTE_MS;
/** Each expires at some time in the second hour after it was made: nothing does while something is measured. */
const DEFAULTS: lifecycle.SessionDefaults = {
  cwd: '/workspace',
  sessionTimeoutMs: 60 * MINUTE_MS,
  maxLifetimeMs: null,
};
/** Scatters neighbours, so that a session's place among the expiries says nothing of its age. */
const SCATTER = 7_919;

/** A session that no object holds, and what the registry is told of it in turn. */
export interface Paper {
  readonly sessionId: string;
  readonly created: SessionReport;
  readonly linked: SessionReport;
  readonly ended: SessionReport;
}

/** The session of this number in a registry of so many active ones. */
export function paperSession(i: number, active: number, now: number): Paper {
  const kinds = active / PAGE_SIZE;
  const model = i % kinds === 0 ? RARE_MODEL : COMMON_MODELS[i % COMMON_MODELS.length];
  const created = lifecycle.create(
    newSessionId(),
    {
      ...(model === undefined ? {} : { model }),
      cwd: `${DEFAULTS.cwd}/app-${i % FOLDERS}`,
      permissionMode: PERMISSION_MODES[i % PERMISSION_MODES.length],
      metadata: { project: `p-${i % kinds}`, team: i % 2 === 1 ? 'red' : 'blue' },
      sessionTimeoutMs: DEFAULTS.sessionTimeoutMs + ((i * SCATTER) % (60 * MINUTE_MS)),
    },
    DEFAULTS,
    now,
  );
  const linked = lifecycle.link(created, { claudeSessionId: crypto.randomUUID() });
  const ended = { ...linked, record: lifecycle.end(linked.record, now, RETENTION_MS) };
  return {
    sessionId: created.record.sessionId,
    created: toReport(created),
    linked: toReport(linked),
    ended: toReport(ended),
  };
}
