/**
 * A soak: `npm run soak -- [--minutes NUMBER] [--smoke] [--write]`.
 *
 * An hour's worth of mixed load on `npm run serve`, squeezed into five minutes by short timeouts: memory levels
 * off, nothing is left open, every count is exact, no answer is an error that was not to be. It ends with 1
 * where anything of that does not hold. `--write` puts the results into docs/benchmarks.md. `--smoke` sees in
 * seconds that all still works: it does not judge memory.
 *
 * @module
 */
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { describeMachine } from '../bench/support/machine.ts';
import { writeBetweenMarkers } from '../bench/support/markdown.ts';
import { full, SMOKE, type Amounts } from './amounts.ts';
import { soak } from './soak.ts';

const DOCUMENT = resolve(import.meta.dirname, '../../docs/benchmarks.md');
const DEFAULT_MINUTES = '5';
/** Lines of what was strange that are shown. */
const MAX_SHOWN = 30;

const say = (text: string): void =>
  void process.stderr.write(`soak: ${(performance.now() / 1_000).toFixed(1)} s: ${text}\n`);

function amountsOf(given: string, smoke: boolean): Amounts {
  if (smoke) return SMOKE;
  const minutes = Number(given);
  if (!(minutes > 0)) throw new Error(`--minutes must be a number above 0, not "${given}"`);
  return full(minutes);
}

// Only an exit that takes place here has the server stopped and the folder deleted.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => process.exit(1));

if (!existsSync('/proc/self/fd'))
  throw new Error('What a process holds is read from /proc, as Linux has it: there is none here');
const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: DEFAULT_MINUTES },
    smoke: { type: 'boolean', default: false },
    write: { type: 'boolean', default: false },
  },
});
if (values.smoke && values.write) throw new Error('The figures of a smoke run are not to be written down');
const machine = describeMachine();
const { promises, report, strange } = await soak(amountsOf(values.minutes, values.smoke), say);
const text = `${report}\n\nMeasured on ${machine}; Node ${process.versions.node}.`;
process.stdout.write(`\n${text}\n`);
for (const line of strange.slice(0, MAX_SHOWN)) process.stderr.write(`! ${line}\n`);
if (strange.length > MAX_SHOWN) process.stderr.write(`! … ${strange.length - MAX_SHOWN} more\n`);
if (values.write) await writeBetweenMarkers(DOCUMENT, 'soak', text, 'npm run soak -- --write');
if (promises.some(({ held }) => !held)) {
  process.stderr.write('Not all promises were kept.\n');
  process.exitCode = 1;
}
