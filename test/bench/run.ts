/**
 * Runs the benchmarks: `npm run bench -- [--smoke] [--write] [name…]`, all of them where none is named.
 *
 * `--write` puts the results into docs/benchmarks.md. `--smoke` only sees, in seconds, that all still works: its
 * figures mean nothing.
 *
 * @module
 */
import { spawnSync } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import type { Benchmark } from './support/benchmark.ts';
import { writeBetweenMarkers } from './support/markdown.ts';
import { requests } from './requests.ts';
import { size } from './size.ts';
import { transcripts } from './transcripts.ts';
import { viewers } from './viewers.ts';

const ROOT = resolve(import.meta.dirname, '../..');
const DOCUMENT = join(ROOT, 'docs/benchmarks.md');
const BENCHMARKS: readonly Benchmark[] = [requests, viewers, size, transcripts];

/** Checks types and lint of the benchmarks, which the root's own checks leave out, for their packages. */
function checkSources(): void {
  const checks = [
    ['tsc', '-p', 'test/bench'],
    ['tsc', '-p', 'test/bench/workers'],
    ['oxlint', '--type-aware', '--deny-warnings', 'test/bench'],
  ] as const;
  for (const [program, ...args] of checks) {
    const path = join(ROOT, 'node_modules/.bin', program);
    if (spawnSync(path, args, { cwd: ROOT, stdio: 'inherit' }).status !== 0)
      throw new Error(`The benchmarks' own sources do not pass ${program}`);
  }
}

// Only an exit that takes place here has the servers stopped and the folders deleted.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => process.exit(1));

const { values, positionals } = parseArgs({
  options: { smoke: { type: 'boolean', default: false }, write: { type: 'boolean', default: false } },
  allowPositionals: true,
});
const { smoke, write } = values;
if (smoke && write) throw new Error('The figures of a smoke run are not to be written down');
const unknown = positionals.filter((name) => BENCHMARKS.every((benchmark) => benchmark.name !== name));
if (unknown.length > 0)
  throw new Error(
    `There is no benchmark ${unknown.join(', ')}: ${BENCHMARKS.map(({ name }) => name).join(', ')}`,
  );

if (smoke) checkSources();
for (const benchmark of BENCHMARKS) {
  if (positionals.length > 0 && !positionals.includes(benchmark.name)) continue;
  const report = await benchmark.run({
    smoke,
    say: (text) => process.stderr.write(`${benchmark.name}: ${text}\n`),
    draw: async (file, svg) => {
      if (write) await writeFile(join(dirname(DOCUMENT), file), svg);
    },
  });
  process.stdout.write(`\n${report}\n`);
  if (write) await writeBetweenMarkers(DOCUMENT, benchmark.name, report);
}
