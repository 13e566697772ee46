/**
 * The registry's calls in a small tenant, a large one and the largest: whether what they take depends on how many
 * sessions there are, and what a registry of each size holds in memory and on disk.
 *
 * @module
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { prepareRegistryDoor, type RegistryDoor } from './subjects/registry-door.ts';
import type { Benchmark, BenchmarkOptions } from './support/benchmark.ts';
import { barChart } from './support/chart.ts';
import { temporaryFolder } from './support/folders.ts';
import { inTurn, ratioTo, spreadOf, type Rounds, type Spread } from './support/interleaved.ts';
import { drive } from './support/load.ts';
import { describeMachine } from './support/machine.ts';
import { spread, table } from './support/markdown.ts';
import { cpuMs, residentBytes } from './support/process.ts';
import type { PageFilter, Stored } from './workers/registry-door/calls.ts';
import {
  COMMON_LABEL,
  LAPSING_LABEL,
  PAGE_SIZE,
  RARE_LABEL,
  RARE_MODEL,
} from './workers/registry-door/population.ts';

/** Beside the document. */
const CHART = 'size.svg';
/** What a call may take at any size, over what it takes at the least. */
const TARGET = 1.2;

interface Amounts extends Rounds {
  /** Active sessions, the least first. */
  readonly sizes: readonly number[];
  /** Calls a sample, one after the other. */
  readonly calls: number;
  /** Leases that lapse at once, each of a session that is there. */
  readonly leases: number;
  /** A sweep takes seconds: it is measured in fewer rounds. */
  readonly sweeps: Rounds;
}

const FULL: Amounts = {
  sizes: [100, 10_000, 100_000],
  calls: 300,
  leases: 1_000,
  warmUp: 2,
  timed: 15,
  sweeps: { warmUp: 1, timed: 5 },
};
const SMOKE: Amounts = {
  sizes: [100, 200],
  calls: 20,
  leases: 60,
  warmUp: 0,
  timed: 1,
  sweeps: { warmUp: 0, timed: 1 },
};

/** Sessions that are put in by one request. */
const FILL_BATCH = 2_000;
/** Above what a tenant can be given, so that sessions are admitted beside the largest number. */
const ROOM = 5_000;
/** The least that a session may have: those that are swept are to be expired soon. */
const TIMEOUT_MS = 1_000;
/** By when the last of them has expired, and the registry has heard of each. */
const EXPIRED_AFTER_MS = TIMEOUT_MS + 500;
const CONNECTIONS = 16;

/** A server whose registry has so many active sessions. */
interface Stage {
  readonly size: number;
  readonly door: RegistryDoor;
  /** What it had in memory before its registry was first called, bytes. */
  readonly idleBytes: number;
}

/** What a sample took, by the clock and of the processor: milliseconds. */
interface Taken {
  readonly clock: number;
  readonly cpu: number;
}

async function timed(door: RegistryDoor, work: () => Promise<unknown>): Promise<Taken> {
  const cpu = cpuMs(door.pid);
  const start = performance.now();
  await work();
  const clock = performance.now() - start;
  return { clock, cpu: cpuMs(door.pid) - cpu };
}

type Start = (data: string) => Promise<RegistryDoor>;

/** Fills a registry, and starts its server anew: what filling has left in memory is none of a registry's. */
async function stage(start: Start, size: number): Promise<Stage> {
  const data = temporaryFolder();
  const filling = await start(data);
  try {
    await filling.call('limit', { maxSessions: 2 * size });
    for (let from = 0; from < size; from += FILL_BATCH)
      await filling.call('fill', { from, to: Math.min(from + FILL_BATCH, size), active: size });
  } finally {
    await filling.stop();
  }
  const door = await start(data);
  return { size, door, idleBytes: residentBytes(door.pid) };
}

const page = (filter: Partial<PageFilter>): PageFilter => ({
  statuses: ['active'],
  labels: [],
  limit: PAGE_SIZE,
  ...filter,
});

const PAGES = {
  'a page, by model': page({ model: RARE_MODEL }),
  'a page, by label': page({ labels: [RARE_LABEL] }),
  'a page, by two labels': page({ labels: [COMMON_LABEL, RARE_LABEL] }),
  'a page, by status': page({ statuses: ['ended'] }),
};

/** Takes samples of a call, by size. */
type Taker = (stage: Stage, times: number) => Promise<Taken>;

async function admit({ size, door }: Stage, times: number): Promise<Taken> {
  await door.call('limit', { maxSessions: size + ROOM });
  let ids: readonly string[] = [];
  const taken = await timed(door, async () => (ids = await door.call('admit', { times })));
  await door.call('withdraw', { ids });
  return taken;
}

async function refuse({ size, door }: Stage, times: number): Promise<Taken> {
  await door.call('limit', { maxSessions: size });
  return timed(door, () => door.call('refuse', { times }));
}

const TAKERS: Readonly<Record<string, Taker>> = {
  admission: admit,
  'a refusal': refuse,
  ...Object.fromEntries(
    Object.entries(PAGES).map(([name, filter]): [string, Taker] => [
      name,
      ({ door }, times) => timed(door, () => door.call('list', { filter, times })),
    ]),
  ),
  statistics: ({ size, door }, times) => timed(door, () => door.call('stats', { active: size, times })),
};

/** Creates the sessions that are to be swept, over HTTP as anyone would. */
async function createSessions({ size, door }: Stage, count: number): Promise<readonly string[]> {
  await door.call('limit', { maxSessions: size + ROOM });
  const [name, value] = LAPSING_LABEL;
  const body = JSON.stringify({
    model: 'claude-opus-4-1',
    metadata: { [name]: value, team: 'red' },
    sessionTimeoutMs: TIMEOUT_MS,
  });
  const create = async (): Promise<string> => {
    const response = await fetch(`${door.url}/v1/sessions`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body,
    });
    if (response.status !== 201) throw new Error(await response.text());
    return ((await response.json()) as { sessionId: string }).sessionId;
  };
  const ids: string[] = [];
  while (ids.length < count)
    ids.push(
      ...(await Promise.all(Array.from({ length: Math.min(CONNECTIONS, count - ids.length) }, create))),
    );
  return ids;
}

/** Has all of them live again and expire, their alarms lost, and their leases lapse. */
async function sweep({ door }: Stage, ids: readonly string[], isFirst: boolean): Promise<Taken> {
  if (!isFirst) {
    const paths = ids.map((id) => `/v1/sessions/${id}/resume`);
    await drive(door.url, { method: 'POST', paths }, { connections: CONNECTIONS, requests: ids.length });
  }
  await sleep(EXPIRED_AFTER_MS);
  return timed(door, async () => {
    const { lapsed, left } = await door.call('sweep', {});
    if (lapsed !== ids.length || left !== 0)
      throw new Error(`${lapsed} of ${ids.length} leases had lapsed, ${left} were left`);
  });
}

async function measureSweeps(stages: readonly Stage[], { leases, sweeps }: Amounts): Promise<Taken[][]> {
  const takers = [];
  for (const it of stages) {
    const ids = await createSessions(it, leases);
    let isFirst = true;
    takers.push(() => {
      const taken = sweep(it, ids, isFirst);
      isFirst = false;
      return taken;
    });
  }
  return inTurn(takers, sweeps);
}

/** A row of the results: what one call took, by size and round. */
interface Line {
  readonly name: string;
  /** Where the name is too long for a chart. */
  readonly chartName?: string;
  /** Milliseconds. */
  readonly values: readonly (readonly number[])[];
}

const ratios = ({ values }: Line): Spread[] =>
  values.slice(1).map((larger) => ratioTo(values[0] ?? [], larger));

/** What a registry of a size holds. */
interface Held extends Stored {
  readonly size: number;
  readonly idleBytes: number;
  readonly residentBytes: number;
}

/** Finer than elsewhere: it is held to a bound not far from 1. */
const hundredths = (value: number): string => value.toFixed(2);
const whole = (value: number): string => Math.round(value).toLocaleString('en');
const ms = (values: readonly number[]): string => {
  const { median } = spreadOf(values);
  return `${median < 10 ? median.toFixed(2) : whole(median)} ms`;
};
const megabytes = (bytes: number): string => `${whole(bytes / 1e6)} MB`;

function holdings(held: readonly Held[]): string {
  const row = (name: string, value: (it: Held) => string): string[] => [name, ...held.map(value)];
  return table(
    ['', ...held.map(({ size }) => `${whole(size)} sessions`)],
    [
      row('memory of workerd', (it) => megabytes(it.residentBytes)),
      row('before the first call', (it) => megabytes(it.idleBytes)),
      row('on disk', ({ bytes }) => `${(bytes / 1e6).toFixed(1)} MB`),
      row('on disk, a session', (it) => `${whole(it.bytes / it.kept)} bytes`),
      row('rows, a session', (it) => (it.rows / it.kept).toFixed(1)),
      row('entries of indexes, a session', (it) => (it.indexEntries / it.kept).toFixed(1)),
    ],
  );
}

function report(lines: readonly Line[], held: readonly Held[], machine: string, leases: number): string {
  const [least, ...larger] = held.map(({ size }) => `${whole(size)} sessions`);
  return [
    `![What the registry's calls take at other sizes](${CHART})`,
    `What each takes, over what it takes with ${least} (less is faster; target ≤ ${TARGET}; median of the rounds, least and most in brackets):`,
    table(
      ['', least ?? '', ...larger],
      lines.map((line) => [line.name, '1', ...ratios(line).map((it) => spread(it, hundredths))]),
    ),
    'The same in time, for the order of magnitude: on another machine it is another.',
    table(
      ['', least ?? '', ...larger],
      lines.map(({ name, values }) => [name, ...values.map(ms)]),
    ),
    `What the server and its registry hold; ${whole(leases)} sessions that are swept come on top:`,
    holdings(held),
    `Measured in one run on ${machine}; Node ${process.versions.node}.`,
  ].join('\n\n');
}

function chart(lines: readonly Line[], [least, ...larger]: readonly number[]): string {
  return barChart({
    title: 'What a registry’s calls take as its sessions grow in number',
    subtitle: `Over what they take with ${whole(least ?? 0)} sessions. The whiskers go from the least to the most of the rounds.`,
    categories: lines.map(({ chartName, name }) => chartName ?? name.replace(', ', ',\n')),
    yName: `time ÷ that with ${whole(least ?? 0)} sessions`,
    series: larger.map((size, i) => ({
      name: `${whole(size)} sessions`,
      values: lines.map((line) => ratios(line)[i] ?? null),
    })),
    references: [{ at: TARGET, label: `target ≤ ${TARGET}` }],
  });
}

async function run({ smoke, say, draw }: BenchmarkOptions): Promise<string> {
  const amounts = smoke ? SMOKE : FULL;
  const machine = describeMachine();
  const start = await prepareRegistryDoor();
  const stages: Stage[] = [];
  try {
    for (const size of amounts.sizes) {
      say(`a registry of ${whole(size)} sessions`);
      stages.push(await stage(start, size));
    }
    const lines: Line[] = [];
    for (const [name, take] of Object.entries(TAKERS)) {
      say(name);
      const samples = await inTurn(
        stages.map((it) => () => take(it, amounts.calls)),
        amounts,
      );
      lines.push({ name, values: samples.map((ofSize) => ofSize.map(({ clock }) => clock / amounts.calls)) });
    }
    const held: Held[] = [];
    for (const { size, door, idleBytes } of stages)
      held.push({
        ...(await door.call('stored', {})),
        size,
        idleBytes,
        residentBytes: residentBytes(door.pid),
      });
    say(`a sweep of ${whole(amounts.leases)} lapsed leases`);
    const sweeps = await measureSweeps(stages, amounts);
    const by = (what: keyof Taken, per: number) => sweeps.map((ofSize) => ofSize.map((it) => it[what] / per));
    lines.push(
      {
        name: `a sweep of ${whole(amounts.leases)} lapsed leases`,
        chartName: `a sweep of\n${whole(amounts.leases)} leases`,
        values: by('clock', 1),
      },
      { name: 'its CPU time, a lease', values: by('cpu', amounts.leases) },
    );
    await draw(CHART, chart(lines, amounts.sizes));
    return report(lines, held, machine, amounts.leases);
  } finally {
    await Promise.all(stages.map(({ door }) => door.stop()));
  }
}

export const size: Benchmark = { name: 'size', run };
