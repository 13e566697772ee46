/**
 * Session stores of the Agent SDK over the real app, or over a script.
 *
 * @module
 */
import {
  EdgeSessionStore,
  type EdgeSessionStoreOptions,
  type FoldSessionSummary,
  type SessionKey,
  type SessionStoreEntry,
} from '../../src/agent-sdk/index.ts';
import type { Fetch } from '../../src/client/index.ts';
import { appClient } from './app-fetch.ts';
import { scripted, type Step } from './scripted-fetch.ts';

/** In place of the SDK's own: keeps the types of all entries, in order. */
export const foldTypes: FoldSessionSummary = (previous, { sessionId }, entries) => {
  const types = (previous?.data['types'] ?? []) as string[];
  return { sessionId, mtime: 0, data: { types: [...types, ...entries.map(({ type }) => type)] } };
};

/** A store over the real app. */
export function appStore(options: EdgeSessionStoreOptions = {}, fetch?: Fetch): EdgeSessionStore {
  return new EdgeSessionStore(appClient(fetch), { foldSessionSummary: foldTypes, ...options });
}

/** A conversation that no other test knows. */
export function newKey(): SessionKey {
  return { projectKey: crypto.randomUUID(), sessionId: crypto.randomUUID() };
}

/** Entries of these types, without uuids. */
export function entriesOf(...types: string[]): SessionStoreEntry[] {
  return types.map((type) => ({ type }));
}

/** How an append is answered. */
export const appended = (): Response => Response.json({ appended: 1, total: 1, mtime: 1 });

/** A store over a script, and what it has sent. */
export function scriptedStore(steps: readonly Step[], timeoutMs?: number) {
  const { client, sent } = scripted(steps);
  return { store: new EdgeSessionStore(client, { foldSessionSummary: foldTypes, timeoutMs }), sent };
}

/** The types of the entries in the body of an append. */
export function typesIn(body: unknown): string[] {
  return (body as { entries: SessionStoreEntry[] }).entries.map(({ type }) => type);
}
