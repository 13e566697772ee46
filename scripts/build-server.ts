/**
 * Builds what `npm start` and `npm run serve` serve, into `dist/server`: the bundle that a deploy would upload.
 * Does nothing while that is as new as its sources, so that a server starts at once.
 *
 * @module
 */
import { existsSync } from 'node:fs';
import { mkdir, readdir, rename, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { changedAt } from './changed-at.ts';
import { buildWorker } from './workerd.ts';

const ROOT = resolve(import.meta.dirname, '..');
const FOLDER = join(ROOT, 'dist/server');
/** What a change in makes the bundle old. */
const INPUTS = [
  'src',
  'wrangler.toml',
  'package.json',
  'package-lock.json',
  'scripts/build-page.ts',
  'scripts/workerd.ts',
  'scripts/workerd-config.ts',
];
const UNFINISHED = 'unfinished-';

/** The folder of Berth's bundle as its sources are now, which is built if it isn't there. */
export async function berthBundle(): Promise<string> {
  const changed = await changedAt(INPUTS.map((path) => join(ROOT, path)));
  const version = changed.toFixed(0);
  const bundle = join(FOLDER, version);
  if (existsSync(bundle)) return bundle;
  // Who serves it may be someone else than who builds it, so that it is no temporary folder.
  const made = join(FOLDER, `${UNFINISHED}${process.pid}`);
  try {
    await mkdir(made, { recursive: true });
    await buildWorker(made);
    // Whole or not at all. Another process may have been faster, with the same.
    await rename(made, bundle).catch((error: unknown) => {
      if (!existsSync(bundle)) throw error;
    });
  } finally {
    await rm(made, { recursive: true, force: true });
  }
  const others = (await readdir(FOLDER)).filter((name) => name !== version && !name.startsWith(UNFINISHED));
  for (const name of others) await rm(join(FOLDER, name), { recursive: true, force: true });
  return bundle;
}

if (process.argv[1] !== undefined && resolve(process.argv[1]) === import.meta.filename) await berthBundle();
