/**
 * Transcripts in Berth, beside the schemes of the Agent SDK's reference adapters for Redis and PostgreSQL:
 * appends of batches to one transcript by one writer, and loads of whole transcripts.
 *
 * @module
 */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { buildWorker, startWorkerd } from '../../scripts/workerd.ts';
import type { SessionKey } from '../../src/agent-sdk/index.ts';
import { berthClient, edgeSessionStore } from './stores/berth.ts';
import { postgresStore } from './stores/postgres.ts';
import { redisStore } from './stores/redis.ts';
import type { TranscriptStore } from './stores/transcript-store.ts';
import type { Benchmark, BenchmarkOptions } from './support/benchmark.ts';
import { entriesOf } from './support/entries.ts';
import { temporaryFolder } from './support/folders.ts';
import { interleaved, speedUp, spreadOf, type Rounds, type Sampler } from './support/interleaved.ts';
import { describeMachine } from './support/machine.ts';
import { spread, table } from './support/markdown.ts';
import { startPostgres } from './support/postgres.ts';
import { startRedis, type AppendFsync } from './support/redis.ts';

/** How much of something is measured. A sample repeats it until it is long enough to time. */
interface Amount extends Rounds {
  readonly entries: number;
  readonly perSample: number;
}

interface Amounts {
  readonly appends: readonly Amount[];
  readonly loads: readonly Amount[];
}

const FULL: Amounts = {
  appends: [
    { entries: 1, perSample: 100, warmUp: 3, timed: 21 },
    { entries: 20, perSample: 40, warmUp: 3, timed: 21 },
    { entries: 500, perSample: 4, warmUp: 3, timed: 21 },
  ],
  loads: [
    { entries: 1_000, perSample: 5, warmUp: 3, timed: 21 },
    { entries: 50_000, perSample: 1, warmUp: 1, timed: 11 },
  ],
};

const SMOKE: Amounts = {
  appends: [1, 20, 500].map((entries) => ({ entries, perSample: 2, warmUp: 1, timed: 2 })),
  loads: [1_000, 2_000].map((entries) => ({ entries, perSample: 1, warmUp: 0, timed: 2 })),
};

/** Entries a batch, where a transcript is written to be loaded. */
const SEED_BATCH = 500;

const PROJECT = '-workspace';

/** What was measured of all stores, in their order: milliseconds by round. */
interface Measured {
  readonly title: string;
  readonly entriesPerSample: number;
  readonly times: readonly (readonly number[])[];
}

/** The stores that can be had on this machine, each with what ends it. */
class Stores {
  readonly all: TranscriptStore[] = [];
  /** What was measured with which version. */
  readonly versions: string[] = [`Node ${process.versions.node}`];
  readonly #stops: (() => Promise<void>)[] = [];

  async start(say: BenchmarkOptions['say']): Promise<void> {
    await this.#startBerth();
    for (const appendFsync of ['always', 'everysec'] as const) await this.#startRedis(appendFsync, say);
    await this.#startPostgres(say);
  }

  async #startBerth(): Promise<void> {
    const folder = temporaryFolder();
    const bundle = join(folder, 'bundle');
    await buildWorker(bundle);
    const server = await startWorkerd({ bundle, data: join(folder, 'data'), settings: { AUTH: 'off' } });
    this.#stops.push(() => server.stop());
    this.all.push(berthClient(server.url), edgeSessionStore(server.url));
  }

  async #startRedis(appendFsync: AppendFsync, say: BenchmarkOptions['say']): Promise<void> {
    const server = await startRedis(appendFsync);
    if (server === null) return say('left out: Redis is not installed (Debian: apt install redis-server)');
    this.#stops.push(() => server.stop());
    this.all.push(await redisStore(server.port, appendFsync));
    if (appendFsync === 'always') this.versions.push(`Redis ${server.version}`);
  }

  async #startPostgres(say: BenchmarkOptions['say']): Promise<void> {
    const server = await startPostgres();
    if (server === null) return say('left out: PostgreSQL is not installed (Debian: apt install postgresql)');
    this.#stops.push(() => server.stop());
    this.all.push(await postgresStore(server.port));
    this.versions.push(`PostgreSQL ${server.version}`);
  }

  async stop(): Promise<void> {
    await Promise.all(this.all.map((store) => store.close()));
    await Promise.all(this.#stops.map((stop) => stop()));
  }
}

const newKey = (): SessionKey => ({ projectKey: PROJECT, sessionId: randomUUID() });

/** Sees that a store has all of a transcript: a store that loses something could be as fast as it likes. */
async function expectEntries(store: TranscriptStore, key: SessionKey, count: number, last: unknown) {
  const entries = await store.load(key);
  assert.equal(entries?.length, count, `${store.name} has not all entries`);
  assert.deepEqual(entries?.at(-1), last, `${store.name} has another last entry`);
}

/** Batches appended to one transcript, one after the other. */
async function measureAppends(stores: readonly TranscriptStore[], amount: Amount): Promise<Measured> {
  const written = stores.map((store) => ({ store, key: newKey(), last: {} as unknown }));
  const samplers = written.map((it) => () => {
    const batches = Array.from({ length: amount.perSample }, () =>
      entriesOf(it.key.sessionId, amount.entries),
    );
    it.last = batches.at(-1)?.at(-1);
    return async () => {
      for (const batch of batches) await it.store.append(it.key, batch);
    };
  });
  const times = await interleaved(samplers, amount);
  const entriesPerSample = amount.entries * amount.perSample;
  const total = entriesPerSample * (amount.warmUp + amount.timed);
  for (const { store, key, last } of written) await expectEntries(store, key, total, last);
  const title = `append of ${amount.entries === 1 ? '1 entry' : `${amount.entries} entries`}`;
  return { title, entriesPerSample, times };
}

async function measureLoads(stores: readonly TranscriptStore[], amount: Amount): Promise<Measured> {
  const samplers: Sampler[] = [];
  for (const store of stores) {
    const key = newKey();
    let last: unknown;
    for (let count = 0; count < amount.entries; count += SEED_BATCH) {
      const batch = entriesOf(key.sessionId, SEED_BATCH);
      await store.append(key, batch);
      last = batch.at(-1);
    }
    await expectEntries(store, key, amount.entries, last);
    samplers.push(() => async () => {
      for (let i = 0; i < amount.perSample; i += 1)
        assert.equal((await store.load(key))?.length, amount.entries);
    });
  }
  for (const store of stores) await store.settle?.();
  const times = await interleaved(samplers, amount);
  const title = `load of ${amount.entries.toLocaleString('en')} entries`;
  return { title, entriesPerSample: amount.entries * amount.perSample, times };
}

/** Entries a second, with no more digits than hold. */
function entriesPerSecond(entries: number, times: readonly number[]): string {
  const rate = (entries / spreadOf(times).median) * 1_000;
  const unit = 10 ** Math.max(0, Math.floor(Math.log10(rate)) - 1);
  return (Math.round(rate / unit) * unit).toLocaleString('en');
}

function report(stores: Stores, machine: string, measured: readonly Measured[]): string {
  const names = stores.all.map(({ name }) => name);
  const ratios = measured.map(({ title, times: [base = [], ...others] }) => [
    title,
    '1',
    ...others.map((times) => spread(speedUp(base, times))),
  ]);
  const rates = measured.map(({ title, entriesPerSample, times }) => [
    title,
    ...times.map((it) => entriesPerSecond(entriesPerSample, it)),
  ]);
  return [
    'How many times as fast as Berth’s client (more is faster; median of the rounds, least and most in brackets):',
    table(['entries of 1 KB', ...names], ratios),
    'The same in entries a second, for the order of magnitude: on another machine they are others.',
    table(['entries of 1 KB', ...names], rates),
    `Measured in one run on ${machine}; ${stores.versions.join(', ')}.`,
  ].join('\n\n');
}

export const transcripts: Benchmark = {
  name: 'transcripts',
  async run({ smoke, say }) {
    const amounts = smoke ? SMOKE : FULL;
    const machine = describeMachine();
    const stores = new Stores();
    try {
      await stores.start(say);
      const measured: Measured[] = [];
      for (const amount of amounts.appends) {
        say(`appends by ${amount.entries}`);
        measured.push(await measureAppends(stores.all, amount));
      }
      for (const amount of amounts.loads) {
        say(`loads of ${amount.entries}`);
        measured.push(await measureLoads(stores.all, amount));
      }
      return report(stores, machine, measured);
    } finally {
      await stores.stop();
    }
  },
};
