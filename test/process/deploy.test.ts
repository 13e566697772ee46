import { execFile } from 'node:child_process';
import { chmod, mkdir, mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { describe, expect, test } from 'vitest';
import { temporaryFolder } from './server.ts';

const SCRIPT = resolve(import.meta.dirname, '../../scripts/deploy.ts');
const SHIPPED = resolve(import.meta.dirname, '../../wrangler.toml');

const CLOSED = 'name = "berth"\ncompatibility_date = "2026-11-01"\n[vars]\nAUTH = "required"\n';
const OPEN = CLOSED.replace('required', 'off');
const STAGING = `${CLOSED}\n[env.staging.vars]\nAUTH = "off"\n[env.production.vars]\nAUTH = "required"\n`;

const folder = await temporaryFolder();

interface Outcome {
  readonly code: number;
  readonly errors: string;
  /** What wrangler was called with, where it was. */
  readonly deployed: readonly string[] | null;
}

/** Runs the script where a wrangler stands in that only notes down what it is asked. */
async function deploy(
  files: Record<string, string>,
  argv: readonly string[] = [],
  env = {},
): Promise<Outcome> {
  const cwd = await mkdtemp(join(folder, 'project-'));
  const [bin, calls] = [join(cwd, 'bin'), join(cwd, 'calls')];
  await mkdir(bin);
  await writeFile(join(bin, 'wrangler'), `#!/bin/sh\nprintf '%s\\n' "$@" > '${calls}'\n`);
  await chmod(join(bin, 'wrangler'), 0o755);
  for (const [name, text] of Object.entries(files)) await writeFile(join(cwd, name), text);
  const { code, errors } = await new Promise<{ code: number; errors: string }>((done) => {
    const child = execFile(
      process.execPath,
      [SCRIPT, ...argv],
      { cwd, env: { NODE_NO_WARNINGS: '1', PATH: `${bin}:/usr/bin:/bin`, HOME: cwd, ...env } },
      (_, __, text) => done({ code: child.exitCode ?? -1, errors: text }),
    );
  });
  const noted = await readFile(calls, 'utf8').catch(() => null);
  return { code, errors, deployed: noted?.split('\n').slice(0, -1) ?? null };
}

describe('AUTH=off is not deployed', () => {
  test.each<[where: string, files: Record<string, string>, argv: string[], named: string, env?: object]>([
    ['in the file', { 'wrangler.toml': OPEN }, [], '[vars]'],
    [
      'in another file',
      { 'wrangler.toml': CLOSED, 'other.toml': OPEN },
      ['--config', 'other.toml'],
      '[vars]',
    ],
    [
      'in another file, for short',
      { 'wrangler.toml': CLOSED, 'other.toml': OPEN },
      ['-c', 'other.toml'],
      '[vars]',
    ],
    ['in the environment', { 'wrangler.toml': STAGING }, ['--env', 'staging'], '[env.staging.vars]'],
    [
      'in the environment that is set',
      { 'wrangler.toml': STAGING },
      [],
      'staging',
      { CLOUDFLARE_ENV: 'staging' },
    ],
    ['on the command line, as one', { 'wrangler.toml': CLOSED }, ['--var=AUTH:off'], 'the command line'],
    [
      'among others',
      { 'wrangler.toml': CLOSED },
      ['--var', 'A:b', 'AUTH:off', '--minify'],
      'the command line',
    ],
  ])('%s', async (_, files, argv, named, env = {}) => {
    const { code, errors, deployed } = await deploy(files, argv, env);
    expect(deployed).toBeNull();
    expect(code).toBe(1);
    expect(errors).toContain(named);
    expect(errors).toContain('Not deployed');
  });
});

test.each([[['--cwd', 'other']], [['--cwd=other']], [['--minify', '--cwd', 'other', '--env', '']]])(
  'another folder than that which was checked is not deployed: %j',
  async (argv) => {
    const { code, errors, deployed } = await deploy({ 'wrangler.toml': CLOSED }, argv);
    expect(deployed).toBeNull();
    expect(code).toBe(1);
    expect(errors).toContain('--cwd is not taken');
    expect(errors).toContain('Not deployed');
  },
);

describe('what asks for tokens is deployed, as it was checked:', () => {
  test.each<[what: string, files: Record<string, string>, argv: string[]]>([
    ['an environment beside one that is open', { 'wrangler.toml': STAGING }, ['--env', 'production']],
    ['the top level beside an environment that is open', { 'wrangler.toml': STAGING }, []],
    ['with options of wrangler’s own', { 'wrangler.toml': CLOSED }, ['--dry-run', '--var', 'MAX_SESSIONS:5']],
  ])('%s', async (_, files, argv) => {
    const { code, errors, deployed } = await deploy(files, argv);
    expect({ code, errors }).toEqual({ code: 0, errors: '' });
    expect(deployed?.[0]).toBe('deploy');
    expect(deployed).toEqual(expect.arrayContaining(argv));
  });

  test('by the file that was read, though wrangler would find another one first', async () => {
    const files = {
      'wrangler.toml': CLOSED,
      'wrangler.json': JSON.stringify({ name: 'x', vars: { AUTH: 'off' } }),
    };
    const { deployed } = await deploy(files);
    expect(deployed).toEqual(['deploy', '--config', 'wrangler.toml', '--env', '']);
  });

  test('the environment that was checked, though a file names another one', async () => {
    const { deployed } = await deploy({ 'wrangler.toml': STAGING, '.env': 'CLOUDFLARE_ENV=staging\n' });
    expect(deployed?.slice(-2)).toEqual(['--env', '']);
  });
});

test('the file that comes with the project asks for tokens', async () => {
  const { code, deployed } = await deploy({}, ['--config', SHIPPED]);
  expect({ code, first: deployed?.[0] }).toEqual({ code: 0, first: 'deploy' });
});
