/**
 * Reads, touches and creates over HTTP: Berth beside a bare Worker and object that do the same storage work,
 * and beside what an app would have without Berth.
 *
 * @module
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Benchmark, BenchmarkOptions } from './support/benchmark.ts';
import { barChart } from './support/chart.ts';
import { inTurn, ratioTo, spreadOf, type Rounds, type Spread } from './support/interleaved.ts';
import { drive, type Kind, type Sample } from './support/load.ts';
import { describeMachine } from './support/machine.ts';
import { spread, table } from './support/markdown.ts';
import { startInMemory, startOverRedis } from './subjects/node.ts';
import { prepareBare, prepareBerths } from './subjects/platform.ts';
import type { Subject } from './subjects/subject.ts';

/** Beside the document. */
const CHART = 'requests.svg';
/** What Berth shall keep of the bare platform's rate. */
const TARGET = 0.9;

const OPERATIONS = ['read', 'touch', 'create'] as const;
type Operation = (typeof OPERATIONS)[number];

const CONNECTIONS = [1, 16, 256] as const;
/** At which those are compared that are not the platform's. */
const USUAL_CONNECTIONS = 16;

/** Rounds are those of one launch. */
interface Amounts extends Rounds {
  /**
   * How often all subjects are started anew: two processes of the same program, side by side, differ by as much as a
   * tenth for as long as they live.
   */
  readonly launches: number;
  /** Requests a sample. */
  readonly requests: Readonly<Record<Operation, number>>;
  /** So many times fewer over one connection, which waits for each. */
  readonly fewerAlone: number;
  /** Sessions that are read and touched in turn. */
  readonly sessions: number;
}

const FULL: Amounts = {
  launches: 5,
  requests: { read: 6_000, touch: 3_000, create: 400 },
  fewerAlone: 4,
  sessions: 64,
  warmUp: 2,
  timed: 2,
};
const SMOKE: Amounts = {
  launches: 1,
  requests: { read: 64, touch: 64, create: 64 },
  fewerAlone: 20,
  sessions: 8,
  warmUp: 0,
  timed: 1,
};
/** What the files of created objects are still owed is not to be paid by the next. */
const PAUSE_MS = 200;

const SESSION = {
  model: 'claude-opus-4-1',
  cwd: '/workspace/app',
  permissionMode: 'acceptEdits',
  metadata: { team: 'red', user: 'u-1' },
};

/** A subject with sessions in it. */
interface Stage {
  readonly subject: Subject;
  readonly ids: readonly string[];
}

async function stage(subject: Subject, sessions: number): Promise<Stage> {
  const ids: string[] = [];
  while (ids.length < sessions) {
    const response = await fetch(`${subject.url}/v1/sessions`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', ...subject.headers },
      body: JSON.stringify(SESSION),
    });
    if (response.status !== 201) throw new Error(`${subject.name}: ${await response.text()}`);
    ids.push(((await response.json()) as { sessionId: string }).sessionId);
  }
  return { subject, ids };
}

function kindOf(operation: Operation, { subject, ids }: Stage): Kind {
  const { headers } = subject;
  const kinds: Record<Operation, Kind> = {
    read: { method: 'GET', paths: ids.map((id) => `/v1/sessions/${id}`), headers },
    touch: {
      method: 'POST',
      paths: ids.map((id) => `/v1/sessions/${id}/activity`),
      body: { messages: 1 },
      headers,
    },
    create: { method: 'POST', paths: ['/v1/sessions'], body: SESSION, headers },
  };
  return kinds[operation];
}

/** Samples of each subject, by name. */
type Measured = ReadonlyMap<string, readonly Sample[]>;

async function measure(
  stages: readonly Stage[],
  operation: Operation,
  connections: number,
  amounts: Amounts,
): Promise<Measured> {
  const wanted = Math.ceil(amounts.requests[operation] / (connections === 1 ? amounts.fewerAlone : 1));
  // Each connection has one at least.
  const requests = Math.max(wanted, connections);
  const takers = stages.map((it) => async () => {
    await sleep(PAUSE_MS);
    return drive(it.subject.url, kindOf(operation, it), { connections, requests });
  });
  const samples = await inTurn(takers, amounts);
  return new Map(stages.map(({ subject }, i) => [subject.name, samples[i] ?? []]));
}

class Results {
  readonly #measured: (readonly [operation: Operation, connections: number, Measured])[] = [];

  add(operation: Operation, connections: number, measured: Measured): void {
    this.#measured.push([operation, connections, measured]);
  }

  /** Of all launches, by round. */
  values(operation: Operation, connections: number, name: string, what: keyof Sample): number[] {
    return this.#measured
      .filter(([ofOperation, ofConnections]) => ofOperation === operation && ofConnections === connections)
      .flatMap(([, , measured]) => (measured.get(name) ?? []).map((sample) => sample[what]));
  }

  ratio(operation: Operation, connections: number, name: string, base: string, what: keyof Sample): Spread {
    return ratioTo(
      this.values(operation, connections, base, what),
      this.values(operation, connections, name, what),
    );
  }
}

/** Requests a second, with no more digits than hold. */
function rate(values: readonly number[]): string {
  const { median } = spreadOf(values);
  const unit = 10 ** Math.max(0, Math.floor(Math.log10(median)) - 1);
  return (Math.round(median / unit) * unit).toLocaleString('en');
}

const connectionsText = (count: number): string => (count === 1 ? '1 connection' : `${count} connections`);

interface Subjects {
  readonly bare: Subject;
  readonly berth: Subject;
  readonly guarded: Subject;
  readonly others: readonly Subject[];
}

/** In the order in which they are started. */
function nameSubjects([bare, berth, guarded, ...others]: readonly Subject[]): Subjects {
  if (bare === undefined || berth === undefined || guarded === undefined)
    throw new Error('There is nothing to compare');
  return { bare, berth, guarded, others };
}

function report(results: Results, { bare, berth, guarded, others }: Subjects, machine: string): string {
  const beside = (what: keyof Sample): string =>
    table(
      ['', ...CONNECTIONS.map(connectionsText), `${USUAL_CONNECTIONS}, HS256 tokens`],
      OPERATIONS.map((operation) => [
        operation,
        ...CONNECTIONS.map((count) => spread(results.ratio(operation, count, berth.name, bare.name, what))),
        spread(results.ratio(operation, USUAL_CONNECTIONS, guarded.name, bare.name, what)),
      ]),
    );
  const all = [bare, berth, guarded, ...others];
  return [
    `![Berth's rate as a share of a bare object's](${CHART})`,
    'Requests a second, Berth’s over the bare object’s (more is faster; median of the rounds, least and most in brackets):',
    beside('rate'),
    'What 99 of 100 requests waited less than, Berth’s over the bare object’s (less is faster):',
    beside('p99'),
    `What an app would have instead, requests a second over Berth’s, at ${connectionsText(USUAL_CONNECTIONS)} (more is faster):`,
    table(
      ['', ...others.map(({ name }) => name)],
      OPERATIONS.map((operation) => [
        operation,
        ...others.map(({ name }) =>
          spread(results.ratio(operation, USUAL_CONNECTIONS, name, berth.name, 'rate')),
        ),
      ]),
    ),
    `Requests a second at ${connectionsText(USUAL_CONNECTIONS)}, for the order of magnitude: on another machine they are others.`,
    table(
      ['', ...all.map(({ name }) => name)],
      OPERATIONS.map((operation) => [
        operation,
        ...all.map(({ name }) => rate(results.values(operation, USUAL_CONNECTIONS, name, 'rate'))),
      ]),
    ),
    `Measured in one run on ${machine}; Node ${process.versions.node}.`,
  ].join('\n\n');
}

function chart(results: Results, { bare, berth, guarded }: Subjects): string {
  return barChart({
    title: 'Berth’s rate as a share of a bare object’s',
    subtitle:
      'Requests a second over HTTP, on plain workerd. The whiskers go from the least to the most of the rounds.',
    categories: [...OPERATIONS],
    yName: 'Berth ÷ bare object',
    series: [
      ...CONNECTIONS.map((count) => ({
        name: connectionsText(count),
        values: OPERATIONS.map((operation) => results.ratio(operation, count, berth.name, bare.name, 'rate')),
      })),
      {
        name: `${connectionsText(USUAL_CONNECTIONS)}, HS256 tokens`,
        values: OPERATIONS.map((operation) =>
          results.ratio(operation, USUAL_CONNECTIONS, guarded.name, bare.name, 'rate'),
        ),
      },
    ],
    references: [{ at: TARGET, label: `target ${TARGET}` }],
  });
}

/** Starts all subjects anew, measures them in turn, and stops them. Null starts what is not installed. */
async function measureLaunch(
  starters: readonly (() => Promise<Subject | null>)[],
  amounts: Amounts,
  results: Results,
  say: (text: string) => void,
): Promise<Subject[]> {
  const started: Subject[] = [];
  try {
    for (const start of starters) {
      const subject = await start();
      if (subject !== null) started.push(subject);
    }
    const stages: Stage[] = [];
    for (const subject of started) stages.push(await stage(subject, amounts.sessions));
    for (const operation of OPERATIONS)
      for (const connections of CONNECTIONS) {
        say(`${operation}, ${connectionsText(connections)}`);
        const compared = connections === USUAL_CONNECTIONS ? stages : stages.slice(0, 2);
        results.add(operation, connections, await measure(compared, operation, connections, amounts));
      }
    return started;
  } finally {
    await Promise.all(started.map((subject) => subject.stop()));
  }
}

async function run({ smoke, say, draw }: BenchmarkOptions): Promise<string> {
  const amounts = smoke ? SMOKE : FULL;
  const machine = describeMachine();
  const results = new Results();
  const starters = [await prepareBare(), ...(await prepareBerths()), startInMemory, startOverRedis];
  let subjects: Subject[] = [];
  for (let launch = 1; launch <= amounts.launches; launch += 1)
    subjects = await measureLaunch(starters, amounts, results, (text) =>
      say(`launch ${launch} of ${amounts.launches}: ${text}`),
    );
  if (subjects.length < starters.length)
    say('left out: Redis is not installed (Debian: apt install redis-server)');
  const named = nameSubjects(subjects);
  await draw(CHART, chart(results, named));
  return report(results, named, machine);
}

export const requests: Benchmark = { name: 'requests', run };
