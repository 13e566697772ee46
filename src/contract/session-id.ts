/**
 * Session ids: UUIDs of version 7 (RFC 9562), which sort by the time they were made.
 *
 * @module
 */
import { v7, validate, version } from 'uuid';
import { MAX_CLOCK_SKEW_MS } from './limits.ts';

/** A new id. */
export const newSessionId = (): string => v7();

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
