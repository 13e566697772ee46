/**
 * A model of a design that is not built (docs/scale.md): which shard a session belongs to, and a list over all
 * of them.
 *
 * @module
 */
import { newSessionId, sessionIdTime } from '../../src/contract/session-id.ts';

/** From when on new sessions are spread over so many shards. Times in milliseconds since the epoch. */
export interface Division {
  readonly from: number;
  readonly shards: number;
}

/** The last 16 bits of an id, which are random. */
const CHOICE_DIGITS = 4;

/**
 * The shard of a session, by its id and a list that only grows at its end: what was chosen once stays so. An id
 * carries the time at which it was made, and so which division it was made under.
 */
export function shardOf(sessionId: string, divisions: readonly Division[]): number {
  const time = sessionIdTime(sessionId);
  const shards = divisions.findLast(({ from }) => from <= time)?.shards ?? 1;
  return Number.parseInt(sessionId.slice(-CHOICE_DIGITS), 16) % shards;
}

/** A new id that belongs to a shard: to one that has room, or to that of an idempotency key. */
export function newSessionIdIn(shard: number, shards: number): string {
  const id = newSessionId();
  const choice = Number.parseInt(id.slice(-CHOICE_DIGITS), 16);
  const chosen = (choice - (choice % shards) + shard) % 2 ** (4 * CHOICE_DIGITS);
  return id.slice(0, -CHOICE_DIGITS) + chosen.toString(16).padStart(CHOICE_DIGITS, '0');
}

/** A page of a list: from each shard as many as the page holds, the newest of them all, in order. */
export function page(
  shards: readonly (readonly string[])[],
  limit: number,
  before: string | null,
): { readonly data: readonly string[]; readonly next: string | null } {
  const after = (ids: readonly string[]) => ids.filter((id) => before === null || id < before);
  const newest = (ids: readonly string[]) => ids.toSorted().toReversed();
  const found = newest(shards.flatMap((ids) => newest(after(ids)).slice(0, limit + 1)));
  const data = found.slice(0, limit);
  return { data, next: found.length > limit ? (data.at(-1) ?? null) : null };
}
