/**
 * Lists of sessions, page by page.
 *
 * @module
 */
import { ok, type Result } from '../contract/errors.ts';
import { labelsOf, type ListQuery } from '../contract/queries.ts';
import { parseSessionId } from '../contract/session-id.ts';
import type { SessionPage, SessionStatus } from '../contract/session.ts';
import { digest } from './digest.ts';
import { invalid } from './input.ts';
import type { Objects } from './objects.ts';

const ALL: readonly SessionStatus[] = ['active', 'expired', 'ended'];

/** Hex digits of the digest in a cursor that ties it to its list. */
const TAG_LENGTH = 16;

/**
 * A page of a list, newest first. The cursor is the last id of the page before and a digest of the list's
 * filters and tenant: what was made for another list is refused, not misread.
 */
export async function listSessions(
  objects: Objects,
  tenant: string,
  query: ListQuery,
): Promise<Result<SessionPage>> {
  const { status, model, claudeSessionId, limit, cursor } = query;
  // In order of their names: a client may write the same query in another order for the next page.
  const labels = labelsOf(query).toSorted(([a], [b]) => (a < b ? -1 : 1));
  const tag = (await digest([tenant, status, model ?? null, claudeSessionId ?? null, labels])).slice(
    0,
    TAG_LENGTH,
  );
  const before = cursor === undefined ? undefined : readCursor(cursor, tag);
  if (before === null) return invalid('cursor', 'Is not one that this list gave');
  const page = await objects.registry(async (registry) =>
    ok(
      await registry.list({
        statuses: status === 'all' ? ALL : [status],
        labels,
        // One more than is asked for tells whether there is another page.
        limit: limit + 1,
        ...(model === undefined ? {} : { model }),
        ...(claudeSessionId === undefined ? {} : { claudeSessionId }),
        ...(before === undefined ? {} : { before }),
      }),
    ),
  );
  if (!page.ok) return page;
  const data = page.value.slice(0, limit);
  const last = data.at(-1);
  const more = page.value.length > limit && last !== undefined;
  return ok({ data, nextCursor: more ? `${last.sessionId}.${tag}` : null });
}

function readCursor(cursor: string, tag: string): string | null {
  const [id = '', rest, ...others] = cursor.split('.');
  if (rest !== tag || others.length > 0) return null;
  return parseSessionId(id, Number.MAX_SAFE_INTEGER / 2);
}
