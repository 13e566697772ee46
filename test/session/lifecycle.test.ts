import { describe, expect, it } from 'vitest';
import * as lifecycle from '../../src/session/lifecycle.ts';
import type { SessionRecord, StoredSession } from '../../src/session/record.ts';
import { DEFAULTS } from '../support/sessions.ts';
import { outcome, valueOf } from '../support/tenant.ts';

const T0 = Date.UTC(2026, 10, 22);
const RETENTION_MS = 1_000_000;

function session(input: Parameters<typeof lifecycle.create>[1] = {}): StoredSession {
  return lifecycle.create('id', { sessionTimeoutMs: 60_000, ...input }, DEFAULTS, T0);
}
const record = (input: Parameters<typeof lifecycle.create>[1] = {}): SessionRecord => session(input).record;
const touched = (
  before: SessionRecord,
  now: number,
  messages = 1,
  key: string | null = null,
): SessionRecord => valueOf(lifecycle.touch(before, messages, key, now));
const patched = (before: StoredSession, patch: Parameters<typeof lifecycle.patch>[1]): StoredSession =>
  valueOf(lifecycle.patch(before, patch, DEFAULTS));

describe('expiry', () => {
  it('comes at expiresAt, not after it', () => {
    expect(lifecycle.isDue(record(), T0 + 59_999)).toBe(false);
    expect(lifecycle.isDue(record(), T0 + 60_000)).toBe(true);
  });

  it('counts from the last activity', () => {
    expect(lifecycle.expiry(touched(record(), T0 + 10_000))).toEqual({
      at: T0 + 70_000,
      reason: 'idle_timeout',
    });
  });

  it('is the earlier of the two limits, max_lifetime on a tie', () => {
    const reasonAt = (maxLifetimeMs: number) => lifecycle.expiry(record({ maxLifetimeMs }));
    expect(reasonAt(60_001)).toEqual({ at: T0 + 60_000, reason: 'idle_timeout' });
    expect(reasonAt(60_000)).toEqual({ at: T0 + 60_000, reason: 'max_lifetime' });
    expect(reasonAt(59_999)).toEqual({ at: T0 + 59_999, reason: 'max_lifetime' });
  });

  it('is not put off past the absolute lifetime by activity', () => {
    const busy = touched(record({ maxLifetimeMs: 90_000 }), T0 + 59_000);
    expect(lifecycle.expiry(busy)).toEqual({ at: T0 + 90_000, reason: 'max_lifetime' });
  });

  it('is written down as of when it fell due, and kept from then on, however late it is noticed', () => {
    const late = lifecycle.settle(record(), T0 + 500_000, RETENTION_MS);
    expect(late.ending).toEqual({
      reason: 'idle_timeout',
      at: T0 + 60_000,
      retainUntil: T0 + 60_000 + RETENTION_MS,
      purged: false,
      heard: false,
    });
    expect(lifecycle.settle(late, T0 + 600_000, RETENTION_MS)).toBe(late);
  });

  it('changes nothing before it is due', () => {
    const fresh = record();
    expect(lifecycle.settle(fresh, T0 + 59_999, RETENTION_MS)).toBe(fresh);
  });
});

describe('retention', () => {
  it('is over exactly at retainUntil', () => {
    const ended = lifecycle.end(record(), T0 + 5, RETENTION_MS);
    expect(lifecycle.isReadable(ended, T0 + 5 + RETENTION_MS - 1)).toBe(true);
    expect(lifecycle.isReadable(ended, T0 + 5 + RETENTION_MS)).toBe(false);
  });

  it('is over at once for what was purged', () => {
    const ended = lifecycle.end(record(), T0, RETENTION_MS);
    if (ended.ending === null) throw new Error('It should have ended');
    expect(lifecycle.isReadable(lifecycle.purge(ended, ended.ending), T0)).toBe(false);
  });
});

describe('a clock that was set back', () => {
  it('never moves the last activity back', () => {
    expect(touched(touched(record(), T0 + 9_000), T0 + 2_000).lastActivity).toBe(T0 + 9_000);
  });

  it('never ends a session before it began, whatever ends it', () => {
    expect(lifecycle.end(record(), T0 - 5_000, RETENTION_MS).ending?.at).toBe(T0);
    expect(lifecycle.revoke(record(), T0 - 5_000, RETENTION_MS).ending?.at).toBe(T0);
  });
});

describe('revision and version', () => {
  it('activity moves the version alone', () => {
    expect(touched(record(), T0 + 1)).toMatchObject({ version: 2, revision: 1 });
  });

  it.each([
    ['patch', patched(session(), { maxTurns: 5 }).record],
    ['link', lifecycle.link(session(), { claudeSessionId: 'c' }).record],
    ['end', lifecycle.end(record(), T0, RETENTION_MS)],
    ['expiry', lifecycle.settle(record(), T0 + 60_000, RETENTION_MS)],
    ['revocation', lifecycle.revoke(record(), T0, RETENTION_MS)],
  ])('%s moves both', (_, next) => {
    expect(next).toMatchObject({ version: 2, revision: 2 });
  });

  it('resume moves both on', () => {
    const expired = lifecycle.settle(record(), T0 + 60_000, RETENTION_MS);
    expect(lifecycle.resume(expired, T0 + 60_000)).toMatchObject({ version: 3, revision: 3, ending: null });
  });

  it.each([
    ['a patch that changes nothing', patched, { maxTurns: 10, model: null, metadata: {} }],
    ['a link to what is linked', lifecycle.link, { claudeSessionId: 'c' }],
  ] as const)('%s moves neither', (_, change, input) => {
    const before = lifecycle.link(session(), { claudeSessionId: 'c' });
    const apply = change as (before: StoredSession, input: object) => StoredSession;
    expect(apply(before, input)).toBe(before);
  });
});

describe('touch', () => {
  it('changes nothing for a key that it remembers', () => {
    const once = touched(record(), T0 + 1, 2, 'k');
    expect(touched(once, T0 + 5_000, 2, 'k')).toBe(once);
    expect(outcome(lifecycle.touch(once, 3, 'k', T0 + 5_000))).toBe('idempotency_key_reused');
  });

  it('remembers the last 16 keys', () => {
    let next = record();
    for (let n = 0; n < 17; n += 1) next = touched(next, T0, 1, `k${n}`);
    expect(touched(next, T0, 1, 'k1')).toBe(next);
    expect(touched(next, T0, 1, 'k0').messageCount).toBe(18);
  });
});

describe('link', () => {
  it('remembers the last 32 ids, oldest first, each once', () => {
    let next = session();
    for (let n = 0; n < 33; n += 1) next = lifecycle.link(next, { claudeSessionId: `c${n}` });
    expect(next.details.claudeSessionIds).toHaveLength(32);
    expect(next.details.claudeSessionIds[0]).toBe('c1');
    const again = lifecycle.link(next, { claudeSessionId: 'c5' }).details.claudeSessionIds;
    expect(new Set(again).size).toBe(32);
    expect(again).toHaveLength(32);
    expect(again.at(-1)).toBe('c5');
  });

  it('keeps the project key where none is given', () => {
    const linked = lifecycle.link(session(), { claudeSessionId: 'a', projectKey: '-p' });
    expect(lifecycle.link(linked, { claudeSessionId: 'b' }).details.projectKey).toBe('-p');
  });
});

describe('patch', () => {
  it('restores the default by null', () => {
    const set = session({
      model: 'm',
      cwd: '/x',
      permissionMode: 'plan',
      appendSystemPrompt: 'p',
      maxTurns: 3,
      metadata: { a: 1 },
      maxLifetimeMs: 5_000_000,
    });
    const cleared = patched(set, {
      model: null,
      cwd: null,
      permissionMode: null,
      appendSystemPrompt: null,
      maxTurns: null,
      metadata: null,
      sessionTimeoutMs: null,
      maxLifetimeMs: null,
    });
    expect(cleared.details.config).toEqual({
      cwd: DEFAULTS.cwd,
      permissionMode: 'default',
      maxTurns: 10,
      metadata: {},
    });
    expect(cleared.record).toMatchObject({
      sessionTimeoutMs: DEFAULTS.sessionTimeoutMs,
      maxLifetimeMs: DEFAULTS.maxLifetimeMs,
    });
  });

  it('counts a new timeout from the last activity: a shorter one can lie in the past', () => {
    const shorter = patched(session(), { sessionTimeoutMs: 1_000 }).record;
    const settled = lifecycle.settle(shorter, T0 + 30_000, RETENTION_MS);
    expect(settled.ending).toMatchObject({ at: T0 + 1_000, reason: 'idle_timeout' });
    expect(shorter.lastActivity).toBe(T0);
  });

  it('holds the merged metadata to its bounds, naming the field', () => {
    const full = session({
      metadata: Object.fromEntries(Array.from({ length: 32 }, (_, n) => [`k${n}`, n])),
    });
    const refused = lifecycle.patch(full, { metadata: { more: 1 } }, DEFAULTS);
    expect(refused).toMatchObject({
      ok: false,
      error: { code: 'invalid_request', errors: [{ path: 'metadata' }] },
    });
    expect(outcome(lifecycle.patch(full, { metadata: { more: 1, k0: null } }, DEFAULTS))).toBe('ok');
  });
});

describe('resume', () => {
  it('is refused to what was ended, and at the absolute lifetime', () => {
    const ended = lifecycle.end(record(), T0, RETENTION_MS);
    expect(outcome(lifecycle.checkResumable(ended, T0))).toBe('session_ended');
    const expired = lifecycle.settle(record({ maxLifetimeMs: 80_000 }), T0 + 60_000, RETENTION_MS);
    expect(outcome(lifecycle.checkResumable(expired, T0 + 79_999))).toBe('ok');
    expect(outcome(lifecycle.checkResumable(expired, T0 + 80_000))).toBe('session_expired');
  });

  it('gives a fresh timeout and keeps the count', () => {
    const expired = lifecycle.settle(touched(record(), T0, 3), T0 + 60_000, RETENTION_MS);
    const resumed = lifecycle.resume(expired, T0 + 100_000);
    expect(lifecycle.expiry(resumed).at).toBe(T0 + 160_000);
    expect(resumed.messageCount).toBe(3);
  });
});

describe('a report of activity', () => {
  it('is due at the interval that the registry gave, and at half the timeout at the latest', () => {
    const busy = { ...record({ sessionTimeoutMs: 100_000 }), reportIntervalMs: 20_000 };
    expect(lifecycle.isReportDue(busy, T0 + 19_999)).toBe(false);
    expect(lifecycle.isReportDue(busy, T0 + 20_000)).toBe(true);
    const short = { ...record({ sessionTimeoutMs: 10_000 }), reportIntervalMs: 20_000 };
    expect(lifecycle.isReportDue(short, T0 + 5_000)).toBe(true);
  });

  it('that has no answer is due again after half of that', () => {
    const busy = { ...record({ sessionTimeoutMs: 100_000 }), reportedAt: T0, reportIntervalMs: 20_000 };
    const unheard = lifecycle.unheard(busy);
    expect(lifecycle.isReportDue(unheard, T0 + 9_999)).toBe(false);
    expect(lifecycle.isReportDue(unheard, T0 + 10_000)).toBe(true);
  });
});
