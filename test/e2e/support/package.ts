/**
 * A project that has Berth installed as its users have it, from the package.
 *
 * @module
 */
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readdir, symlink, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const ROOT = resolve(import.meta.dirname, '../../..');
const SDK_SCOPE = resolve(import.meta.dirname, '../node_modules/@anthropic-ai');

/** Makes the package, and a project in a new folder that has it and the SDK. */
export async function installPackage(folder: string): Promise<string> {
  const modules = join(folder, 'node_modules');
  const target = join(modules, 'berth');
  await mkdir(target, { recursive: true });
  await run('npm', ['pack', '--pack-destination', folder], { cwd: ROOT });
  const tarball = (await readdir(folder)).find((name) => name.endsWith('.tgz')) ?? '';
  await run('tar', ['-xzf', join(folder, tarball), '-C', target, '--strip-components=1']);
  await symlink(SDK_SCOPE, join(modules, '@anthropic-ai'));
  await writeFile(join(folder, 'package.json'), JSON.stringify({ type: 'module' }));
  return folder;
}

/** Runs a program in a folder. Answers what it printed. */
export async function runProgram(
  path: string,
  args: readonly string[],
  options: { cwd: string; env: Record<string, string> },
): Promise<string> {
  const child = spawn(process.execPath, [path, ...args], { ...options, stdio: ['ignore', 'pipe', 'pipe'] });
  let [output, errors] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (text: string) => void (output += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => void (errors += text));
  const [code] = (await once(child, 'close')) as [number | null];
  if (code !== 0) throw new Error(`${path} ended with ${code}:\n${errors}`);
  return output;
}
