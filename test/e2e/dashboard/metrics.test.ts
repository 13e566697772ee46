/** The metrics, read as Prometheus' own library reads them: Debian's python3-prometheus-client. */
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { beforeAll, expect, test } from 'vitest';
import { serve } from './server.ts';

const PARSE = `
import json, sys
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse
print(json.dumps([{
  "name": family.name, "type": family.type, "unit": family.unit, "help": family.documentation,
  "samples": [{"name": s.name, "labels": s.labels, "value": s.value} for s in family.samples],
} for family in parse(sys.argv[1])]))
`;

interface Family {
  readonly name: string;
  readonly type: string;
  readonly help: string;
  readonly samples: readonly { name: string; labels: Record<string, string>; value: number }[];
}

/** Debian's own Python has the library; another one first on the path may not. */
async function parse(text: string): Promise<Family[]> {
  const { stdout } = await promisify(execFile)('/usr/bin/python3', ['-c', PARSE, text]);
  return JSON.parse(stdout) as Family[];
}

/** A label's value that needs every escape there is. */
const ODD_MODEL = 'a "model"\\with\nall of it';

const { client } = await serve({ MAX_SESSIONS: 2 });
let families: readonly Family[];
let text: string;

beforeAll(async () => {
  const session = await client.sessions.create({ model: ODD_MODEL });
  await client.sessions.create({ permissionMode: 'bypassPermissions' });
  await client.sessions.create().catch(() => undefined);
  await client.sessions.touch(session.sessionId, { messages: 7 });
  await client.sessions.end(session.sessionId);
  await client.sessions.create({ model: ODD_MODEL });
  text = await client.registry.metrics();
  families = await parse(text);
});

const valueOf = (name: string, labels: Record<string, string> = {}) =>
  families
    .flatMap(({ samples }) => samples)
    .find((it) => it.name === name && JSON.stringify(it.labels) === JSON.stringify(labels))?.value;

test('the parser takes them, and finds what happened', () => {
  expect(valueOf('berth_sessions', { status: 'active' })).toBe(2);
  expect(valueOf('berth_sessions', { status: 'ended' })).toBe(1);
  expect(valueOf('berth_sessions_limit')).toBe(2);
  expect(valueOf('berth_sessions_created_total')).toBe(3);
  expect(valueOf('berth_sessions_ended_total')).toBe(1);
  expect(valueOf('berth_sessions_rejected_total')).toBe(1);
  expect(valueOf('berth_messages_total')).toBe(7);
  expect(valueOf('berth_active_sessions_by_model', { model: ODD_MODEL })).toBe(1);
  expect(valueOf('berth_active_sessions_by_permission_mode', { permission_mode: 'bypassPermissions' })).toBe(
    1,
  );
  expect(families.filter(({ help, type }) => help === '' || type === 'unknown')).toEqual([]);
});

test('the parser can refuse', async () => {
  await expect(parse(text.replace('# EOF\n', ''))).rejects.toThrow(/EOF/);
});

test('the Grafana dashboard asks for nothing that there isn’t, and leaves nothing out', async () => {
  const dashboard = await readFile(new URL('../../../docs/grafana.json', import.meta.url), 'utf8');
  const asked = new Set(dashboard.match(/berth_[a-z_]+/g));
  const there = new Set(families.flatMap(({ samples }) => samples.map(({ name }) => name)));
  expect([...asked].toSorted()).toEqual([...there].toSorted());
});
