import { env } from 'cloudflare:workers';
import { runInDurableObject } from 'cloudflare:test';
import { beforeEach, describe, expect, it } from 'vitest';
import type { CreateSession, SessionStatus } from '../../src/contract/session.ts';
import { REGISTRY_MIGRATIONS } from '../../src/registry/migrations.ts';
import { LEASE_MARGIN_MS } from '../../src/protocol/report.ts';
import type { IndexRow } from '../../src/registry/index-row.ts';
import { SessionIndex } from '../../src/registry/session-index.ts';
import { Schema } from '../../src/storage/migrations.ts';
import { PaperSession } from '../support/paper-session.ts';
import { SqlLog, sum } from '../support/sql-log.ts';
import { HOUR, START, advance, stopClock } from '../support/tenant.ts';

let indexes = 0;

/** Runs something on an index of its own, over real SQLite. */
function onIndex<T>(body: (index: SessionIndex, sql: SqlStorage) => T): Promise<T> {
  indexes += 1;
  return runInDurableObject(env.REGISTRY.getByName(`index-${indexes}`) as DurableObjectStub, (_, state) => {
    new Schema(state.storage, REGISTRY_MIGRATIONS).ensure();
    return body(new SessionIndex(state.storage.sql), state.storage.sql);
  });
}

function rowOf(input: CreateSession = {}, over: Partial<IndexRow> = {}): IndexRow {
  advance(1);
  const { id, report } = new PaperSession(input);
  if (report.summary === null) throw new Error('A new session has a summary');
  return {
    sessionId: id,
    status: 'active',
    version: 1,
    reserved: 'no',
    due: Date.now() + HOUR,
    asks: 0,
    messageCount: 0,
    reportedAt: Date.now(),
    idempotencyKey: null,
    summary: report.summary,
    ...over,
  };
}

/** Writes the rows, and gives a way to list the ids. */
function filled(index: SessionIndex, rows: readonly IndexRow[]) {
  for (const row of rows) index.replace(null, row);
  return (filter: Partial<Parameters<SessionIndex['list']>[0]> = {}) =>
    index
      .list({ statuses: ['active'], labels: [], limit: 100, ...filter }, Date.now())
      .map((row) => row.sessionId);
}

const idsOf = (rows: readonly (IndexRow | undefined)[]) => rows.map((row) => row?.sessionId);
const ALL: readonly SessionStatus[] = ['active', 'expired', 'ended'];

beforeEach(() => stopClock());

describe('a row', () => {
  it('is found as it was written, and not at all once it is deleted', async () => {
    const row = rowOf({ model: 'opus', metadata: { team: 'a' } }, { idempotencyKey: 'k', asks: 2 });
    const found = await onIndex((index) => {
      index.replace(null, row);
      const written = index.find(row.sessionId);
      index.replace(row, null);
      return { written, after: index.find(row.sessionId) };
    });
    expect(found).toEqual({ written: row, after: null });
  });

  it('is replaced whole, whatever it changes, and leaves no label or link of before', async () => {
    const before = rowOf({ model: 'opus', metadata: { team: 'a', kept: 1 } });
    const { config } = before.summary;
    const after: IndexRow = {
      ...before,
      status: 'ended',
      version: 2,
      due: START + 2 * HOUR,
      messageCount: 3,
      summary: {
        ...before.summary,
        status: 'ended',
        claudeSessionId: 'claude-2',
        config: { ...config, model: 'sonnet', metadata: { team: 'b', kept: 1 } },
      },
    };
    const { found, labels, links } = await onIndex((index, sql) => {
      index.replace(null, {
        ...before,
        summary: { ...before.summary, claudeSessionId: 'claude-1' },
      });
      index.replace({ ...before, summary: { ...before.summary, claudeSessionId: 'claude-1' } }, after);
      return {
        found: index.find(before.sessionId),
        labels: [...sql.exec('SELECT name, value, status FROM labels ORDER BY name').raw()],
        links: [...sql.exec('SELECT claude_session_id FROM claude_sessions').raw()],
      };
    });
    expect(found).toEqual(after);
    expect(labels).toEqual([
      ['kept', '1', 'ended'],
      ['team', 'b', 'ended'],
    ]);
    expect(links).toEqual([['claude-2']]);
  });

  it('costs one written row to change what no index holds', async () => {
    const row = rowOf({ model: 'opus', metadata: { team: 'a' } });
    const written = await onIndex((index, sql) => {
      index.replace(null, row);
      const log = new SqlLog(sql);
      index.replace(row, { ...row, version: 2, messageCount: 1, reportedAt: Date.now() + 1 });
      log.stop();
      return sum(log.take(), 'rowsWritten');
    });
    expect(written).toBe(1);
  });
});

describe('a list', () => {
  it('holds the statuses that it names, the newest first, all of them merged', async () => {
    const retained = { due: START + HOUR };
    const rows = [
      rowOf({}, {}),
      rowOf({}, { status: 'expired', ...retained }),
      rowOf({}, { status: 'ended', ...retained }),
      rowOf({}, {}),
      rowOf({}, { status: 'expired', ...retained }),
    ];
    const [first, second, third, fourth, fifth] = rows;
    const lists = await onIndex((index) => {
      const list = filled(index, rows);
      return {
        active: list(),
        expired: list({ statuses: ['expired'] }),
        ended: list({ statuses: ['ended'] }),
        all: list({ statuses: ALL }),
      };
    });
    expect(lists).toEqual({
      active: idsOf([fourth, first]),
      expired: idsOf([fifth, second]),
      ended: idsOf([third]),
      all: idsOf([fifth, fourth, third, second, first]),
    });
  });

  it('goes page by page without a gap or a repeat, also while rows come and go', async () => {
    const rows = Array.from({ length: 25 }, (_, i) =>
      rowOf({}, i % 3 === 0 ? {} : { status: i % 3 === 1 ? 'ended' : 'expired' }),
    );
    const newer = rowOf();
    const pages = await onIndex((index) => {
      const list = filled(index, rows);
      const first = list({ statuses: ALL, limit: 10 });
      index.replace(null, newer);
      index.replace(rows[15] ?? null, null);
      const second = list({ statuses: ALL, limit: 10, before: first.at(-1) ?? '' });
      return [first, second, list({ statuses: ALL, limit: 10, before: second.at(-1) ?? '' })];
    });
    expect(pages.flat()).toEqual(idsOf(rows.toReversed()));
    expect(pages.map((page) => page.length)).toEqual([10, 10, 5]);
  });

  it('hides what is past its retention, deleted yet or not', async () => {
    const rows = (['expired', 'ended'] as const).map((status) => rowOf({}, { status, due: START + HOUR }));
    const lists = await onIndex((index) => {
      const list = filled(index, rows);
      stopClock(START + HOUR - 1);
      const before = list({ statuses: ALL });
      stopClock(START + HOUR);
      return { before, after: list({ statuses: ALL }) };
    });
    expect(lists).toEqual({ before: idsOf(rows.toReversed()), after: [] });
  });

  it('is filtered by model, by Claude id and by labels, all of which must match', async () => {
    const a = rowOf({ model: 'opus', metadata: { team: 'x', tier: 1, live: true } });
    const b = rowOf({ model: 'opus', metadata: { team: 'x', tier: 2, live: false } });
    const c = rowOf({ model: 'sonnet', metadata: { team: 'x', tier: 1, live: true } });
    const linked = { ...c, summary: { ...c.summary, claudeSessionId: 'claude' } };
    const d = rowOf({ metadata: { team: 'y', tier: '1', nested: { tier: 1 }, none: null, list: ['x'] } });
    const lists = await onIndex((index) => {
      const list = filled(index, [a, b, linked, d]);
      return {
        model: list({ model: 'opus' }),
        claude: list({ claudeSessionId: 'claude' }),
        claudeElsewhere: list({ claudeSessionId: 'claude', model: 'opus' }),
        claudeAndLabel: list({ claudeSessionId: 'claude', labels: [['team', 'x']] }),
        claudeAndOtherLabel: list({ claudeSessionId: 'claude', labels: [['team', 'y']] }),
        text: list({ labels: [['team', 'x']] }),
        number: list({ labels: [['tier', '1']] }),
        boolean: list({ labels: [['live', 'true']] }),
        several: list({
          labels: [
            ['team', 'x'],
            ['tier', '1'],
            ['live', 'true'],
          ],
        }),
        labelsAndModel: list({ model: 'sonnet', labels: [['team', 'x']] }),
        paged: list({ labels: [['team', 'x']], before: c.sessionId }),
        contradiction: list({
          labels: [
            ['tier', '1'],
            ['tier', '2'],
          ],
        }),
        unindexed: [
          ...list({ labels: [['nested', '[object Object]']] }),
          ...list({ labels: [['none', 'null']] }),
          ...list({ labels: [['list', 'x']] }),
        ],
        unknown: list({ labels: [['team', 'X']] }),
      };
    });
    expect(lists).toEqual({
      model: idsOf([b, a]),
      claude: idsOf([c]),
      claudeElsewhere: [],
      claudeAndLabel: idsOf([c]),
      claudeAndOtherLabel: [],
      text: idsOf([c, b, a]),
      number: idsOf([d, c, a]),
      boolean: idsOf([c, a]),
      several: idsOf([c, a]),
      labelsAndModel: idsOf([c]),
      paged: idsOf([b, a]),
      contradiction: [],
      unindexed: [],
      unknown: [],
    });
  });

  it('is the same in whatever order the filters come, and whichever of them is the rarest, on each page', async () => {
    const metadataOf = (i: number) => ({ half: i % 2, third: i % 3, tenth: i % 10 });
    const rows = Array.from({ length: 60 }, (_, i) =>
      rowOf(
        { model: i % 7 === 0 ? 'opus' : 'sonnet', metadata: metadataOf(i) },
        { status: i % 5 < 3 ? 'active' : 'ended' },
      ),
    );
    const labels: [string, string][] = [
      ['half', '0'],
      ['third', '0'],
      ['tenth', '0'],
    ];
    const orders = [[], ...labels.map((label) => [label]), labels.slice(0, 2), labels, labels.toReversed()];
    const cases = orders.flatMap((order) =>
      [undefined, 'opus', 'sonnet'].flatMap((model) =>
        (['active', 'ended', 'all'] as const).map((status) => ({ order, model, status })),
      ),
    );
    const matches = (row: IndexRow, { order, model, status }: (typeof cases)[number]) =>
      (status === 'all' || row.status === status) &&
      (model === undefined || row.summary.config.model === model) &&
      order.every(([name, value]) => row.summary.config.metadata[name] === Number(value));
    const lists = await onIndex((index) => {
      const list = filled(index, rows);
      return cases.map(({ order, model, status }) => {
        const statuses = status === 'all' ? ALL : [status];
        const filter = { statuses, labels: order, limit: 3, ...(model === undefined ? {} : { model }) };
        const pages = [list(filter)];
        while (pages.at(-1)?.length === 3)
          pages.push(list({ ...filter, before: pages.at(-1)?.at(-1) ?? '' }));
        return pages.flat();
      });
    });
    expect(lists.flat().length).toBeGreaterThan(200);
    expect(lists).toEqual(
      cases.map((filter) => idsOf(rows.filter((row) => matches(row, filter)).toReversed())),
    );
  });

  it('finds labels of 256 bytes, not of 257, in bytes of UTF-8', async () => {
    const values = ['a'.repeat(256), 'a'.repeat(257), 'é'.repeat(128), 'é'.repeat(129)];
    const rows = values.map((value) => rowOf({ metadata: { value } }));
    const found = await onIndex((index) => {
      const list = filled(index, rows);
      return values.map((value) => list({ labels: [['value', value]] }).length);
    });
    expect(found).toEqual([1, 0, 1, 0]);
  });
});

describe('what falls due', () => {
  it('is what has lapsed, those due first, and of what never lapsed nothing', async () => {
    const lease = rowOf({}, { due: START + 100 });
    const reservation = rowOf({}, { due: START + 200, reserved: 'create' });
    const later = rowOf({}, { due: START + 300 });
    const ended = rowOf({}, { due: START + 50, status: 'ended' });
    const seen = await onIndex((index) => {
      filled(index, [later, ended, reservation, lease]);
      return {
        next: index.nextDue(),
        nextExpiry: index.nextExpiry(),
        none: idsOf(index.lapsed(START + 99, 10)),
        lapsed: idsOf(index.lapsed(START + 200, 10)),
        bounded: index.lapsed(START + 300, 2).length,
        outlived: idsOf(index.outlived(START + 50, 10)),
      };
    });
    expect(seen).toEqual({
      next: START + 50,
      nextExpiry: START + 100 - LEASE_MARGIN_MS,
      none: [],
      lapsed: idsOf([reservation, lease]),
      bounded: 2,
      outlived: idsOf([ended]),
    });
  });

  it('suspects a session from its reported expiry on, but one that is silent only when its turn comes', async () => {
    const overdue = rowOf({}, { due: START + LEASE_MARGIN_MS });
    const silent = rowOf({}, { due: START + 10, asks: 1 });
    const fresh = rowOf({}, { due: START + LEASE_MARGIN_MS + 1 });
    const seen = await onIndex((index) => {
      filled(index, [overdue, silent, fresh]);
      return [idsOf(index.suspects(START, 10)), idsOf(index.suspects(START + 10, 10))];
    });
    expect(seen[0]).toEqual(idsOf([overdue]));
    expect(new Set(seen[1])).toEqual(new Set(idsOf([overdue, silent, fresh])));
  });
});
