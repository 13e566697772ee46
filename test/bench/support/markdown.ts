/**
 * Results as Markdown, and their place in a document.
 *
 * @module
 */
import { readFile, writeFile } from 'node:fs/promises';
import { format, resolveConfig } from 'prettier';
import type { Spread } from './interleaved.ts';

/** The first column is text, the others are figures. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map((_, i) => (i === 0 ? '---' : '--:'))), ...rows.map(line)].join('\n');
}

/** Two digits that mean something: 0.42, 1.3, 18. */
const ratio = (value: number): string => value.toFixed(value < 1 ? 2 : value < 10 ? 1 : 0);

/** `1.3 (1.1–1.6)` */
export const spread = ({ median, min, max }: Spread, text = ratio): string =>
  `${text(median)} (${text(min)}–${text(max)})`;

const begin = (command: string): string => `<!-- begin: ${command} -->`;
const end = (name: string): string => `<!-- end: ${name} -->`;

/** Replaces what stands between the markers of a benchmark, and of the command that writes it, in a document. */
export async function writeBetweenMarkers(
  path: string,
  name: string,
  report: string,
  command = `npm run bench -- ${name} --write`,
): Promise<void> {
  const document = await readFile(path, 'utf8');
  const [before, rest] = document.split(begin(command));
  const after = rest?.split(end(name))[1];
  if (before === undefined || after === undefined) throw new Error(`${path} has no markers for ${name}`);
  const changed = `${before}${begin(command)}\n\n${report}\n\n${end(name)}${after}`;
  await writeFile(path, await format(changed, { ...(await resolveConfig(path)), filepath: path }));
}
