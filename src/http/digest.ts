/**
 * Digests of JSON values.
 *
 * @module
 */
import { sha256 } from '../protocol/sha256.ts';

/** The value with the keys of every object in order, as tagged lists, so that equal values are written alike. */
function canonical(value: unknown): unknown {
  if (Array.isArray(value)) return ['array', ...value.map(canonical)];
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return ['object', ...entries.map(([key, inner]) => [key, canonical(inner)])];
}

/** SHA-256 of a JSON value in lower-case hex; the order of keys makes no difference. */
export function digest(value: unknown): Promise<string> {
  return sha256(JSON.stringify(canonical(value)));
}
