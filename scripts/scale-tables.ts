/**
 * Writes the tables of docs/scale.md anew: `npm run scale-tables`. A test holds that they are those of the models.
 *
 * @module
 */
import { readFile, writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { format, resolveConfig } from 'prettier';
import { TABLES, between, markersOf } from '../test/scale/tables.ts';

const DOCUMENT = resolve(import.meta.dirname, '../docs/scale.md');

let document = await readFile(DOCUMENT, 'utf8');
for (const [name, table] of Object.entries(TABLES)) {
  const [begin, end] = markersOf(name);
  document = document.replace(
    `${begin}${between(document, name)}${end}`,
    () => `${begin}\n\n${table()}\n\n${end}`,
  );
}
await writeFile(DOCUMENT, await format(document, { ...(await resolveConfig(DOCUMENT)), filepath: DOCUMENT }));
