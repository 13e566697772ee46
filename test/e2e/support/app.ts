/**
 * An app of the Agent SDK that keeps its conversations in Berth.
 *
 * @module
 */
import { EdgeSessionStore, queryOptions, sessionHooks } from '../../../src/agent-sdk/index.ts';
import type { BerthClient } from '../../../src/client/index.ts';
import { resultOf, type Host } from './host.ts';

/** What all hosts call the project, whatever their folders. */
export const PROJECT = 'harbour';

/** One turn of a session's conversation on a host. Answers what Claude said last. */
export async function turn(
  on: Host,
  client: BerthClient,
  sessionId: string,
  prompt: string,
): Promise<string> {
  const session = await client.sessions.get(sessionId);
  const messages = await on.turn(prompt, {
    ...queryOptions(session),
    sessionStore: new EdgeSessionStore(client, { project: PROJECT, touch: sessionId }),
    hooks: sessionHooks(client, sessionId, { project: PROJECT }),
  });
  return resultOf(messages);
}
