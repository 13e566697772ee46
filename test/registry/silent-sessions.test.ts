import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { callsMade, failCalls, resetCalls } from '../support/calls.ts';
import { PaperSession } from '../support/paper-session.ts';
import {
  MINUTE,
  SECOND,
  START,
  Tenant,
  advance,
  outcome,
  stopClock,
  stopTimers,
  until,
} from '../support/tenant.ts';

beforeEach(() => {
  stopClock();
  resetCalls();
});

afterEach(() => {
  vi.useRealTimers();
});

/** A session whose lease has lapsed, and which does not answer. */
async function silent(tenant: Tenant): Promise<string> {
  const id = await tenant.created({ sessionTimeoutMs: MINUTE });
  advance(MINUTE + 45 * SECOND);
  failCalls('session.settle', 'before');
  return id;
}

describe('a session that does not answer', () => {
  it('keeps its slot, and is asked again after 1, 2, 4, 8, 15, 15 … seconds', async () => {
    const tenant = new Tenant();
    const id = await silent(tenant);
    const waits: number[] = [];
    for (let i = 0; i < 7; i += 1) {
      expect(await tenant.alarm()).toBe(true);
      const next = (await tenant.alarmAt()) ?? 0;
      waits.push((next - Date.now()) / SECOND);
      expect(await tenant.row(id)).toMatchObject({ status: 'active', asks: i + 1, due: next });
      stopClock(next);
    }
    expect(waits).toEqual([1, 2, 4, 8, 15, 15, 15]);
    expect(await tenant.registry.stats()).toMatchObject({ activeCount: 1, totalExpired: 0 });
  });

  it('gives its slot back as soon as it answers', async () => {
    const tenant = new Tenant();
    const id = await silent(tenant);
    await tenant.alarm();
    resetCalls();
    advance(SECOND);
    expect(await tenant.alarm()).toBe(true);
    expect(await tenant.row(id)).toMatchObject({ status: 'expired', asks: 0 });
    expect(await tenant.registry.stats()).toMatchObject({ activeCount: 0, totalExpired: 1 });
  });

  it('is asked at its turn, not at every list and refusal', async () => {
    const tenant = new Tenant();
    await tenant.registry.setLimits({ maxSessions: 1 });
    await silent(tenant);
    await tenant.alarm();
    const before = callsMade().filter((call) => call === 'session.settle').length;
    for (let i = 0; i < 3; i += 1) {
      expect(outcome(await tenant.create())).toBe('max_sessions_reached');
      expect(await tenant.list()).toHaveLength(1);
    }
    expect(callsMade().filter((call) => call === 'session.settle')).toHaveLength(before);
  });

  it('does not keep the others from being settled', async () => {
    const tenant = new Tenant();
    const quiet = await tenant.created({ sessionTimeoutMs: MINUTE });
    const other = await tenant.created({ sessionTimeoutMs: MINUTE });
    advance(MINUTE + 45 * SECOND);
    failCalls('session.settle', 'before', 1);
    expect(await tenant.alarm()).toBe(true);
    const statuses = await Promise.all([quiet, other].map(async (id) => (await tenant.row(id))?.status));
    expect(new Set(statuses)).toEqual(new Set(['active', 'expired']));
  });

  it('that answered, but whose answer was lost, is counted once in the end', async () => {
    const tenant = new Tenant();
    const id = await tenant.created({ sessionTimeoutMs: MINUTE });
    advance(MINUTE + 45 * SECOND);
    failCalls('session.settle', 'after', 1);
    await tenant.alarm();
    expect(await tenant.row(id)).toMatchObject({ status: 'active', asks: 1 });
    // Its own alarm, too, tells of the expiry that it wrote when it was asked.
    advance(5 * SECOND);
    expect(await tenant.sessionAlarm(id)).toBe(true);
    await tenant.alarm();
    expect(await tenant.registry.stats()).toMatchObject({ activeCount: 0, totalExpired: 1 });
  });
});

describe('a session that hangs', () => {
  /** Gives what is under way the time to reach the point where it waits. */
  const begun = (call: string) => until(() => callsMade().includes(call));

  async function hanging(): Promise<{ tenant: Tenant; id: string }> {
    const tenant = new Tenant();
    const id = await tenant.created({ sessionTimeoutMs: MINUTE });
    advance(MINUTE + 45 * SECOND);
    failCalls('session.settle', 'hang');
    stopTimers();
    return { tenant, id };
  }

  it('is given up on after 5 s, and keeps its slot', async () => {
    const { tenant, id } = await hanging();
    const alarm = tenant.alarm();
    await begun('session.settle');
    await tenant.wait(4_999);
    expect(await tenant.row(id)).toMatchObject({ asks: 0 });
    await tenant.wait(1);
    expect(await alarm).toBe(true);
    expect(await tenant.row(id)).toMatchObject({ status: 'active', asks: 1, due: Date.now() + SECOND });
    expect(Date.now()).toBe(START + MINUTE + 50 * SECOND);
  });

  it('holds up a create and a list for a second at the most', async () => {
    const { tenant } = await hanging();
    await tenant.registry.setLimits({ maxSessions: 1 });
    const create = tenant.registry.reserve(new PaperSession().reservation());
    const list = tenant.list();
    await begun('session.settle');
    await begun('registry.list');
    await tenant.wait(SECOND);
    expect(outcome(await create)).toBe('max_sessions_reached');
    expect(await list).toHaveLength(1);
  });

  it('does not keep a create from the slot of another that is overdue', async () => {
    const tenant = new Tenant();
    await tenant.registry.setLimits({ maxSessions: 2 });
    const ids = [
      await tenant.created({ sessionTimeoutMs: MINUTE }),
      await tenant.created({ sessionTimeoutMs: MINUTE }),
    ];
    advance(MINUTE + SECOND);
    failCalls('session.settle', 'hang', 1);
    stopTimers();
    const create = tenant.registry.reserve(new PaperSession().reservation());
    await begun('session.settle');
    await tenant.wait(SECOND);
    expect(outcome(await create)).toBe('ok');
    const rows = await Promise.all(ids.map((id) => tenant.row(id)));
    expect(new Set(rows.map((row) => row?.status))).toEqual(new Set(['active', 'expired']));
  });

  it('with 50 others holds up a create and a list for a second at the most', async () => {
    const tenant = new Tenant();
    await tenant.registry.setLimits({ maxSessions: 51 });
    await Promise.all(
      Array.from({ length: 51 }, () => tenant.registry.reserve(new PaperSession().reservation())),
    );
    advance(30 * SECOND);
    failCalls('session.settle', 'hang', 50);
    stopTimers();
    const alarm = tenant.alarm();
    await until(() => callsMade().filter((call) => call === 'session.settle').length === 50);
    await tenant.wait(SECOND / 2);
    const create = tenant.registry.reserve(new PaperSession().reservation());
    await tenant.wait(SECOND);
    expect(outcome(await create)).toBe('max_sessions_reached');
    const list = tenant.list();
    await tenant.wait(SECOND);
    expect(await list).toHaveLength(51);
    // They have had their time: the one that is left has its turn.
    for (let i = 0; i < 8; i += 1) await tenant.wait(SECOND);
    expect(await alarm).toBe(true);
    const counted = await tenant.inRegistry(({ kv }) => kv.get<{ current: { active: number } }>('totals'));
    expect(counted?.current.active).toBe(50);
  });
});

it('a session whose answer cannot be written keeps no list from being answered', async () => {
  const tenant = new Tenant();
  await tenant.created({ sessionTimeoutMs: MINUTE });
  advance(MINUTE + 45 * SECOND);
  await tenant.inRegistry(({ sql }) =>
    sql.exec(
      `CREATE TRIGGER broken BEFORE UPDATE ON sessions BEGIN SELECT raise(ABORT, 'broken on purpose'); END`,
    ),
  );
  for (let i = 0; i < 3; i += 1) expect(await tenant.list()).toHaveLength(1);
  expect((await tenant.registry.stats()).activeCount).toBe(1);
});
