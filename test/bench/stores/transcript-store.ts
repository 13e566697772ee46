/**
 * What is compared: stores of transcripts, each used in its own way.
 *
 * @module
 */
import type { SessionKey, SessionStoreEntry } from '../../../src/agent-sdk/index.ts';

export interface TranscriptStore {
  readonly name: string;
  append(key: SessionKey, entries: SessionStoreEntry[]): Promise<void>;
  load(key: SessionKey): Promise<SessionStoreEntry[] | null>;
  /** Does at once what the store would do by itself in time, after a lot was written. */
  settle?(): Promise<void>;
  close(): Promise<void>;
}
