/**
 * The TypeScript client of Berth.
 *
 * @module
 */
export { BerthClient, type Health } from './berth-client.ts';
export {
  AuthenticationError,
  BerthError,
  ConflictError,
  ConnectionError,
  GoneError,
  IdempotencyKeyReusedError,
  InvalidRequestError,
  LimitReachedError,
  NotFoundError,
  PayloadTooLargeError,
  PermissionDeniedError,
  PreconditionFailedError,
  RateLimitedError,
  ServerError,
  TimeoutError,
  UnexpectedAnswerError,
  type BerthErrorInfo,
  type ClientErrorCode,
} from './errors.ts';
export type { LiveSocket, OpenSocket, Watch, WatchListener, WatchState } from './live.ts';
export type {
  CallOptions,
  ClientOptions,
  ConditionalOptions,
  Fetch,
  KeyedOptions,
  SlotOptions,
} from './options.ts';
export type { Registry } from './registry.ts';
export type { SessionFilter, SessionQuery, Sessions } from './sessions.ts';
export type { Token } from './token-source.ts';
export type {
  AppendOptions,
  EntriesRef,
  ReadOptions,
  TranscriptQuery,
  TranscriptRef,
  Transcripts,
} from './transcripts.ts';
export type { ErrorCode, FieldError } from '../contract/errors.ts';
export type { LiveEvent, LiveMessage } from '../contract/live.ts';
export type { RegistryLimits, RegistryStats, SeriesMinute } from '../contract/registry.ts';
export type {
  CreateSession,
  EndReason,
  JsonObject,
  JsonValue,
  LinkClaudeSession,
  ListedSession,
  ListStatus,
  PatchSession,
  PermissionMode,
  Session,
  SessionConfig,
  SessionPage,
  SessionStatus,
  TouchSession,
} from '../contract/session.ts';
export type {
  AppendEntries,
  AppendResult,
  ListedTranscript,
  TranscriptPage,
  TranscriptSummary,
} from '../contract/transcript.ts';
