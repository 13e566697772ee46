/**
 * Runs the end-to-end tests: `npm run test:e2e -- [what vitest takes]`. Where a network namespace can be had,
 * it is one with nothing but a loopback, so that whatever the real Claude Code program tries stays here.
 *
 * @module
 */
import { spawnSync } from 'node:child_process';
import { join, resolve } from 'node:path';

const ROOT = resolve(import.meta.dirname, '../..');
const TSC = join(ROOT, 'node_modules/.bin/tsc');
const OXLINT = join(ROOT, 'node_modules/.bin/oxlint');
const VITEST = join(ROOT, 'node_modules/.bin/vitest');
const LOOPBACK_UP = 'ip link set lo up';

/** Ways to a network of one's own: as root, and as a user who becomes one. */
const ISOLATIONS = [
  ['unshare', '--net'],
  ['unshare', '--map-root-user', '--net'],
];

/** Runs a program with what it prints in sight. Answers its exit code. */
function run(command: string[]): number {
  const [program = '', ...args] = command;
  return spawnSync(program, args, { cwd: ROOT, stdio: 'inherit' }).status ?? 1;
}

const isAllowed = ([program = '', ...args]: string[]): boolean =>
  spawnSync(program, [...args, 'sh', '-c', LOOPBACK_UP]).status === 0;

/** The same command where there is no network but the loopback, or as it is where that is not allowed. */
function isolated(command: string[]): string[] {
  const isolation = ISOLATIONS.find(isAllowed);
  const way = isolation === undefined ? 'with the network, as none may be made here' : 'with no network';
  process.stdout.write(`Running ${way}.\n`);
  if (isolation === undefined) return command;
  return [...isolation, 'sh', '-c', `${LOOPBACK_UP} && exec "$@"`, 'sh', ...command];
}

// What the types promise of the SDK's is a test like the others, and the compiler judges it.
const types = run([TSC, '-p', import.meta.dirname]);
// The linter needs the types of these packages, which the root's own run of it does not have.
const lint = run([OXLINT, '--type-aware', '--deny-warnings', 'test/e2e', 'examples']);
const config = join(import.meta.dirname, 'vitest.config.ts');
const tests = run(isolated([VITEST, 'run', '--config', config, ...process.argv.slice(2)]));
process.exitCode = types || lint || tests;
