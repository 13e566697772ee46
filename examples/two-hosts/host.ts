/**
 * One of two hosts that share a conversation: `node host.ts PROMPT [SESSION]`.
 *
 * Without a session it begins one, and prints its id; with that id any host goes on with it, from whatever
 * folder.
 */
import { query } from '@anthropic-ai/claude-agent-sdk';
import { EdgeSessionStore, queryOptions, sessionHooks } from 'berth/agent-sdk';
import { BerthClient } from 'berth/client';

/** What both hosts call it, whatever their folders are. */
const PROJECT = 'two-hosts';

const [prompt, id] = process.argv.slice(2);
if (prompt === undefined) throw new Error('Usage: node host.ts PROMPT [SESSION]');

const client = new BerthClient({
  baseUrl: process.env['BERTH_URL'] ?? 'http://localhost:8787',
  token: process.env['BERTH_TOKEN'],
});

// Resuming an active session changes nothing; one that fell idle is active again, if there is room.
const session = id === undefined ? await client.sessions.create() : await client.sessions.resume(id);
const { sessionId } = session;

const turn = query({
  prompt,
  options: {
    ...queryOptions(session),
    cwd: process.cwd(),
    sessionStore: new EdgeSessionStore(client, { project: PROJECT, touch: sessionId }),
    hooks: sessionHooks(client, sessionId, { project: PROJECT, keepOpen: true }),
  },
});
for await (const message of turn) {
  if (message.type === 'system' && message.subtype === 'mirror_error')
    process.stderr.write(`Not stored: ${message.error}\n`);
  if (message.type === 'result')
    process.stdout.write(`${message.subtype === 'success' ? message.result : message.subtype}\n`);
}
process.stdout.write(`session ${sessionId}\n`);
