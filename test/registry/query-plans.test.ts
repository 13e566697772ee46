import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { ListFilter } from '../../src/registry/list-query.ts';
import { PaperSession } from '../support/paper-session.ts';
import { SqlLog, sum, type Statement } from '../support/sql-log.ts';
import { HOUR, MINUTE, START, Tenant, advance, stopClock } from '../support/tenant.ts';

const ALL = ['active', 'expired', 'ended'] as const;

/** Every shape that a list's query can have. */
const FILTERS: readonly Partial<ListFilter>[] = (
  [
    {},
    { model: 'opus' },
    { claudeSessionId: 'claude-7' },
    { labels: [['team', 'a']] },
    {
      labels: [
        ['team', 'a'],
        ['tier', '1'],
      ],
    },
    { labels: [['team', 'a']], model: 'opus' },
    { labels: [['team', 'a']], model: 'haiku' },
    {
      labels: [
        ['team', 'a'],
        ['project', 'p'],
      ],
    },
    { labels: [['project', 'p']], model: 'opus' },
    { claudeSessionId: 'claude-7', model: 'opus', labels: [['team', 'a']] },
  ] satisfies Partial<ListFilter>[]
).flatMap((filter) => [filter, { ...filter, statuses: ALL }, { ...filter, statuses: ['ended'] as const }]);

/** Refusals that no write carries are written by a timer then. */
const REFUSALS_FLUSH_MS = 1_000;

beforeEach(() => stopClock());
afterEach(() => vi.restoreAllMocks());

/**
 * Has a registry do all that it can, and gives every statement that came of it with its plan. What only has
 * a few rows whatever the number of sessions may be read whole.
 */
async function plansOfEverything(): Promise<Map<string, string[]>> {
  const tenant = new Tenant();
  await tenant.registry.setLimits({ maxSessions: 3 });
  const first = new PaperSession({ model: 'opus', metadata: { team: 'a', tier: 1 } });
  await tenant.registry.reserve(first.reservation('key'));
  const log = await tenant.inRegistry((storage) => new SqlLog(storage.sql));
  await tenant.registry.report(first.id, first.link('claude-7'));
  const resumed = await tenant.created({ sessionTimeoutMs: MINUTE });
  await tenant.created({ sessionTimeoutMs: MINUTE });
  await tenant.registry.reserve(new PaperSession().reservation('other key'));
  advance(2 * MINUTE);
  await tenant.registry.reserve(first.reservation('key'));
  await tenant.resume(resumed);
  for (const filter of FILTERS) await tenant.list({ before: first.id, ...filter });
  await tenant.registry.stats();
  await tenant.registry.series(60);
  await tenant.registry.report(first.id, first.end());
  await tenant.registry.reserve(new PaperSession().reservation());
  advance(48 * HOUR);
  await tenant.alarm();
  await tenant.registry.stats();
  return tenant.inRegistry(() => {
    log.stop();
    return new Map(log.take().map((statement) => [statement.query, log.planOf(statement)]));
  });
}

describe('every statement of the registry', () => {
  it('seeks in an index: none scans a table of sessions, none sorts', async () => {
    const plans = await plansOfEverything();
    const statements = [...plans].filter(([query]) => !/FROM tallies\s+GROUP BY/.test(query));
    expect(statements.length).toBeGreaterThan(30);
    const bad = statements.filter(([query, plan]) =>
      plan.some(
        (step) =>
          // The head of an index is read without a bound.
          (/^SCAN (?!\()/.test(step) && !(/ INDEX /.test(step) && /LIMIT 1\b/.test(query))) ||
          step.includes('TEMP B-TREE'),
      ),
    );
    expect(bad).toEqual([]);
  });
});

/** Sessions with the rare label and the rare model, at any size: fewer than a page. */
const RARE = 10;

/** Puts sessions into a registry's tables, the fast way: half of them active. */
function fill(sql: SqlStorage, from: number, to: number): void {
  sql.exec(
    `WITH RECURSIVE n(i) AS (SELECT ?1 UNION ALL SELECT i + 1 FROM n WHERE i < ?2)
     INSERT INTO sessions
     SELECT iif(i % 2, 'active', 'ended'), format('0190%04x-%04x-7000-8000-%012x', i >> 16, i & 65535, i),
       1, 'no', ?3 + i, 0, iif(i % 4 < 2, 'opus', 'sonnet'), 'default', 0, ?3, NULL,
       '{"config":{"permissionMode":"default","metadata":{"team":"a","tier":1}}}'
     FROM n`,
    from,
    to - 1,
    START + HOUR,
  );
  sql.exec(`DELETE FROM labels`);
  sql.exec(`DELETE FROM claude_sessions`);
  sql.exec(`INSERT INTO labels SELECT 'team', 'a', status, session_id FROM sessions`);
  sql.exec(`INSERT INTO labels SELECT 'tier', '1', status, session_id FROM sessions`);
  // An odd step, so that half of the rare ones are active too.
  const step = Math.floor(to / RARE) - 1;
  sql.exec(
    `INSERT INTO labels SELECT 'project', 'p', status, session_id FROM (
       SELECT row_number() OVER (ORDER BY session_id) AS rank, status, session_id FROM sessions)
     WHERE rank % ? = 0 LIMIT ?`,
    step,
    RARE,
  );
  sql.exec(`UPDATE sessions SET model = 'sonnet' WHERE model = 'haiku'`);
  sql.exec(
    `UPDATE sessions SET model = 'haiku' WHERE session_id IN (
       SELECT session_id FROM labels WHERE name = 'project')`,
  );
  sql.exec(`INSERT INTO claude_sessions SELECT 'claude-' || rank, session_id FROM (
    SELECT row_number() OVER (ORDER BY session_id) AS rank, session_id FROM sessions)`);
}

const OPERATIONS = {
  async list(tenant: Tenant) {
    for (const filter of FILTERS) await tenant.list({ limit: 20, ...filter });
  },
  async admission(tenant: Tenant) {
    const session = new PaperSession({ model: 'opus', metadata: { team: 'a' } });
    await tenant.registry.reserve(session.reservation());
    await tenant.registry.report(session.id, session.touch());
    await tenant.registry.report(session.id, session.end());
  },
  async refusal(tenant: Tenant) {
    await tenant.registry.setLimits({ maxSessions: 0 });
    await tenant.registry.reserve(new PaperSession().reservation());
    await tenant.registry.setLimits({ maxSessions: 100_000 });
    // No timer does it: a write carries the refusal.
    await tenant.registry.reserve(new PaperSession().reservation());
  },
  async figures(tenant: Tenant) {
    await tenant.registry.stats();
    await tenant.registry.series(60);
  },
  async alarm(tenant: Tenant) {
    await tenant.alarm();
  },
};

/** Has no timer write refusals down: it would go off in the midst of whatever is measured then. */
function withoutFlushes(): void {
  const set = globalThis.setTimeout;
  vi.spyOn(globalThis, 'setTimeout').mockImplementation((act, delay, ...rest) =>
    set(delay === REFUSALS_FLUSH_MS ? () => undefined : act, delay, ...rest),
  );
}

/** What each operation reads in a registry of a hundred sessions, then in one of twenty thousand. */
async function readsAtSizes(): Promise<[small: Record<string, number>, large: Record<string, number>]> {
  withoutFlushes();
  const tenant = new Tenant();
  await tenant.registry.setLimits({ maxSessions: 100_000 });
  const log = await tenant.inRegistry((storage) => new SqlLog(storage.sql));
  await OPERATIONS.admission(tenant);
  const measure = async (from: number, to: number) => {
    await tenant.inRegistry((storage) => fill(storage.sql, from, to));
    const reads: Record<string, number> = {};
    for (const [name, operation] of Object.entries(OPERATIONS)) {
      const read = async (): Promise<readonly Statement[]> => {
        await operation(tenant);
        return tenant.inRegistry(() => log.take());
      };
      log.take();
      reads[name] = sum(await read(), 'rowsRead');
    }
    return reads;
  };
  return [await measure(0, 100), await measure(100, 20_000)];
}

describe('the cost', () => {
  it('of a list page, admission, refusal, statistics and alarm is the same at 100 and 20,000 sessions', async () => {
    const [small, large] = await readsAtSizes();
    expect(small['list']).toBeGreaterThan(100);
    // A page may begin in the middle of sessions that it leaves out.
    const grown = Object.entries(large).filter(([name, rows]) => rows > 1.02 * (small[name] ?? 0));
    expect(grown).toEqual([]);
  });
});
