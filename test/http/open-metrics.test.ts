import { describe, expect, test } from 'vitest';
import type { RegistryStats } from '../../src/contract/registry.ts';
import { OPEN_METRICS_TYPE, openMetrics } from '../../src/http/open-metrics.ts';
import { call, create } from '../support/api.ts';
import { stats } from '../support/inventory.ts';

const STATS: RegistryStats = {
  totalCreated: 9,
  activeCount: 3,
  totalInMemory: 6,
  sessionsByStatus: { active: 3, expired: 2, ended: 1 },
  maxSessions: 100,
  totalExpired: 4,
  totalEnded: 2,
  totalRejected: 5,
  totalMessages: 77,
  averageDurationMs: 1_234,
  byModel: { 'claude-sonnet-5': 2, [String.raw`a "b"\n` + '\nc']: 1 },
  byPermissionMode: { default: 3 },
};

/** The samples of a text, by name and labels as they stand there. */
const samplesOf = (text: string) =>
  Object.fromEntries(
    text
      .split('\n')
      .filter((line) => line !== '' && !line.startsWith('#'))
      .map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ') + 1))]),
  );

describe('the text', () => {
  const text = openMetrics(STATS);
  const lines = text.split('\n');

  test('ends with # EOF and a line feed, which stands nowhere else', () => {
    expect(text.endsWith('\n# EOF\n')).toBe(true);
    expect(lines.filter((line) => line === '# EOF')).toHaveLength(1);
    expect(lines).not.toContain('\r');
    expect(lines.slice(0, -1)).not.toContain('');
  });

  test('has every figure', () => {
    expect(samplesOf(text)).toEqual({
      'berth_sessions{status="active"}': 3,
      'berth_sessions{status="expired"}': 2,
      'berth_sessions{status="ended"}': 1,
      berth_sessions_limit: 100,
      berth_sessions_created_total: 9,
      berth_sessions_expired_total: 4,
      berth_sessions_ended_total: 2,
      berth_sessions_rejected_total: 5,
      berth_messages_total: 77,
      berth_session_duration_average_seconds: 1.234,
      'berth_active_sessions_by_model{model="claude-sonnet-5"}': 2,
      [String.raw`berth_active_sessions_by_model{model="a \"b\"\\n\nc"}`]: 1,
      'berth_active_sessions_by_permission_mode{permission_mode="default"}': 3,
    });
  });

  test('says of each family its type and what it means, before its samples, once', () => {
    const families = lines.flatMap((line) => /^# TYPE (\w+) (\w+)$/.exec(line)?.slice(1, 3).join(' ') ?? []);
    expect(new Set(families).size).toBe(families.length);
    for (const family of families) {
      const [name = '', type = ''] = family.split(' ');
      const at = lines.indexOf(`# TYPE ${name} ${type}`);
      const rest = lines.slice(at + 1);
      const block = rest.slice(
        0,
        rest.findIndex((line) => line.startsWith('# TYPE') || line === '# EOF'),
      );
      expect(block.some((line) => line.startsWith(`# HELP ${name} `))).toBe(true);
      const samples = block.filter((line) => !line.startsWith('#'));
      for (const sample of samples)
        expect(sample).toMatch(type === 'counter' ? `${name}_total ` : new RegExp(`^${name}(\\{| )`));
      // A counter's family has no suffix, and only a counter's sample has.
      expect(name).not.toMatch(/_total$/);
      const unit = block.find((line) => line.startsWith('# UNIT'));
      expect(name.endsWith(`_${unit?.split(' ')[3] ?? name.split('_').at(-1)}`)).toBe(true);
    }
    expect(families).toContain('berth_sessions_created counter');
  });

  test('of a label that tries to add a sample has none more', () => {
    const evil = 'x"} 1\nberth_sessions_limit 0\n# EOF\n{"';
    const samples = samplesOf(openMetrics({ ...STATS, byModel: { [evil]: 1 } }));
    expect(samples['berth_sessions_limit']).toBe(100);
    expect(Object.keys(samples).filter((name) => name.includes('by_model'))).toHaveLength(1);
  });
});

test('the route answers the present statistics, as OpenMetrics', async () => {
  await create({ model: 'a\\b"c\nd' });
  const response = await call('GET', '/v1/registry/metrics');
  expect(response.headers.get('Content-Type')).toBe(OPEN_METRICS_TYPE);
  expect(OPEN_METRICS_TYPE).toBe('application/openmetrics-text; version=1.0.0; charset=utf-8');
  const text = new TextDecoder().decode(await response.arrayBuffer());
  expect(text).toBe(openMetrics(await stats()));
  expect(samplesOf(text)[String.raw`berth_active_sessions_by_model{model="a\\b\"c\nd"}`]).toBe(1);
});
