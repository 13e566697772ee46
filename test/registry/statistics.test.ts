import { runInDurableObject } from 'cloudflare:test';
import { beforeEach, describe, expect, it } from 'vitest';
import type { RegistryObject } from '../../src/registry/registry-object.ts';
import { callsSettled } from '../support/calls.ts';
import { PaperSession, RETENTION_MS } from '../support/paper-session.ts';
import { resetRows, rowsWritten } from '../support/meter.ts';
import {
  HOUR,
  MINUTE,
  SECOND,
  START,
  Tenant,
  advance,
  outcome,
  stopClock,
  stopTimers,
} from '../support/tenant.ts';

beforeEach(() => stopClock());

/** Has a session admitted that is only on paper. */
async function admitted(tenant: Tenant, session = new PaperSession()): Promise<PaperSession> {
  await tenant.registry.reserve(session.reservation());
  await tenant.registry.report(session.id, session.report);
  return session;
}

const at = (minutes: number) => new Date(START + minutes * MINUTE).toISOString();
const NOTHING = { created: 0, expired: 0, ended: 0, rejected: 0, messages: 0 };

describe('the statistics', () => {
  it('of a tenant that never had a session are all nought, and asking stores nothing', async () => {
    const tenant = new Tenant();
    expect(await tenant.registry.stats()).toEqual({
      totalCreated: 0,
      activeCount: 0,
      totalInMemory: 0,
      sessionsByStatus: { active: 0, expired: 0, ended: 0 },
      maxSessions: 100,
      totalExpired: 0,
      totalEnded: 0,
      totalRejected: 0,
      totalMessages: 0,
      averageDurationMs: 0,
      byModel: {},
      byPermissionMode: {},
    });
    const series = await tenant.registry.series(2);
    expect(series).toEqual([
      { minute: at(-1), active: 0, ...NOTHING },
      { minute: at(0), active: 0, ...NOTHING },
    ]);
    expect(await tenant.list()).toEqual([]);
    const stored = await tenant.inRegistry(({ sql, kv }) => ({
      tables: sql.exec("SELECT name FROM sqlite_master WHERE name NOT LIKE '\\_cf%' ESCAPE '\\'").toArray(),
      keys: [...kv.list()],
    }));
    expect(stored).toEqual({ tables: [], keys: [] });
  });

  it('count by status, model and mode, and average the lives of all that ended or expired', async () => {
    const tenant = new Tenant();
    const plain = await admitted(tenant);
    const opus = await admitted(tenant, new PaperSession({ model: 'opus', permissionMode: 'plan' }));
    await admitted(tenant, new PaperSession({ model: 'opus' }));
    const short = await admitted(tenant, new PaperSession({ sessionTimeoutMs: 30 * SECOND }));
    advance(90 * SECOND);
    await tenant.registry.report(plain.id, plain.touch(5));
    await tenant.registry.report(opus.id, opus.end());
    await tenant.registry.report(short.id, short.settle());
    expect(await tenant.registry.stats()).toMatchObject({
      totalCreated: 4,
      activeCount: 2,
      totalInMemory: 4,
      sessionsByStatus: { active: 2, expired: 1, ended: 1 },
      totalExpired: 1,
      totalEnded: 1,
      totalMessages: 5,
      averageDurationMs: (90 * SECOND + 30 * SECOND) / 2,
      byModel: { default: 1, opus: 1 },
      byPermissionMode: { default: 2 },
    });
  });

  it('take any model for a name, that of a prototype too', async () => {
    const tenant = new Tenant();
    const models = ['__proto__', 'constructor', 'toString', '__proto__'];
    for (const model of models) await admitted(tenant, new PaperSession({ model }));
    const { byModel } = await tenant.registry.stats();
    expect(Object.entries(byModel)).toEqual([
      ['__proto__', 2],
      ['constructor', 1],
      ['toString', 1],
    ]);
  });

  it('move a session from one model to another when it is patched', async () => {
    const tenant = new Tenant();
    const id = await tenant.created({ model: 'opus' });
    await tenant.objects.session(id, 'once', (session) =>
      session.patch({ model: 'sonnet' }, { cwd: '/', sessionTimeoutMs: HOUR, maxLifetimeMs: null }, null),
    );
    await callsSettled();
    expect((await tenant.registry.stats()).byModel).toEqual({ sonnet: 1 });
  });

  it('leave out all that is past its retention, as lists do, however much that is', async () => {
    const tenant = new Tenant();
    await tenant.registry.setLimits({ maxSessions: 1_000 });
    // Within the object, for there are many.
    await runInDurableObject(tenant.registryStub, async (registry: RegistryObject) => {
      for (let i = 0; i < 620; i += 1) {
        const session = new PaperSession();
        await registry.reserve(session.reservation());
        await registry.report(session.id, session.end());
      }
    });
    const ended = { statuses: ['ended'] } as const;
    expect((await tenant.registry.stats()).sessionsByStatus.ended).toBe(620);
    advance(RETENTION_MS);
    expect(await tenant.list(ended)).toEqual([]);
    expect(await tenant.registry.stats()).toMatchObject({
      totalInMemory: 0,
      sessionsByStatus: { active: 0, expired: 0, ended: 0 },
      totalEnded: 620,
    });
  });

  it('survive eviction', async () => {
    const tenant = new Tenant();
    const session = await admitted(tenant);
    await tenant.registry.report(session.id, session.touch(3));
    const before = await tenant.registry.stats();
    await tenant.evictRegistry();
    expect(await tenant.registry.stats()).toEqual(before);
    expect(before).toMatchObject({ activeCount: 1, totalMessages: 3 });
  });
});

describe('a change of which a part cannot be written', () => {
  // Rows and totals come first: the parts that fail here are written after them.
  it.each([
    ['its key', 'INSERT ON idempotency_keys', (tenant: Tenant) => tenant.create({ model: 'opus' }, 'key')],
    ['its tally', 'INSERT ON tallies', (tenant: Tenant) => tenant.create({ model: 'opus' })],
    ['its tally', 'DELETE ON tallies', (tenant: Tenant, id: string) => tenant.end(id)],
  ])(
    'since %s fails (%s) leaves nothing of itself, and what was refused before is kept',
    async (_, write, change) => {
      const tenant = new Tenant();
      const id = await tenant.created();
      const [row, kept] = [await tenant.row(id), await tenant.registry.stats()];
      stopTimers();
      await tenant.registry.setLimits({ maxSessions: 1 });
      await tenant.create();
      await tenant.registry.setLimits({ maxSessions: 100 });
      await tenant.inRegistry(({ sql }) =>
        sql.exec(`CREATE TRIGGER broken BEFORE ${write} BEGIN SELECT raise(ABORT, 'broken on purpose'); END`),
      );
      await change(tenant, id).catch(() => undefined);
      await callsSettled();
      await tenant.inRegistry(({ sql }) => sql.exec('DROP TRIGGER broken'));
      const after = { ...kept, totalRejected: 1 };
      expect(await tenant.registry.stats()).toEqual(after);
      await tenant.wait(SECOND);
      await tenant.evictRegistry();
      expect(await tenant.registry.stats()).toEqual(after);
      expect(await tenant.row(id)).toEqual(row);
      expect(await tenant.list()).toHaveLength(1);
    },
  );
});

describe('refusals', () => {
  it('are counted at once, and written together: one row for ten of them', async () => {
    const tenant = new Tenant();
    await tenant.registry.setLimits({ maxSessions: 1 });
    await admitted(tenant);
    resetRows();
    stopTimers();
    for (let i = 0; i < 10; i += 1)
      expect(outcome(await tenant.registry.reserve(new PaperSession().reservation()))).toBe(
        'max_sessions_reached',
      );
    expect(rowsWritten(tenant.name)).toBe(0);
    expect(await tenant.registry.stats()).toMatchObject({ totalRejected: 10, totalCreated: 1 });
    await tenant.wait(SECOND);
    expect(rowsWritten(tenant.name)).toBe(1);
    await tenant.evictRegistry();
    expect(await tenant.registry.stats()).toMatchObject({ totalRejected: 10 });
    expect(await tenant.registry.series(1)).toMatchObject([{ rejected: 10 }]);
  });

  it('are carried by the next write, and not counted again by the timer', async () => {
    const tenant = new Tenant();
    await tenant.registry.setLimits({ maxSessions: 1 });
    const session = await admitted(tenant);
    stopTimers();
    await tenant.registry.reserve(new PaperSession().reservation());
    await tenant.registry.report(session.id, session.touch());
    resetRows();
    await tenant.wait(SECOND);
    expect(rowsWritten(tenant.name)).toBe(0);
    await tenant.evictRegistry();
    expect(await tenant.registry.stats()).toMatchObject({ totalRejected: 1 });
  });
});

describe('the series', () => {
  it('has every minute once, the running one last, gaps filled with what was active', async () => {
    const tenant = new Tenant();
    const session = await admitted(tenant);
    await admitted(tenant);
    advance(MINUTE);
    await tenant.registry.report(session.id, session.touch(4));
    advance(2 * MINUTE + 59_999);
    await tenant.registry.report(session.id, session.end());
    advance(MINUTE);
    expect(await tenant.registry.series(6)).toEqual([
      { minute: at(-1), active: 0, ...NOTHING },
      { minute: at(0), active: 2, ...NOTHING, created: 2 },
      { minute: at(1), active: 2, ...NOTHING, messages: 4 },
      { minute: at(2), active: 2, ...NOTHING },
      { minute: at(3), active: 1, ...NOTHING, ended: 1 },
      { minute: at(4), active: 1, ...NOTHING },
    ]);
  });

  it('carries what was active before the window into it', async () => {
    const tenant = new Tenant();
    await admitted(tenant);
    const session = await admitted(tenant);
    advance(10 * MINUTE);
    expect((await tenant.registry.series(3)).map((minute) => minute.active)).toEqual([2, 2, 2]);
    await tenant.registry.report(session.id, session.end());
    expect((await tenant.registry.series(3)).map((minute) => minute.active)).toEqual([2, 2, 1]);
    advance(23 * HOUR);
    expect((await tenant.registry.series(1440)).at(-1)?.active).toBe(1);
  });

  it('keeps a day of minutes, and the one that says what was active when the day began', async () => {
    const tenant = new Tenant();
    const session = await admitted(tenant, new PaperSession({ sessionTimeoutMs: 100 * HOUR }));
    for (const minutes of [1, 1, 1440, 1]) {
      advance(minutes * MINUTE);
      await tenant.registry.report(session.id, session.touch());
    }
    const kept = await tenant.inRegistry(({ sql }) =>
      sql.exec<{ minute: number }>('SELECT minute FROM minutes ORDER BY minute').toArray(),
    );
    expect(kept.map(({ minute }) => new Date(minute).toISOString())).toEqual([at(2), at(1442)]);
    const series = await tenant.registry.series(1440);
    expect(series).toHaveLength(1440);
    expect(series.every((minute) => minute.active === 1)).toBe(true);
    expect(series.at(-1)).toEqual({ minute: at(1443), active: 1, ...NOTHING, messages: 1 });
  });

  it('goes on in the minute that it knows when the clock is set back, and loses nothing', async () => {
    const tenant = new Tenant();
    const session = await admitted(tenant);
    advance(2 * MINUTE);
    await tenant.registry.report(session.id, session.touch(1));
    advance(-MINUTE);
    await tenant.registry.report(session.id, session.touch(2));
    const back = await tenant.registry.series(3);
    advance(2 * MINUTE);
    await tenant.registry.report(session.id, session.touch(4));
    expect(back).toEqual([
      { minute: at(0), active: 1, ...NOTHING, created: 1 },
      { minute: at(1), active: 1, ...NOTHING },
      { minute: at(2), active: 1, ...NOTHING, messages: 3 },
    ]);
    expect(await tenant.registry.series(4)).toEqual([
      ...back,
      { minute: at(3), active: 1, ...NOTHING, messages: 4 },
    ]);
  });

  it('takes a creation that came to nothing from the minute in which it was counted', async () => {
    const tenant = new Tenant();
    await admitted(tenant);
    await tenant.registry.reserve(new PaperSession().reservation());
    advance(MINUTE);
    await admitted(tenant);
    expect(await tenant.alarm()).toBe(true);
    expect(await tenant.registry.stats()).toMatchObject({ totalCreated: 2, activeCount: 2 });
    expect((await tenant.registry.series(2)).map((minute) => minute.created)).toEqual([1, 1]);
  });
});
