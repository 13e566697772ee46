/**
 * What requests do with transcripts: append a batch, with the session that it is activity of; stream one.
 *
 * @module
 */
import { fail, ok, type Result } from '../contract/errors.ts';
import { CLAUDE_SESSION_ID_PATTERN, MAX_APPEND_BODY_BYTES } from '../contract/limits.ts';
import { parseSessionId } from '../contract/session-id.ts';
import type { JsonObject } from '../contract/session.ts';
import type { AppendEntries, AppendResult } from '../contract/transcript.ts';
import type {
  AppendRequest,
  EntryBatch,
  EntryPage,
  OpenedReading,
  TranscriptName,
} from '../protocol/transcript.ts';
import type { Objects } from './objects.ts';

/** A summary travels with every list of its project. */
export const MAX_SUMMARY_BYTES = 64 * 1024;

const encoder = new TextEncoder();

/** Entries as they are stored: the JSON of each, end to end. */
function toBatch(entries: readonly JsonObject[]): EntryBatch {
  const bodies = entries.map((entry) => encoder.encode(JSON.stringify(entry)));
  const lengths = bodies.map((body) => body.byteLength);
  const bytes = new Uint8Array(lengths.reduce((sum, length) => sum + length, 0));
  let offset = 0;
  for (const body of bodies) {
    bytes.set(body, offset);
    offset += body.byteLength;
  }
  const uuids = entries.map(({ uuid }) => (typeof uuid === 'string' ? uuid : null));
  return { bytes, lengths, uuids };
}

/** Checks what only shows once entries are written out, and makes the request of them. */
export function appendRequest(
  name: TranscriptName,
  subpath: string | undefined,
  { entries, summary }: AppendEntries,
  idempotency: AppendRequest['idempotency'],
): Result<AppendRequest> {
  const batch = toBatch(entries);
  // Numbers can be longer written out than they came.
  if (batch.bytes.byteLength > MAX_APPEND_BODY_BYTES)
    return fail('payload_too_large', `Entries may have ${MAX_APPEND_BODY_BYTES} bytes at most.`);
  if (summary !== undefined && subpath !== undefined)
    return fail('invalid_request', 'A summary belongs to the main transcript.', {
      errors: [{ path: 'summary', message: 'Must not be given with a subpath' }],
    });
  if (summary !== undefined && encoder.encode(JSON.stringify(summary.data)).byteLength > MAX_SUMMARY_BYTES)
    return fail('invalid_request', 'The summary is too long.', {
      errors: [{ path: 'summary.data', message: `Must have at most ${MAX_SUMMARY_BYTES} bytes as JSON` }],
    });
  return ok({ name, subpath: subpath ?? '', entries: batch, summary: summary ?? null, idempotency });
}

async function append(objects: Objects, request: AppendRequest): Promise<Result<AppendResult>> {
  const repeatable = request.idempotency === null ? 'once' : 'repeatable';
  const written = await objects.transcript(request.name, repeatable, (transcript) =>
    transcript.append(request),
  );
  if (!written.ok) return written;
  if (!('current' in written.value)) return ok(written.value);
  return fail('conflict', 'The stored summary has another version.', { current: written.value.current });
}

/** Counts an append as activity of a session, and links the conversation to it where its id can be linked. */
async function touch(objects: Objects, id: string, { project, session }: TranscriptName): Promise<boolean> {
  const sessionId = parseSessionId(id, Date.now());
  if (sessionId === null) return false;
  const conversation = CLAUDE_SESSION_ID_PATTERN.test(session)
    ? { claudeSessionId: session, projectKey: project }
    : null;
  const touched = await objects
    .session(sessionId, 'once', (stub) => stub.touch(0, null, conversation))
    .catch(() => null);
  return touched?.ok === true;
}

/** Appends, and touches beside it; neither waits for the other, and the append holds whatever the touch does. */
export async function appendEntries(
  objects: Objects,
  request: AppendRequest,
  touchedSession: string | undefined,
): Promise<Result<AppendResult>> {
  if (touchedSession === undefined) return append(objects, request);
  const [written, touched] = await Promise.all([
    append(objects, request),
    touch(objects, touchedSession, request.name),
  ]);
  return written.ok ? ok({ ...written.value, touched }) : written;
}

/**
 * The entries of a reading as a stream of NDJSON. It is fetched page by page as it is read, and breaks off
 * with an error where the transcript is deleted meanwhile: an answer that ends well is whole.
 */
export function streamEntries(
  objects: Objects,
  name: TranscriptName,
  { reading, first }: OpenedReading,
): ReadableStream<Uint8Array> {
  let page: EntryPage = first;
  let started = false;
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        if (started && page.last < reading.total) {
          const { last } = page;
          const next = await objects.transcript(name, 'repeatable', async (transcript) =>
            ok(await transcript.page(reading, last)),
          );
          if (!next.ok || next.value === null || next.value.last === last)
            return controller.error(new Error('The transcript was deleted, or cannot be read'));
          page = next.value;
        }
        started = true;
        if (page.bytes.byteLength > 0) controller.enqueue(page.bytes);
        if (page.last >= reading.total) controller.close();
      },
    },
    // One page at a time: the next is fetched when this one has been taken.
    { highWaterMark: 0 },
  );
}
