/**
 * How new sources are, for what is built from them only when they have changed.
 *
 * @module
 */
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';

/** When the newest of files, and of all below folders, was changed; milliseconds since the epoch. */
export async function changedAt(paths: readonly string[]): Promise<number> {
  const times = paths.map(async (path) => {
    const entries = await readdir(path, { recursive: true, withFileTypes: true }).catch(() => []);
    const all = [path, ...entries.map(({ parentPath, name }) => join(parentPath, name))];
    return Math.max(...(await Promise.all(all.map(async (it) => (await stat(it)).mtimeMs))));
  });
  return Math.max(...(await Promise.all(times)));
}
