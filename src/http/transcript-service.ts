/**
 * What requests do with transcripts: append a batch, with the session that it is activity of; stream one.
 *
 * @module
 */
import { fail, ok, type Result } from '../contract/errors.ts';
import { CLAUDE_SESSION_ID_PATTERN, MAX_SUMMARY_BYTES } from '../contract/limits.ts';
import { parseSessionId } from '../contract/session-id.ts';
import { byteLength, type JsonObject, type Session } from '../contract/session.ts';
import type { AppendEntries, AppendResult } from '../contract/transcript.ts';
import type {
  AppendRequest,
  EntryBatch,
  EntryPage,
  Reading,
  TranscriptName,
} from '../protocol/transcript.ts';
import { partsOf, type SessionRepresentation } from '../protocol/session-representation.ts';
import { within } from '../protocol/within.ts';
import { sha256 } from '../protocol/sha256.ts';
import { digest } from './digest.ts';
import { sliceEntries } from './entry-slices.ts';
import type { Objects } from './objects.ts';

/** How long an append that is stored waits for its touch. */
const TOUCH_WAIT_MS = 2_000;
/** What an entry is known by is stored beside it, twice: a longer uuid is known by its digest. */
const MAX_KNOWN_BY_CHARACTERS = 128;

const [NEWLINE, CARRIAGE_RETURN, SPACE] = [0x0a, 0x0d, 0x20];

/** As JSON, which begins with a quote as no digest does, and has lone surrogates escaped, as SQL may not. */
async function knownBy({ uuid }: JsonObject): Promise<string | null> {
  if (typeof uuid !== 'string') return null;
  const text = JSON.stringify(uuid);
  return text.length <= MAX_KNOWN_BY_CHARACTERS ? text : `sha256:${await digest(uuid)}`;
}

/** Entries as they are stored: the JSON of each, on one line, end to end. */
async function toBatch(body: Uint8Array, entries: readonly JsonObject[]): Promise<EntryBatch> {
  const slices = sliceEntries(body);
  if (slices.length !== entries.length)
    throw new Error('The entries in the body are not those that were parsed');
  const lengths = slices.map(([start, end]) => end - start);
  const bytes = new Uint8Array(lengths.reduce((sum, length) => sum + length, 0));
  let offset = 0;
  for (const [start, end] of slices) {
    bytes.set(body.subarray(start, end), offset);
    offset += end - start;
  }
  // Where JSON has a line break, it is whitespace: in a string it would be escaped.
  for (const lineBreak of [NEWLINE, CARRIAGE_RETURN])
    for (let at = bytes.indexOf(lineBreak); at >= 0; at = bytes.indexOf(lineBreak, at)) bytes[at] = SPACE;
  return { bytes, lengths, uuids: await Promise.all(entries.map(knownBy)) };
}

/** Checks what the schema cannot, and makes the request of a body that it has checked. */
export async function appendRequest(
  name: TranscriptName,
  subpath: string | undefined,
  { entries, summary }: AppendEntries,
  body: Uint8Array,
  key: string | null,
): Promise<Result<AppendRequest>> {
  if (summary !== undefined && subpath !== undefined)
    return fail('invalid_request', 'A summary belongs to the main transcript.', {
      errors: [{ path: 'summary', message: 'Must not be given with a subpath' }],
    });
  if (summary !== undefined && byteLength(JSON.stringify(summary.data)) > MAX_SUMMARY_BYTES)
    return fail('invalid_request', 'The summary is too long.', {
      errors: [{ path: 'summary.data', message: `Must have at most ${MAX_SUMMARY_BYTES} bytes as JSON` }],
    });
  return ok({
    name,
    subpath: subpath ?? '',
    entries: await toBatch(body, entries),
    summary: summary ?? null,
    idempotency: key === null ? null : { key, bodyDigest: await sha256(body) },
  });
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

/** A call on a session that an append should not fail for, nor wait for long; null where it failed. */
async function aside(call: Promise<Result<SessionRepresentation>>): Promise<Session | null> {
  const read = call.then((outcome) =>
    outcome.ok ? (JSON.parse(partsOf(outcome.value).json) as Session) : null,
  );
  return within(TOUCH_WAIT_MS, read).catch(() => null);
}

/**
 * Appends, and counts it as activity of a session beside that: neither waits for the other, and the append
 * holds whatever comes of the touch. What was stored is then linked to the session, where its id can be and
 * is not yet.
 */
export async function appendEntries(
  objects: Objects,
  request: AppendRequest,
  touchedSession: string | undefined,
): Promise<Result<AppendResult>> {
  if (touchedSession === undefined) return append(objects, request);
  const id = parseSessionId(touchedSession, Date.now());
  const touching = id === null ? null : aside(objects.session(id, 'once', (stub) => stub.touch(0, null)));
  const written = await append(objects, request);
  if (!written.ok) return written;
  const touched = await touching;
  const { project: projectKey, session: claudeSessionId } = request.name;
  const isLinked = touched?.claudeSessionId === claudeSessionId && touched.projectKey === projectKey;
  if (id !== null && touched !== null && !isLinked && CLAUDE_SESSION_ID_PATTERN.test(claudeSessionId))
    await aside(
      objects.session(id, 'repeatable', (stub) => stub.link({ claudeSessionId, projectKey }, null)),
    );
  return ok({ ...written.value, touched: touched !== null });
}

/** A page that has come here whole, so that its object need not wait for a slow reader. */
interface HeldPage {
  readonly bytes: ArrayBuffer;
  readonly last: number;
}

const held = async ({ body, last }: EntryPage): Promise<HeldPage> => ({
  bytes: await new Response(body).arrayBuffer(),
  last,
});

/** A reading that has begun. */
export interface BegunReading {
  readonly reading: Reading;
  readonly first: HeldPage;
}

/** Begins to read a transcript, or one of its subpaths, after entry number `after`. */
export function beginReading(
  objects: Objects,
  name: TranscriptName,
  subpath: string | undefined,
  after: number,
): Promise<Result<BegunReading>> {
  return objects.transcript(name, 'repeatable', async (transcript) => {
    const opened = await transcript.open(subpath ?? '', after);
    return opened === null
      ? fail('transcript_not_found', 'Nothing was ever written here.')
      : ok({ reading: opened.reading, first: await held(opened.first) });
  });
}

/**
 * The entries of a reading as a stream of NDJSON. It is fetched page by page as it is read, and breaks off
 * with an error where the transcript is deleted meanwhile: an answer that ends well is whole.
 */
export function streamEntries(
  objects: Objects,
  name: TranscriptName,
  begun: BegunReading,
): ReadableStream<Uint8Array> {
  // It has no queue: the next page is fetched when this one has been taken.
  const { readable, writable } = new IdentityTransformStream();
  const writer = writable.getWriter();
  // Whoever reads has the error; whoever has left needs none.
  writePages(objects, name, begun, writer).catch((error: unknown) =>
    writer.abort(error).catch(() => undefined),
  );
  return readable;
}

async function writePages(
  objects: Objects,
  name: TranscriptName,
  { reading, first }: BegunReading,
  writer: WritableStreamDefaultWriter<ArrayBuffer>,
): Promise<void> {
  let { bytes, last } = first;
  for (;;) {
    if (bytes.byteLength > 0) await writer.write(bytes);
    // Gives the memory back: what waits to be collected adds up over a long reading.
    bytes.transfer(0);
    if (last >= reading.total) return writer.close();
    const after = last;
    const next = await objects.transcript(name, 'repeatable', async (transcript) => {
      const page = await transcript.page(reading, after);
      return ok(page === null ? null : await held(page));
    });
    if (!next.ok || next.value === null || next.value.last === after)
      throw new Error('The transcript was deleted, or cannot be read');
    ({ bytes, last } = next.value);
  }
}
