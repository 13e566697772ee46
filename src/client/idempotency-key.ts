/**
 * Keys under which a request can be repeated.
 *
 * @module
 */

const KEY_BYTES = 16;

/** A new key: 128 random bits in hex. `randomUUID` is missing on pages that came over plain HTTP. */
export function newIdempotencyKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(KEY_BYTES));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}
