/**
 * Runs the end-to-end tests: `npm run test:e2e -- [what vitest takes]`. Where a network namespace can be had,
 * it is one with nothing but a loopback, so that whatever the real Claude Code program tries stays here.
 *
 * @module
 */
import { spawnSync } from 'node:child_process';
import { join, resolve } from 'node:path';

const ROOT = resolve(import.meta.dirname, '../..');
const VITEST = join(ROOT, 'node_modules/vitest/vitest.mjs');
const LOOPBACK_UP = 'ip link set lo up';

/** What a command is to be run with to see no network; null where that is not allowed. */
function isolation(): string[] | null {
  const ways = [
    ['unshare', '--net'],
    ['unshare', '--map-root-user', '--net'],
  ];
  return (
    ways.find(
      ([command = '', ...args]) => spawnSync(command, [...args, 'sh', '-c', LOOPBACK_UP]).status === 0,
    ) ?? null
  );
}

const test = [process.execPath, VITEST, 'run', '--config', join(import.meta.dirname, 'vitest.config.ts')];
const wanted = process.argv.slice(2);
const isolated = isolation();
process.stdout.write(
  isolated === null
    ? 'No network namespace may be made here: running without.\n'
    : 'Running with no network.\n',
);
const [command = '', ...args] =
  isolated === null
    ? [...test, ...wanted]
    : [...isolated, 'sh', '-c', `${LOOPBACK_UP} && exec "$@"`, 'sh', ...test, ...wanted];
const { status } = spawnSync(command, args, { cwd: ROOT, stdio: 'inherit' });
process.exitCode = status ?? 1;
