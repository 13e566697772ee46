/**
 * The Claude Agent SDK on Berth: transcripts that any host can resume, sessions as options, and hooks.
 *
 * @module
 */
export { EdgeSessionStore, type EdgeSessionStoreOptions } from './edge-session-store.ts';
export { queryOptions, type QueryOptionsInput, type SessionQueryOptions } from './query-options.ts';
export {
  sessionHooks,
  type SessionHook,
  type SessionHookEvent,
  type SessionHookInput,
  type SessionHooks,
  type SessionHooksOptions,
} from './session-hooks.ts';
export type {
  FoldSessionSummary,
  SessionKey,
  SessionListEntry,
  SessionStore,
  SessionStoreEntry,
  SessionSummaryEntry,
} from './session-store.ts';
