import { beforeEach, describe, expect, it } from 'vitest';
import { callsSettled, resetCalls } from '../support/calls.ts';
import { PaperSession, RETENTION_MS } from '../support/paper-session.ts';
import { HOUR, MINUTE, SECOND, Tenant, advance, outcome, stopClock } from '../support/tenant.ts';

const LEASE_MARGIN_MS = 45 * SECOND;

beforeEach(() => {
  stopClock();
  resetCalls();
});

async function admitted(tenant: Tenant, session = new PaperSession()): Promise<PaperSession> {
  await tenant.registry.reserve(session.reservation());
  await tenant.registry.report(session.id, session.report);
  return session;
}

describe('a report', () => {
  it('confirms the reservation: its lease becomes that of the session', async () => {
    const tenant = new Tenant();
    const session = new PaperSession({ sessionTimeoutMs: HOUR });
    await tenant.registry.reserve(session.reservation());
    expect(await tenant.row(session.id)).toMatchObject({ reserved: 'create', due: Date.now() + 30 * SECOND });
    advance(SECOND);
    await tenant.registry.report(session.id, session.report);
    expect(await tenant.row(session.id)).toMatchObject({
      reserved: 'no',
      due: session.report.expiresAt + LEASE_MARGIN_MS,
      reportedAt: Date.now(),
    });
  });

  it('of an active session that holds no slot is answered so, and leaves no row', async () => {
    const tenant = new Tenant();
    await admitted(tenant);
    const stranger = new PaperSession();
    expect(await tenant.registry.report(stranger.id, stranger.report)).toMatchObject({ admitted: false });
    expect(await tenant.row(stranger.id)).toBeNull();
    expect(await tenant.registry.stats()).toMatchObject({ activeCount: 1, totalCreated: 1 });
  });

  it('of a session that has ended and has no row is settled, and counts nothing', async () => {
    const tenant = new Tenant();
    await admitted(tenant);
    const stranger = new PaperSession();
    expect(await tenant.registry.report(stranger.id, stranger.end())).toMatchObject({ admitted: true });
    expect(await tenant.registry.stats()).toMatchObject({ totalInMemory: 1, totalEnded: 0 });
  });

  it('in a registry where nothing was ever admitted stores nothing', async () => {
    const tenant = new Tenant();
    const stranger = new PaperSession();
    expect(await tenant.registry.report(stranger.id, stranger.report)).toMatchObject({ admitted: false });
    expect(await tenant.registry.report(stranger.id, stranger.end())).toMatchObject({ admitted: true });
    const stored = await tenant.inRegistry(({ sql, kv }) => [
      ...sql.exec("SELECT name FROM sqlite_master WHERE name NOT LIKE '\\_cf%' ESCAPE '\\'").toArray(),
      ...kv.list(),
    ]);
    expect(stored).toEqual([]);
  });

  it('that is older than what is known changes nothing', async () => {
    const tenant = new Tenant();
    const session = await admitted(tenant);
    const old = session.touch(1);
    await tenant.registry.report(session.id, session.touch(2));
    const known = await tenant.row(session.id);
    advance(SECOND);
    expect(await tenant.registry.report(session.id, old)).toMatchObject({ admitted: true });
    expect(await tenant.row(session.id)).toEqual(known);
    expect(await tenant.registry.stats()).toMatchObject({ totalMessages: 3 });
  });

  it('that comes twice is counted once', async () => {
    const tenant = new Tenant();
    const session = await admitted(tenant);
    const touched = session.touch(2);
    for (let i = 0; i < 2; i += 1) await tenant.registry.report(session.id, touched);
    const ended = session.end();
    for (let i = 0; i < 3; i += 1) {
      await tenant.registry.report(session.id, ended);
      advance(SECOND);
    }
    expect(await tenant.registry.stats()).toMatchObject({
      activeCount: 0,
      totalMessages: 2,
      totalEnded: 1,
      totalInMemory: 1,
    });
  });

  it('of activity cannot bring back what has ended', async () => {
    const tenant = new Tenant();
    const session = await admitted(tenant);
    const late = session.touch();
    await tenant.registry.report(session.id, session.end());
    expect(await tenant.registry.report(session.id, late)).toMatchObject({ admitted: true });
    expect(await tenant.registry.stats()).toMatchObject({ activeCount: 0, totalEnded: 1 });
  });

  it('of an active session whose row has expired is not admitted, however new', async () => {
    const tenant = new Tenant();
    const session = await admitted(tenant, new PaperSession({ sessionTimeoutMs: MINUTE }));
    advance(MINUTE);
    await tenant.registry.report(session.id, session.settle());
    expect(await tenant.registry.report(session.id, session.resume())).toMatchObject({ admitted: false });
    expect(await tenant.registry.stats()).toMatchObject({ activeCount: 0, totalExpired: 1 });
  });

  it('of a purge removes the row, counting the end that it carries, once', async () => {
    const tenant = new Tenant();
    const session = await admitted(tenant);
    session.end();
    const purged = session.purge();
    for (let i = 0; i < 2; i += 1)
      expect(await tenant.registry.report(session.id, purged)).toMatchObject({ admitted: true });
    expect(await tenant.row(session.id)).toBeNull();
    expect(await tenant.registry.stats()).toMatchObject({ totalInMemory: 0, totalEnded: 1, totalCreated: 1 });
  });

  it('of a purge after the end was heard does not count the end again', async () => {
    const tenant = new Tenant();
    const session = await admitted(tenant);
    await tenant.registry.report(session.id, session.end());
    await tenant.registry.report(session.id, session.purge());
    expect(await tenant.registry.stats()).toMatchObject({ totalInMemory: 0, totalEnded: 1 });
  });

  it('makes a session that holds no slot expire itself', async () => {
    const tenant = new Tenant();
    const session = new PaperSession();
    const made = await tenant
      .session(session.id)
      .create(session.id, {}, { cwd: '/', sessionTimeoutMs: HOUR, maxLifetimeMs: null }, Date.now() + SECOND);
    expect(outcome(made)).toBe('ok');
    await callsSettled();
    expect(outcome(await tenant.touch(session.id))).toBe('session_expired');
    expect(await tenant.registry.stats()).toMatchObject({ totalCreated: 0, totalExpired: 0 });
  });

  it('is answered with an interval that keeps all reports together below 200 a second', async () => {
    const tenant = new Tenant();
    const session = await admitted(tenant);
    expect(await tenant.registry.report(session.id, session.report)).toMatchObject({ intervalMs: 15_000 });
    await tenant.inRegistry(({ kv }) => {
      const totals = kv.get<{ current: object }>('totals');
      kv.put('totals', { ...totals, current: { active: 10_000, expired: 0, ended: 0 } });
    });
    await tenant.evictRegistry();
    expect(await tenant.registry.report(session.id, session.report)).toMatchObject({ intervalMs: 50_000 });
  });
});

describe('a row', () => {
  it('is listed and counted for its retention, and then neither', async () => {
    const tenant = new Tenant();
    const session = await admitted(tenant);
    await tenant.registry.report(session.id, session.end());
    advance(RETENTION_MS - 1);
    expect(await tenant.list({ statuses: ['ended'] })).toHaveLength(1);
    expect(await tenant.registry.stats()).toMatchObject({ totalInMemory: 1, sessionsByStatus: { ended: 1 } });
    advance(1);
    expect(await tenant.list({ statuses: ['ended'] })).toEqual([]);
    expect(await tenant.registry.stats()).toMatchObject({
      totalInMemory: 0,
      sessionsByStatus: { active: 0, expired: 0, ended: 0 },
      totalEnded: 1,
    });
  });

  it('is deleted by the alarm, more than one step of it can, labels and all', async () => {
    const tenant = new Tenant();
    const session = await admitted(tenant, new PaperSession({ metadata: { team: 'a' } }));
    await tenant.registry.report(session.id, session.link('claude'));
    await tenant.registry.report(session.id, session.end());
    await tenant.inRegistry(({ sql }) =>
      sql.exec(
        `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1200)
         INSERT INTO sessions SELECT 'expired', format('%08d', i), 1, 'no', ?, 0, NULL, 'default', 0, 0, NULL,
           '{"config":{"metadata":{}}}' FROM n`,
        Date.now() + HOUR,
      ),
    );
    advance(RETENTION_MS);
    expect(await tenant.alarm()).toBe(true);
    const left = await tenant.inRegistry(({ sql }) =>
      ['sessions', 'labels', 'claude_sessions', 'tallies'].map(
        (table) => sql.exec(`SELECT count(*) AS rows FROM ${table}`).one()['rows'],
      ),
    );
    expect(left).toEqual([0, 0, 0, 0]);
    expect(await tenant.alarmAt()).toBeNull();
  });
});
