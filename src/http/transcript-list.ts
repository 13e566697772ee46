/**
 * Lists of a project's transcripts, page by page.
 *
 * @module
 */
import * as z from 'zod/mini';
import { ok, type Result } from '../contract/errors.ts';
import type { TranscriptPage } from '../contract/transcript.ts';
import type { ListPosition } from '../protocol/transcript.ts';
import { invalid } from './input.ts';
import type { Objects } from './objects.ts';

/** What is in a cursor: the last transcript of the page before. */
const Position = z.tuple([z.int().check(z.gte(0)), z.string()]);

function writeCursor({ mtime, sessionId }: ListPosition): string {
  const bytes = new TextEncoder().encode(JSON.stringify([mtime, sessionId]));
  return btoa(String.fromCodePoint(...bytes))
    .replaceAll('+', '-')
    .replaceAll('/', '_')
    .replaceAll('=', '');
}

function readCursor(cursor: string): ListPosition | null {
  try {
    const binary = atob(cursor.replaceAll('-', '+').replaceAll('_', '/'));
    const bytes = Uint8Array.from(binary, (character) => character.codePointAt(0) ?? 0);
    const parsed = Position.safeParse(JSON.parse(new TextDecoder().decode(bytes)));
    return parsed.success ? { mtime: parsed.data[0], sessionId: parsed.data[1] } : null;
  } catch {
    return null;
  }
}

/** A page of a project's transcripts, the last changed first. The cursor is where the page before ended. */
export async function listTranscripts(
  objects: Objects,
  project: string,
  limit: number,
  cursor: string | undefined,
): Promise<Result<TranscriptPage>> {
  const after = cursor === undefined ? null : readCursor(cursor);
  if (cursor !== undefined && after === null) return invalid('cursor', 'Is not one that this list gave');
  // One more than is asked for tells whether there is another page.
  const page = await objects.project(project, async (index) => ok(await index.list(after, limit + 1)));
  if (!page.ok) return page;
  const data = page.value.slice(0, limit);
  const last = data.at(-1);
  const more = page.value.length > limit && last !== undefined;
  return ok({ data, nextCursor: more ? writeCursor(last) : null });
}
