/**
 * Entries of a transcript, of the shape and the size that Claude Code writes.
 *
 * @module
 */
import { randomUUID } from 'node:crypto';
import type { SessionStoreEntry } from '../../../src/agent-sdk/index.ts';

/** Bytes of an entry as JSON. */
export const ENTRY_BYTES = 1024;

const WORDS =
  'The tide turns at four, and the harbour master wants every berth counted twice before it does. ';

const textOf = (length: number): string =>
  WORDS.repeat(Math.ceil(length / WORDS.length))
    .slice(0, length)
    .padEnd(length);

const ROLES = ['user', 'assistant'] as const;

function entry(parentUuid: string | null, sessionId: string, i: number, text: string): SessionStoreEntry {
  const role = ROLES[i % ROLES.length] ?? 'user';
  return {
    parentUuid,
    isSidechain: false,
    userType: 'external',
    cwd: '/workspace',
    sessionId,
    version: '2.1.0',
    gitBranch: 'main',
    type: role,
    message: { role, content: [{ type: 'text', text }] },
    uuid: randomUUID(),
    timestamp: new Date().toISOString(),
  };
}

/** New entries of a conversation, each with {@link ENTRY_BYTES} of JSON. */
export function entriesOf(sessionId: string, count: number): SessionStoreEntry[] {
  const entries: SessionStoreEntry[] = [];
  for (let i = 0; i < count; i += 1) {
    const parent = entries.at(-1)?.uuid ?? null;
    const bare = JSON.stringify(entry(parent, sessionId, i, '')).length;
    entries.push(entry(parent, sessionId, i, textOf(ENTRY_BYTES - bare)));
  }
  return entries;
}
