/**
 * Batches of entries, cut so that each fits into a request.
 *
 * @module
 */
import { PayloadTooLargeError } from '../client/errors.ts';
import { MAX_APPEND_BODY_BYTES, MAX_APPEND_ENTRIES } from '../contract/limits.ts';
import type { SessionStoreEntry } from './session-store.ts';

/** How much a request holds, about: little enough to arrive in time over a slow line. */
const REQUEST_BYTES = 4 * 1024 * 1024;
/** What a body may have beside its entries: a summary (64 KiB at most) and the brackets. */
const BESIDE_ENTRIES_BYTES = 128 * 1024;
/** The largest entry that fits into a request, which it then has for itself. */
export const MAX_ENTRY_BYTES = MAX_APPEND_BODY_BYTES - BESIDE_ENTRIES_BYTES;

const encoder = new TextEncoder();

/**
 * Cuts a batch into consecutive parts of about 4 MiB of JSON, and no more entries than a request may have.
 *
 * @throws {@link PayloadTooLargeError} for an entry that fits into no request.
 */
export function splitBatch(entries: readonly SessionStoreEntry[]): SessionStoreEntry[][] {
  const parts: SessionStoreEntry[][] = [];
  let part: SessionStoreEntry[] = [];
  let size = 0;
  for (const [i, entry] of entries.entries()) {
    const bytes = encoder.encode(JSON.stringify(entry)).byteLength + 1;
    if (bytes > MAX_ENTRY_BYTES)
      throw new PayloadTooLargeError(
        'payload_too_large',
        `Entry ${i + 1} of ${entries.length} (${entry.type}) has ${bytes} bytes of JSON, where ` +
          `${MAX_ENTRY_BYTES} can be stored; nothing of the batch was.`,
      );
    const isFull = part.length === MAX_APPEND_ENTRIES || size + bytes > REQUEST_BYTES;
    if (part.length > 0 && isFull) {
      parts.push(part);
      part = [];
      size = 0;
    }
    part.push(entry);
    size += bytes;
  }
  if (part.length > 0) parts.push(part);
  return parts;
}
