/**
 * What the Worker, transcripts and projects say to each other.
 *
 * @module
 */
import type { TranscriptSummary } from '../contract/transcript.ts';

/** What a transcript is called by its callers: both parts are opaque. */
export interface TranscriptName {
  readonly project: string;
  readonly session: string;
}

/** Entries to append, in order, as bytes: JSON text in UTF-8, one after the other. */
export interface EntryBatch {
  readonly bytes: Uint8Array;
  /** How many bytes each entry has. */
  readonly lengths: readonly number[];
  /** What each entry is known by; null for one that is never left out. */
  readonly uuids: readonly (string | null)[];
}

/** A summary, and which one it replaces: `ifMtime` is when that one was written, where the caller knows. */
export interface SummaryWrite {
  readonly data: TranscriptSummary['data'];
  readonly ifVersion: number;
  readonly ifMtime?: number | undefined;
}

export interface AppendRequest {
  readonly name: TranscriptName;
  /** Empty for the main transcript. */
  readonly subpath: string;
  readonly entries: EntryBatch;
  readonly summary: SummaryWrite | null;
  readonly idempotency: { readonly key: string; readonly bodyDigest: string } | null;
}

/** What an append came to; `mtime` in milliseconds since the epoch. */
export interface Appended {
  readonly appended: number;
  readonly total: number;
  readonly mtime: number;
}

/** An append that was refused, since the summary has another version than the one that it names. */
export interface SummaryConflict {
  readonly current: TranscriptSummary | null;
}

/** A reading of one stream of a transcript, from its beginning to the total that it had then. */
export interface Reading {
  /** Tells this stream from any other that may take its place. */
  readonly generation: number;
  readonly stream: number;
  readonly total: number;
}

/** Some entries of a reading: NDJSON, and the number of the last one. */
export interface EntryPage {
  /** A stream, though it is no longer than a page: bytes would be copied, and wait to be collected. */
  readonly body: ReadableStream<Uint8Array>;
  readonly last: number;
}

/** A reading, and what comes first in it. */
export interface OpenedReading {
  readonly reading: Reading;
  readonly first: EntryPage;
}

/** What a project is told of one of its transcripts. The generation grows with each deletion. */
export interface TranscriptNews {
  readonly session: string;
  readonly generation: number;
  readonly mtime: number;
  readonly summary: TranscriptSummary | null;
}

/** A project, as its transcripts see it. */
export interface ToldProject {
  put(project: string, news: TranscriptNews): void;
  remove(session: string, generation: number): Promise<void>;
}

/** Where a page of a project's list begins: after this one. */
export interface ListPosition {
  readonly mtime: number;
  readonly sessionId: string;
}
