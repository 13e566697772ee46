/**
 * Session ids: UUIDs of version 7 (RFC 9562), which sort by the time they were made.
 *
 * @module
 */
import { v7, validate, version } from 'uuid';
import { MAX_CLOCK_SKEW_MS } from './limits.ts';

/** How far ids may run ahead of the clock, as the library has them do where many are made at once. */
const MAX_DRIFT_MS = 1_000;

/**
 * A new id. Ids made one after the other sort so, and the library lets none be before the last: but where the
 * clock was set back, one from its future would be taken for no id of ours.
 */
export function newSessionId(): string {
  const id = v7();
  const now = Date.now();
  return sessionIdTime(id) <= now + MAX_DRIFT_MS ? id : v7({ msecs: now });
}

/** When an id was made, in milliseconds since the epoch: its first 48 bits. */
export function sessionIdTime(id: string): number {
  return Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16);
}

/**
 * The id in its canonical, lower-case form, or null where it can't be one of ours: no UUID, another
 * version, or made in the future. What is refused here need not be looked up anywhere.
 */
export function parseSessionId(text: string, now: number): string | null {
  const id = text.toLowerCase();
  if (!validate(id) || version(id) !== 7) return null;
  return sessionIdTime(id) <= now + MAX_CLOCK_SKEW_MS ? id : null;
}
