/**
 * What is in the data folder of a server.
 *
 * @module
 */
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';

const DATABASE = /^[\da-f]{64}\.sqlite$/;

export interface DataFiles {
  /** Objects that have a file, by the class's name: `SessionObject`. */
  readonly objects: ReadonlyMap<string, number>;
  /** All there is, megabytes. */
  readonly megabytes: number;
}

export const sessionFilesIn = (data: string): number => dataFilesOf(data).objects.get('SessionObject') ?? 0;

export function dataFilesOf(data: string): DataFiles {
  const objects = new Map<string, number>();
  let bytes = 0;
  for (const entry of readdirSync(join(data, 'objects'), { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    bytes += sizeOf(join(entry.parentPath, entry.name));
    const name = entry.parentPath.split('-').at(-1) ?? '';
    if (DATABASE.test(entry.name)) objects.set(name, (objects.get(name) ?? 0) + 1);
  }
  return { objects, megabytes: bytes / 2 ** 20 };
}

/** A log of SQLite's is gone when its database is closed. */
const sizeOf = (path: string): number => statSync(path, { throwIfNoEntry: false })?.size ?? 0;
