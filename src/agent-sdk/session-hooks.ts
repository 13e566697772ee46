/**
 * Hooks of the Claude Agent SDK that tell Berth how a session is doing.
 *
 * @module
 */
import type { BerthClient } from '../client/berth-client.ts';
import type { CallOptions } from '../client/options.ts';
import { bounded } from '../client/retry.ts';

/** What Berth is told must not hold up the agent: a turn and a conversation wait this long for it at their end. */
const SETTLE_MS = 2_000;
/** News go out one after the other, so those that are not answered must not take long. */
const CALL: CallOptions = { timeoutMs: 5_000, maxAttempts: 3 };
/** After this the SDK goes on without an answer from a hook, seconds. */
const HOOK_TIMEOUT_S = 5;

/** What is read of the SDK's hook inputs. */
export interface SessionHookInput {
  hook_event_name: string;
  /** Claude's id of the conversation. */
  session_id: string;
  /** Why it ended: `clear`, `resume`, `logout`, `prompt_input_exit`, `other`. */
  reason?: string;
}

/** One hook, as the SDK takes it. Its answer is empty: it decides nothing. */
export interface SessionHook {
  hooks: ((input: SessionHookInput) => Promise<Record<string, never>>)[];
  timeout: number;
}

/** The events that are told to Berth. */
export type SessionHookEvent =
  | 'SessionStart'
  | 'UserPromptSubmit'
  | 'PostToolUse'
  | 'PostToolUseFailure'
  | 'SubagentStop'
  | 'Stop'
  | 'SessionEnd';

/** Hooks by event, to be given as `hooks` to `query()`. */
export type SessionHooks = Record<SessionHookEvent, SessionHook[]>;

/** What the hooks can be told. */
export interface SessionHooksOptions {
  /** The project of the conversation's transcript, which is linked with it; as given to the session store. */
  readonly project?: string | undefined;
  /**
   * Leaves the session active when the SDK says that the conversation has ended, for an app that goes on with
   * it in another `query()`. False by default.
   */
  readonly keepOpen?: boolean | undefined;
  /** Told what Berth could not be told: an expired session, a lost connection. Ignored by default. */
  readonly onError?: ((error: unknown) => void) | undefined;
}

/**
 * Hooks that link the conversation to a session, count each prompt as a message, keep the session alive with
 * each prompt, tool, subagent and turn, and end it when the conversation ends, but not where it is cleared or
 * goes on as another. They never fail, and the agent only waits for them, for 2 s at most, when a turn or the
 * conversation ends.
 *
 * The SDK (0.3.330) tells of the beginning and the end of a conversation only from within one, as on
 * `/clear`: the end of a `query()` does not end the session, `client.sessions.end` does.
 *
 * @param sessionId - Berth's id of the session.
 * @example
 * ```ts
 * query({ prompt, options: { ...queryOptions(session), hooks: sessionHooks(client, session.sessionId) } });
 * ```
 */
export function sessionHooks(
  client: BerthClient,
  sessionId: string,
  options: SessionHooksOptions = {},
): SessionHooks {
  const news = new News(client, sessionId, options);
  const on = (tell: (input: SessionHookInput) => Promise<void> | void): SessionHook[] => [
    {
      hooks: [
        async (input) => {
          news.link(input.session_id);
          await tell(input);
          return {};
        },
      ],
      timeout: HOOK_TIMEOUT_S,
    },
  ];
  const alive = (): void => news.touch(0);
  return {
    SessionStart: on(() => undefined),
    UserPromptSubmit: on(() => news.touch(1)),
    PostToolUse: on(alive),
    PostToolUseFailure: on(alive),
    SubagentStop: on(alive),
    Stop: on(() => {
      news.touch(0);
      return news.settled();
    }),
    SessionEnd: on(({ reason }) => {
      if (!options.keepOpen && reason !== 'clear' && reason !== 'resume') news.end();
      return news.settled();
    }),
  };
}

/** What is being told, in order: one call at a time. */
class News {
  readonly #client: BerthClient;
  readonly #sessionId: string;
  readonly #options: SessionHooksOptions;
  #told: Promise<void> = Promise.resolve();
  #linked: string | null = null;
  /** Messages of the touch that has not been sent yet; null where there is none such. */
  #untold: number | null = null;

  constructor(client: BerthClient, sessionId: string, options: SessionHooksOptions) {
    this.#client = client;
    this.#sessionId = sessionId;
    this.#options = options;
  }

  /** Links a conversation, unless it was linked last. */
  link(claudeSessionId: string): void {
    if (claudeSessionId === this.#linked) return;
    this.#linked = claudeSessionId;
    const { project: projectKey } = this.#options;
    const link = { claudeSessionId, ...(projectKey === undefined ? {} : { projectKey }) };
    this.#tell(async () => {
      try {
        await this.#client.sessions.link(this.#sessionId, link, CALL);
      } catch (error) {
        // The next hook tries again.
        if (this.#linked === claudeSessionId) this.#linked = null;
        throw error;
      }
    });
  }

  /** Counts activity. Joins the touch before it where that still waits for its turn. */
  touch(messages: number): void {
    if (this.#untold !== null) {
      this.#untold += messages;
      return;
    }
    this.#untold = messages;
    this.#tell(() => {
      const activity = { messages: this.#untold ?? 0 };
      this.#untold = null;
      return this.#client.sessions.touch(this.#sessionId, activity, CALL);
    });
  }

  end(): void {
    this.#tell(() => this.#client.sessions.end(this.#sessionId, CALL));
  }

  /** Waits until all is told, but not for long. */
  async settled(): Promise<void> {
    await bounded(
      SETTLE_MS,
      undefined,
      () => new Error(),
      () => this.#told,
    ).catch(() => undefined);
  }

  #tell(call: () => Promise<unknown>): void {
    this.#told = this.#told.then(call).then(
      () => undefined,
      (error: unknown) => this.#failed(error),
    );
  }

  #failed(error: unknown): void {
    try {
      this.#options.onError?.(error);
    } catch {
      // The agent is not to suffer from it, nor what is told next.
    }
  }
}
