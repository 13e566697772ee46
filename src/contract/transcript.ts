/**
 * Transcripts on the wire: what the Claude Agent SDK mirrors of its conversations.
 *
 * @module
 */
import * as z from 'zod/mini';
import { MAX_APPEND_ENTRIES } from './limits.ts';
import { isJsonObject, jsonObject, jsonProblem, type JsonObject } from './session.ts';

/** One entry, opaque but for its `uuid`: an entry whose uuid the transcript already has is left out. */
export const Entry = z
  .custom<JsonObject>(isJsonObject, 'Must be an object')
  .check(z.meta({ type: 'object' }));

const version = z.int().check(z.gte(0));

/**
 * A summary, opaque to the store, with the version that it replaces: 0 where there is none yet. Versions begin
 * anew where a transcript was deleted and is written again: `ifMtime`, the `mtime` that the append of that
 * version was answered with, tells such a one from the one before.
 */
const SummaryWrite = z.strictObject({
  data: jsonObject('Given back as it came, with every list of its project.', (data) => jsonProblem(data)),
  ifVersion: version,
  ifMtime: z.optional(z.int().check(z.gte(0))),
});

/** Entries, in order. The check ends at the first that is none: there may be very many. */
const Entries = z.custom<JsonObject[]>(Array.isArray, 'Must be a list').check(
  z.superRefine((entries, context) => {
    if (!Array.isArray(entries)) return;
    if (entries.length > MAX_APPEND_ENTRIES)
      return context.addIssue(`Must have at most ${MAX_APPEND_ENTRIES} entries`);
    const bad = entries.findIndex((entry) => !isJsonObject(entry));
    if (bad >= 0) context.addIssue({ code: 'custom', path: [bad], message: 'Must be an object' });
  }),
  z.meta({ type: 'array', items: { type: 'object' }, maxItems: MAX_APPEND_ENTRIES }),
);

/** The body of an append. */
export const AppendEntries = z.strictObject({
  entries: Entries,
  summary: z.optional(SummaryWrite),
});
export type AppendEntries = z.infer<typeof AppendEntries>;

/** What an append came to. `mtime` is in milliseconds since the epoch, by the store's clock. */
export const AppendResult = z.object({
  appended: z.int(),
  total: z.int(),
  mtime: z.int(),
  /** With `?touch=`: whether that session was still there to be touched. */
  touched: z.optional(z.boolean()),
});
export type AppendResult = z.infer<typeof AppendResult>;

/** A stored summary. */
export const TranscriptSummary = z.object({ data: Entry, version });
export type TranscriptSummary = z.infer<typeof TranscriptSummary>;

/** The subpaths of a transcript. */
export const SubpathList = z.object({ data: z.array(z.string()) });
export type SubpathList = z.infer<typeof SubpathList>;

/** A transcript in the list of its project. */
export const ListedTranscript = z.object({
  sessionId: z.string(),
  mtime: z.int(),
  summary: z.optional(TranscriptSummary),
});
export type ListedTranscript = z.infer<typeof ListedTranscript>;

/** A page of transcripts, newest first. */
export const TranscriptPage = z.object({
  data: z.array(ListedTranscript),
  nextCursor: z.nullable(z.string()),
});
export type TranscriptPage = z.infer<typeof TranscriptPage>;
