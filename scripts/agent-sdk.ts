/**
 * The Claude Agent SDK for programs of this repository, which doesn't depend on it: it comes with its user.
 *
 * @module
 */
import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { FoldSessionSummary, SessionKey, SessionStoreEntry } from '../src/agent-sdk/index.ts';

const NAME = '@anthropic-ai/claude-agent-sdk';

/** The part of a store that an import needs. */
export interface ImportStore {
  append(key: SessionKey, entries: SessionStoreEntry[]): Promise<void>;
  load(key: SessionKey): Promise<SessionStoreEntry[] | null>;
}

/** What programs here use of the SDK. */
export interface AgentSdk {
  listSessions(options: { dir: string; includeWorktrees: boolean }): Promise<{ sessionId: string }[]>;
  importSessionToStore(sessionId: string, store: ImportStore, options: { dir: string }): Promise<void>;
  readonly foldSessionSummary: FoldSessionSummary;
}

/** Where it may be installed: here, where the program was called, and where the end-to-end tests have it. */
const ROOT = resolve(import.meta.dirname, '..');
const PLACES = [ROOT, process.env['INIT_CWD'] ?? process.cwd(), join(ROOT, 'test/e2e')];

/** @throws with what to do where it is not installed. */
export async function loadAgentSdk(): Promise<AgentSdk> {
  for (const place of PLACES) {
    let path: string;
    try {
      path = createRequire(join(place, 'package.json')).resolve(NAME);
    } catch {
      continue;
    }
    return (await import(pathToFileURL(path).href)) as AgentSdk;
  }
  throw new Error(`This needs the Claude Agent SDK. Install it with: npm install --no-save ${NAME}`);
}
