import { describe, expect, it } from 'vitest';
import { Session, SessionSummary } from '../../src/contract/session.ts';
import * as lifecycle from '../../src/session/lifecycle.ts';
import type { StoredSession } from '../../src/session/record.ts';
import { partsOf } from '../../src/protocol/session-representation.ts';
import { toReport, toRepresentation } from '../../src/session/view.ts';
import { DEFAULTS } from '../support/sessions.ts';

const T0 = Date.UTC(2026, 10, 22, 7, 21);
const ID = '019aaa00-0000-7000-8000-000000000000';
const fresh = lifecycle.create(ID, {}, DEFAULTS, T0);
const full = lifecycle.link(
  lifecycle.create(ID, { model: 'm', appendSystemPrompt: 'p', metadata: { a: [1] } }, DEFAULTS, T0),
  { claudeSessionId: 'c', projectKey: '-p' },
);
const expired = { ...full, record: lifecycle.settle(full.record, T0 + 60_000, 1_000) };
const ended = { ...full, record: lifecycle.end(full.record, T0 + 7_000, 1_000) };
const revoked = { ...full, record: lifecycle.revoke(full.record, T0 + 7_000, 1_000) };

const toSession = (session: StoredSession) => JSON.parse(partsOf(toRepresentation(session)).json) as Session;

function purged(session: StoredSession): StoredSession {
  const { ending } = session.record;
  if (ending === null) throw new Error('Only what has ended is purged');
  return { ...session, record: lifecycle.purge(session.record, ending) };
}

describe('a session on the wire', () => {
  it('leaves out what is absent', () => {
    expect(toSession(fresh)).toEqual({
      sessionId: ID,
      claudeSessionIds: [],
      config: { cwd: '/workspace', permissionMode: 'default', maxTurns: 10, metadata: {} },
      status: 'active',
      createdAt: '2026-11-22T07:21:00.000Z',
      expiresAt: '2026-11-22T07:22:00.000Z',
      lastActivity: '2026-11-22T07:21:00.000Z',
      messageCount: 0,
      sessionTimeoutMs: 60_000,
      maxLifetimeMs: null,
      revision: 1,
    });
  });

  it('has every field once there is something to say', () => {
    expect(toSession(expired)).toMatchObject({
      claudeSessionId: 'c',
      claudeSessionIds: ['c'],
      projectKey: '-p',
      config: { model: 'm', appendSystemPrompt: 'p', metadata: { a: [1] } },
      status: 'expired',
      endedAt: '2026-11-22T07:22:00.000Z',
      endReason: 'idle_timeout',
    });
  });

  it('says of an ended session when it ended, and when it would have expired', () => {
    expect(toSession(ended)).toMatchObject({
      status: 'ended',
      endReason: 'ended',
      endedAt: '2026-11-22T07:21:07.000Z',
      expiresAt: '2026-11-22T07:22:00.000Z',
    });
  });

  it('says of a revoked session that it expired when it was revoked', () => {
    expect(toSession(revoked)).toMatchObject({
      status: 'expired',
      endReason: 'idle_timeout',
      endedAt: '2026-11-22T07:21:07.000Z',
      expiresAt: '2026-11-22T07:21:07.000Z',
    });
  });

  it.each([
    ['active', fresh],
    ['linked', full],
    ['expired', expired],
    ['ended', ended],
    ['revoked', revoked],
  ])('fits the schema that the API publishes: %s', (_, session) => {
    expect(Session.safeParse(toSession(session)).success).toBe(true);
    expect(SessionSummary.safeParse(toReport(session).summary).success).toBe(true);
    expect(new Set(Object.keys(toSession(session)))).toEqual(
      new Set(Object.keys(Session.parse(toSession(session)))),
    );
  });
});

describe('a report to the registry', () => {
  it.each([
    ['active', fresh],
    ['linked', full],
    ['expired', expired],
  ])('has what callers are answered, but for what is long: %s', (_, session) => {
    const { claudeSessionIds: _ids, ...answered } = toSession(session);
    const { appendSystemPrompt: _prompt, ...config } = answered.config;
    expect(toReport(session).summary).toEqual({ ...answered, config });
  });

  it('leaves out what is long', () => {
    const { summary } = toReport(full);
    expect(summary).not.toHaveProperty('claudeSessionIds');
    expect(summary?.config).not.toHaveProperty('appendSystemPrompt');
    expect(summary).toMatchObject({ claudeSessionId: 'c', projectKey: '-p', config: { model: 'm' } });
  });

  it('has the times that the registry keeps house by', () => {
    expect(toReport(full)).toMatchObject({
      version: 2,
      status: 'active',
      createdAt: T0,
      expiresAt: T0 + 60_000,
      endedAt: null,
      retainUntil: null,
    });
    expect(toReport(ended)).toMatchObject({
      version: 3,
      status: 'ended',
      endedAt: T0 + 7_000,
      retainUntil: T0 + 8_000,
    });
  });

  it('has no summary of what was purged', () => {
    expect(toReport(purged(ended))).toMatchObject({ version: 4, status: 'ended', summary: null });
  });
});
