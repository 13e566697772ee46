/**
 * A Berth session as options of the Claude Agent SDK's `query()`.
 *
 * @module
 */
import type { PermissionMode, Session } from '../contract/session.ts';

/** Options of `query()`, to be spread into its own. */
export interface SessionQueryOptions {
  /** The first turn: the id that the conversation is to have, which is Berth's own. */
  sessionId?: string;
  /** Later turns: the conversation to go on with. */
  resume?: string;
  model?: string;
  cwd: string;
  permissionMode: PermissionMode;
  /** There with `bypassPermissions`, which the SDK asks to be confirmed. */
  allowDangerouslySkipPermissions?: true;
  systemPrompt: { type: 'preset'; preset: 'claude_code'; append?: string };
  /** Counted by the SDK for each `query()`. */
  maxTurns: number;
}

/** How the conversation goes on. */
export interface QueryOptionsInput {
  /**
   * Whether to go on with the session's current conversation. By default, if there is one. False begins
   * another: after the first turn has failed before anything of it was stored, for one.
   */
  readonly resume?: boolean | undefined;
}

/**
 * What the SDK's `query()` is to be called with for a session: its configuration, and the conversation that
 * it is about. The first conversation of a session gets the session's own id. A session's `cwd` is one on
 * the host that runs the agent: give another after these options where the host has none such.
 *
 * @param session - as just read: `claudeSessionId` decides between the first turn and a later one.
 * @example
 * ```ts
 * const session = await client.sessions.get(id);
 * query({ prompt, options: { ...queryOptions(session), sessionStore: new EdgeSessionStore(client) } });
 * ```
 */
export function queryOptions(
  session: Session,
  { resume = true }: QueryOptionsInput = {},
): SessionQueryOptions {
  const { model, cwd, permissionMode, appendSystemPrompt, maxTurns } = session.config;
  return {
    ...conversationOf(session, resume),
    ...(model === undefined ? {} : { model }),
    cwd,
    // Left out, it would be Claude Code's choice.
    permissionMode,
    ...(permissionMode === 'bypassPermissions' ? { allowDangerouslySkipPermissions: true } : {}),
    systemPrompt: {
      type: 'preset',
      preset: 'claude_code',
      ...(appendSystemPrompt === undefined ? {} : { append: appendSystemPrompt }),
    },
    maxTurns,
  };
}

/** Which conversation: at most one of the two, and none where the SDK is to make a new id. */
function conversationOf(
  { sessionId, claudeSessionId, claudeSessionIds }: Session,
  resume: boolean,
): Pick<SessionQueryOptions, 'sessionId' | 'resume'> {
  if (claudeSessionId === undefined) return { sessionId };
  if (resume) return { resume: claudeSessionId };
  // Claude Code refuses an id that it has used.
  return claudeSessionIds.includes(sessionId) ? {} : { sessionId };
}
