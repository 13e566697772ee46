import { beforeEach, describe, expect, it } from 'vitest';
import { failCalls, resetCalls } from '../support/calls.ts';
import { PaperSession, RETENTION_MS } from '../support/paper-session.ts';
import { DEFAULTS, HOUR, MINUTE, SECOND, Tenant, advance, outcome, stopClock } from '../support/tenant.ts';

beforeEach(() => {
  stopClock();
  resetCalls();
});

/** When something next falls due in the registry, by its rows. */
const nextDue = (tenant: Tenant) =>
  tenant.inRegistry(
    ({ sql }) =>
      sql
        .exec<{ due: number | null }>(
          'SELECT min(due) AS due FROM (SELECT due FROM sessions UNION ALL SELECT expires_at FROM idempotency_keys)',
        )
        .one().due,
  );

/** Whether the alarm stands, and no later than what next falls due. */
async function isArmed(tenant: Tenant): Promise<boolean> {
  const due = await nextDue(tenant);
  const alarm = await tenant.alarmAt();
  return alarm !== null && alarm <= Math.max(due ?? 0, Date.now() + 10);
}

describe('the alarm of the registry', () => {
  it('is armed after every kind of write', async () => {
    const tenant = new Tenant();
    await tenant.registry.setLimits({ maxSessions: 3 });
    expect(await tenant.alarmAt()).toBeNull();
    const session = new PaperSession({ sessionTimeoutMs: MINUTE });
    const writes: (() => Promise<unknown>)[] = [
      () => tenant.registry.reserve(session.reservation('key')),
      () => tenant.registry.reserve(session.reservation('key')),
      () => tenant.registry.report(session.id, session.report),
      () => tenant.registry.report(session.id, session.touch()),
      () => tenant.registry.report(session.id, session.link('claude')),
      () => {
        advance(MINUTE);
        return tenant.registry.report(session.id, session.settle());
      },
      () => tenant.registry.reserve(session.resumption()),
      () => tenant.registry.report(session.id, session.resume()),
      () => tenant.registry.report(session.id, session.end()),
      () => tenant.create({ sessionTimeoutMs: MINUTE }),
      () => {
        advance(2 * MINUTE);
        return tenant.list();
      },
      () => tenant.registry.stats(),
      () => tenant.registry.report(session.id, session.purge()),
      () => tenant.alarm(),
    ];
    for (const write of writes) {
      await write();
      expect(await isArmed(tenant)).toBe(true);
      await tenant.evictRegistry();
    }
  });

  it('is brought forward by what falls due before it, and otherwise left alone', async () => {
    const tenant = new Tenant();
    const long = new PaperSession({ sessionTimeoutMs: 10 * HOUR });
    await tenant.registry.reserve(long.reservation());
    await tenant.registry.report(long.id, long.report);
    await tenant.alarm();
    expect(await tenant.alarmAt()).toBe(Date.now() + 10 * HOUR + 45 * SECOND);
    await tenant.registry.report(long.id, long.touch());
    advance(SECOND);
    const short = new PaperSession({ sessionTimeoutMs: SECOND });
    await tenant.registry.reserve(short.reservation());
    expect(await tenant.alarmAt()).toBe(Date.now() + 30 * SECOND);
    await tenant.registry.report(short.id, short.report);
    expect(await tenant.alarmAt()).toBe(Date.now() + 30 * SECOND);
  });

  it('that comes early asks nobody and arms itself anew', async () => {
    const tenant = new Tenant();
    await tenant.created({ sessionTimeoutMs: HOUR });
    expect(await tenant.alarm()).toBe(true);
    expect(await tenant.alarmAt()).toBe(Date.now() + HOUR + 45 * SECOND);
    expect(await tenant.alarm()).toBe(true);
    expect(await tenant.alarmAt()).toBe(Date.now() + HOUR + 45 * SECOND);
  });

  it('stands still where nothing is left, and comes back with the next session', async () => {
    const tenant = new Tenant();
    const id = await tenant.created();
    await tenant.end(id, true);
    expect(await tenant.alarm()).toBe(true);
    expect(await tenant.alarmAt()).toBeNull();
    expect(await tenant.alarm()).toBe(false);
    await tenant.created();
    expect(await isArmed(tenant)).toBe(true);
  });

  it('that was lost is armed again by the next write', async () => {
    const tenant = new Tenant();
    const id = await tenant.created({ sessionTimeoutMs: MINUTE });
    await tenant.inRegistry((storage) => storage.deleteAlarm());
    await tenant.evictRegistry();
    advance(20 * SECOND);
    await tenant.touch(id);
    expect(await isArmed(tenant)).toBe(true);
  });

  it('that was lost is armed again for what falls due first, by the write of what falls due later', async () => {
    const tenant = new Tenant();
    await tenant.created({ sessionTimeoutMs: MINUTE });
    const later = await tenant.created({ sessionTimeoutMs: HOUR });
    await tenant.inRegistry((storage) => storage.deleteAlarm());
    await tenant.evictRegistry();
    advance(20 * SECOND);
    await tenant.touch(later);
    expect(await isArmed(tenant)).toBe(true);
  });

  it('that comes late still settles all, and keeps what each session says', async () => {
    const tenant = new Tenant();
    const ids = [
      await tenant.created({ sessionTimeoutMs: MINUTE }),
      await tenant.created({ sessionTimeoutMs: 10 * HOUR }),
    ];
    advance(5 * HOUR);
    expect(await tenant.alarm()).toBe(true);
    const rows = await Promise.all(ids.map((id) => tenant.row(id)));
    expect(rows.map((row) => row?.status)).toEqual(['expired', 'active']);
    expect(rows[0]?.summary.endedAt).toBe(new Date(Date.now() - 5 * HOUR + MINUTE).toISOString());
  });

  it('settles every other session where one cannot be written, and comes back to that one', async () => {
    const tenant = new Tenant();
    const [stuck, other] = [
      await tenant.created({ sessionTimeoutMs: MINUTE, model: 'stuck' }),
      await tenant.created({ sessionTimeoutMs: MINUTE }),
    ];
    advance(MINUTE + 45 * SECOND);
    await tenant.inRegistry(({ sql }) =>
      sql.exec(
        `CREATE TRIGGER broken BEFORE UPDATE OF status ON sessions WHEN new.model = 'stuck'
         BEGIN SELECT raise(ABORT, 'broken on purpose'); END`,
      ),
    );
    expect(await tenant.alarm()).toBe(true);
    expect(await tenant.row(stuck)).toMatchObject({ status: 'active', asks: 1 });
    expect(await tenant.row(other)).toMatchObject({ status: 'expired' });
    expect(await isArmed(tenant)).toBe(true);
    await tenant.inRegistry(({ sql }) => sql.exec('DROP TRIGGER broken'));
    advance(SECOND);
    expect(await tenant.alarm()).toBe(true);
    expect(await tenant.registry.stats()).toMatchObject({
      activeCount: 0,
      totalCreated: 2,
      totalExpired: 2,
      totalInMemory: 2,
      byModel: {},
    });
  });

  it('that throws is armed again, has written nothing by half, and ends its work the next time', async () => {
    const tenant = new Tenant();
    const gone = await tenant.created({ sessionTimeoutMs: MINUTE });
    advance(MINUTE + 45 * SECOND);
    // Neither the answer nor a later asking can be written.
    await tenant.inRegistry(({ sql }) =>
      sql.exec(
        `CREATE TRIGGER broken BEFORE UPDATE ON sessions BEGIN SELECT raise(ABORT, 'broken on purpose'); END`,
      ),
    );
    await expect(tenant.alarm()).rejects.toThrow('broken on purpose');
    // Not at once: what fails for good would cost a fortune.
    expect(await tenant.alarmAt()).toBe(Date.now() + 5 * SECOND);
    await tenant.inRegistry(({ sql }) => sql.exec('DROP TRIGGER broken'));
    expect(await tenant.row(gone)).toMatchObject({ status: 'active' });
    advance(5 * SECOND);
    expect(await tenant.alarm()).toBe(true);
    expect(await tenant.registry.stats()).toMatchObject({ activeCount: 0, totalCreated: 1, totalExpired: 1 });
  });

  it('that fails for good comes back after 5 s each time, and no sooner for what is written meanwhile', async () => {
    const tenant = new Tenant();
    const id = await tenant.created({ sessionTimeoutMs: MINUTE });
    await tenant.end(id);
    advance(RETENTION_MS);
    await tenant.inRegistry(({ sql }) =>
      sql.exec("UPDATE sessions SET summary = 'no JSON' WHERE session_id = ?", id),
    );
    for (let i = 0; i < 5; i += 1) {
      await expect(tenant.alarm()).rejects.toThrow('JSON');
      expect(await tenant.alarmAt()).toBe(Date.now() + 5 * SECOND);
      advance(2 * SECOND);
      const other = new PaperSession();
      await tenant.registry.reserve(other.reservation());
      expect(await tenant.alarmAt()).toBe(Date.now() + 3 * SECOND);
      advance(3 * SECOND);
    }
  });

  it('of a registry where nothing was ever written does nothing', async () => {
    const tenant = new Tenant();
    await tenant.inRegistry((storage) => storage.setAlarm(Date.now() + SECOND));
    expect(await tenant.alarm()).toBe(true);
    expect(await tenant.alarmAt()).toBeNull();
  });
});

describe('a slot', () => {
  it('comes back within a minute of the expiry of a session that never reports', async () => {
    const tenant = new Tenant();
    await tenant.registry.setLimits({ maxSessions: 1 });
    failCalls('registry.report', 'before');
    const id = await tenant.created({ sessionTimeoutMs: HOUR });
    advance(30 * SECOND);
    expect(await tenant.alarm()).toBe(true);
    await tenant.inSession(id, (storage) => storage.deleteAlarm());
    stopClock((await tenant.alarmAt()) ?? 0);
    const { value } = (await tenant.session(id).get()) as { value: { expiresAt: string } };
    expect(Date.now() - Date.parse(value.expiresAt)).toBeLessThanOrEqual(MINUTE);
    expect(await tenant.alarm()).toBe(true);
    expect(outcome(await tenant.create())).toBe('ok');
  });

  it('is not lost with the memory between any two calls', async () => {
    const tenant = new Tenant();
    await tenant.registry.setLimits({ maxSessions: 1 });
    const session = new PaperSession();
    const { id } = session;
    const calls: (() => Promise<unknown>)[] = [
      () => tenant.registry.reserve(session.reservation()),
      () => tenant.session(id).create(id, { sessionTimeoutMs: MINUTE }, DEFAULTS, Date.now() + SECOND),
      () => tenant.touch(id),
      async () => advance(MINUTE),
      () => tenant.sessionAlarm(id),
      () => tenant.resume(id),
      () => tenant.end(id),
    ];
    const active: number[] = [];
    for (const call of calls) {
      await call();
      await tenant.evictRegistry();
      await tenant.evictSession(id).catch(() => undefined);
      active.push((await tenant.registry.stats()).activeCount);
    }
    expect(active).toEqual([1, 1, 1, 0, 0, 1, 0]);
    advance(RETENTION_MS);
    expect(await tenant.registry.stats()).toMatchObject({
      totalInMemory: 0,
      totalCreated: 1,
      totalExpired: 1,
    });
  });
});
