/**
 * Berth, over HTTP: by its client alone, and as the Agent SDK's store.
 *
 * @module
 */
import { foldSessionSummary } from '@anthropic-ai/claude-agent-sdk';
import { EdgeSessionStore, type SessionKey, type SessionStoreEntry } from '../../../src/agent-sdk/index.ts';
import { BerthClient, type EntriesRef } from '../../../src/client/index.ts';
import type { JsonObject } from '../../../src/contract/session.ts';
import type { TranscriptStore } from './transcript-store.ts';

const refOf = ({ projectKey, sessionId, subpath }: SessionKey): EntriesRef => ({
  project: projectKey,
  session: sessionId,
  subpath,
});

/** Entries in, entries out: `client.transcripts`. */
export function berthClient(baseUrl: string): TranscriptStore {
  const { transcripts } = new BerthClient({ baseUrl });
  return {
    name: 'Berth, client',
    async append(key, entries) {
      await transcripts.append(refOf(key), { entries: entries as JsonObject[] });
    },
    async load(key) {
      const entries: SessionStoreEntry[] = [];
      for await (const entry of transcripts.read(refOf(key))) entries.push(entry as SessionStoreEntry);
      return entries;
    },
    close: () => Promise.resolve(),
  };
}

/** The same with all that the SDK's store does beside it: it keeps the summary, by the SDK's own fold. */
export function edgeSessionStore(baseUrl: string): TranscriptStore {
  const store = new EdgeSessionStore(new BerthClient({ baseUrl }), {
    foldSessionSummary,
  });
  return {
    name: 'Berth, EdgeSessionStore',
    append: (key, entries) => store.append(key, entries),
    load: (key) => store.load(key),
    close: () => Promise.resolve(),
  };
}
