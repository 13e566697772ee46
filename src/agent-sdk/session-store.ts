/**
 * The `SessionStore` of the Claude Agent SDK, as far as it concerns a store. Structural, so that nothing here
 * needs the SDK to be installed; that it is the SDK's own is checked where it is.
 *
 * @module
 */

/** Names a transcript: the main one of a session, or with `subpath` that of a subagent. */
export interface SessionKey {
  /** Made by the SDK of the working folder's path. */
  projectKey: string;
  /** Claude's id of the conversation. */
  sessionId: string;
  subpath?: string;
}

/** One line of a transcript: opaque JSON. */
export interface SessionStoreEntry {
  type: string;
  uuid?: string;
  timestamp?: string;
  [field: string]: unknown;
}

/** A session in a list. `mtime` is in milliseconds since the epoch, by Berth's clock. */
export interface SessionListEntry {
  sessionId: string;
  mtime: number;
}

/** What a list shows of a session. `data` is the SDK's own affair. */
export interface SessionSummaryEntry extends SessionListEntry {
  data: Record<string, unknown>;
}

/** The SDK's `foldSessionSummary`: the summary as it is after some more entries. */
export type FoldSessionSummary = (
  previous: SessionSummaryEntry | undefined,
  key: SessionKey,
  entries: SessionStoreEntry[],
  options?: { mtime?: number },
) => SessionSummaryEntry;

/** All six methods of the SDK's `SessionStore`. */
export interface SessionStore {
  append(key: SessionKey, entries: SessionStoreEntry[]): Promise<void>;
  load(key: SessionKey): Promise<SessionStoreEntry[] | null>;
  listSessions(projectKey: string): Promise<SessionListEntry[]>;
  listSessionSummaries(projectKey: string): Promise<SessionSummaryEntry[]>;
  delete(key: SessionKey): Promise<void>;
  listSubkeys(key: { projectKey: string; sessionId: string }): Promise<string[]>;
}
