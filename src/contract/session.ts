/**
 * Sessions on the wire: the schemas that validate them, and the types inferred from those.
 *
 * @module
 */
import * as z from 'zod/mini';
import * as limits from './limits.ts';

/** What Claude Code may do without asking; `bypassPermissions` needs a scope of its own. */
export const PermissionMode = z.enum([
  'default',
  'acceptEdits',
  'bypassPermissions',
  'plan',
  'dontAsk',
  'auto',
]);
export type PermissionMode = z.infer<typeof PermissionMode>;

export const SessionStatus = z.enum(['active', 'expired', 'ended']);
export type SessionStatus = z.infer<typeof SessionStatus>;

export const EndReason = z.enum(['ended', 'idle_timeout', 'max_lifetime']);
export type EndReason = z.infer<typeof EndReason>;

const encoder = new TextEncoder();
export const byteLength = (text: string): number => encoder.encode(text).byteLength;

/** A string of `min` to `max` characters, counted as JSON Schema counts them: in code points. */
const characters = (min: number, max: number) =>
  z.string().check(
    z.refine(
      (text) => text.length >= min && (text.length <= max || [...text].length <= max),
      `Must have ${min} to ${max} characters`,
    ),
    z.meta({ minLength: min, maxLength: max }),
  );

/** A string of at most `max` bytes of UTF-8. JSON Schema has no word for it but the description. */
const bytes = (min: number, max: number) =>
  z.string().check(
    z.refine(
      (text) => text.length >= min && text.length <= max && byteLength(text) <= max,
      min > 0 ? `Must have ${min} to ${max} bytes of UTF-8` : `Must have at most ${max} bytes of UTF-8`,
    ),
    z.meta({ minLength: min, maxLength: max, description: `At most ${max} bytes of UTF-8.` }),
  );

/** What JSON can say. */
export type JsonValue = string | number | boolean | null | JsonValue[] | JsonObject;
/** A JSON object, as `JSON.parse` gives it. */
export type JsonObject = { [key: string]: JsonValue };

export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Why a value could not be kept and given back as it came, or null. Looks no deeper than `levels`. */
export function jsonProblem(value: unknown, levels: number = limits.MAX_METADATA_DEPTH): string | null {
  // JSON can write a number that is read as infinite (1e400), and would be given back as null.
  if (typeof value === 'number' && !Number.isFinite(value)) return 'Must hold no number out of range';
  if (typeof value !== 'object' || value === null) return null;
  if (levels === 0) return `Must have at most ${limits.MAX_METADATA_DEPTH} levels`;
  for (const inner of Object.values(value)) {
    const problem = jsonProblem(inner, levels - 1);
    if (problem !== null) return problem;
  }
  return null;
}

/** Why `metadata` breaks its bounds, or null where it doesn't. */
export function metadataProblem(metadata: JsonObject): string | null {
  const keys = Object.keys(metadata);
  if (keys.length > limits.MAX_METADATA_KEYS) return `Must have at most ${limits.MAX_METADATA_KEYS} keys`;
  for (const key of keys) {
    if (key.length === 0 || [...key].length > limits.MAX_METADATA_KEY_CHARACTERS)
      return `Each key must have 1 to ${limits.MAX_METADATA_KEY_CHARACTERS} characters`;
  }
  if (byteLength(JSON.stringify(metadata)) > limits.MAX_METADATA_BYTES)
    return `Must have at most ${limits.MAX_METADATA_BYTES} bytes as JSON`;
  return null;
}

/**
 * An object of anything. It is taken as it was parsed: a record schema would copy it key by key, and lose
 * an own `__proto__`.
 */
export const jsonObject = (description: string, problemOf: (value: JsonObject) => string | null) =>
  z.custom<JsonObject>(isJsonObject, 'Must be an object').check(
    z.superRefine((value, context) => {
      // Runs on what is no object too.
      const problem = isJsonObject(value) ? problemOf(value) : null;
      if (problem !== null) context.addIssue(problem);
    }),
    z.meta({ type: 'object', description }),
  );

const Metadata = jsonObject(
  `At most ${limits.MAX_METADATA_KEYS} keys of 1 to ${limits.MAX_METADATA_KEY_CHARACTERS} characters, ` +
    `and ${limits.MAX_METADATA_BYTES} bytes as JSON.`,
  (metadata) => jsonProblem(metadata) ?? metadataProblem(metadata),
);

const integer = (min: number, max: number) => z.int().check(z.gte(min), z.lte(max));

const fields = {
  model: characters(1, limits.MAX_MODEL_CHARACTERS),
  cwd: characters(1, limits.MAX_CWD_CHARACTERS),
  permissionMode: PermissionMode,
  appendSystemPrompt: bytes(0, limits.MAX_APPEND_SYSTEM_PROMPT_BYTES),
  maxTurns: integer(1, limits.MAX_MAX_TURNS),
  metadata: Metadata,
  sessionTimeoutMs: integer(limits.MIN_SESSION_TIMEOUT_MS, limits.MAX_SESSION_TIMEOUT_MS),
  maxLifetimeMs: z.nullable(integer(limits.MIN_MAX_LIFETIME_MS, limits.MAX_MAX_LIFETIME_MS)),
};

/** The body of a create. */
export const CreateSession = z.strictObject({
  model: z.optional(fields.model),
  cwd: z.optional(fields.cwd),
  permissionMode: z.optional(fields.permissionMode),
  appendSystemPrompt: z.optional(fields.appendSystemPrompt),
  maxTurns: z.optional(fields.maxTurns),
  metadata: z.optional(fields.metadata),
  sessionTimeoutMs: z.optional(fields.sessionTimeoutMs),
  maxLifetimeMs: z.optional(fields.maxLifetimeMs),
});
export type CreateSession = z.infer<typeof CreateSession>;

/**
 * The body of a patch, an RFC 7396 merge patch: null restores a default. Bounds of `metadata` are those of
 * the merged object, which only the session can check.
 */
export const PatchSession = z.strictObject({
  model: z.optional(z.nullable(fields.model)),
  cwd: z.optional(z.nullable(fields.cwd)),
  permissionMode: z.optional(z.nullable(fields.permissionMode)),
  appendSystemPrompt: z.optional(z.nullable(fields.appendSystemPrompt)),
  maxTurns: z.optional(z.nullable(fields.maxTurns)),
  metadata: z.optional(
    z.nullable(
      jsonObject('Merged into what is there, level by level; null removes.', (patch) => jsonProblem(patch)),
    ),
  ),
  sessionTimeoutMs: z.optional(z.nullable(fields.sessionTimeoutMs)),
  maxLifetimeMs: z.optional(fields.maxLifetimeMs),
});
export type PatchSession = z.infer<typeof PatchSession>;

/** The body of a report of activity. */
export const TouchSession = z.strictObject({
  messages: z._default(integer(0, limits.MAX_MESSAGES_PER_TOUCH), 1),
});
export type TouchSession = z.infer<typeof TouchSession>;

/** The body of what needs none: empty, or an object without fields. */
export const NoBody = z.strictObject({});

/** The body that links a Claude session id. */
export const LinkClaudeSession = z.strictObject({
  claudeSessionId: z.string().check(z.regex(limits.CLAUDE_SESSION_ID_PATTERN)),
  projectKey: z.optional(bytes(1, limits.MAX_PROJECT_KEY_BYTES)),
});
export type LinkClaudeSession = z.infer<typeof LinkClaudeSession>;

/** A point in time: ISO 8601, UTC, milliseconds. */
const Timestamp = z.string().check(z.meta({ format: 'date-time' }));

const config = {
  model: z.optional(fields.model),
  cwd: fields.cwd,
  permissionMode: fields.permissionMode,
  maxTurns: fields.maxTurns,
  metadata: fields.metadata,
};

const common = {
  sessionId: z.string().check(z.meta({ format: 'uuid', description: 'A UUID of version 7.' })),
  claudeSessionId: z.optional(LinkClaudeSession.shape.claudeSessionId),
  projectKey: z.optional(z.string()),
  status: SessionStatus,
  createdAt: Timestamp,
  expiresAt: Timestamp,
  lastActivity: Timestamp,
  messageCount: z.int().check(z.gte(0)),
  sessionTimeoutMs: fields.sessionTimeoutMs,
  maxLifetimeMs: fields.maxLifetimeMs,
  endedAt: z.optional(Timestamp),
  endReason: z.optional(EndReason),
  revision: z.int().check(z.gte(1)),
};

/** A session's configuration, complete: what Claude Code is started with. */
export const SessionConfig = z.object({
  ...config,
  appendSystemPrompt: z.optional(fields.appendSystemPrompt),
});
export type SessionConfig = z.infer<typeof SessionConfig>;

/** A session, as one asks for it by id. */
export const Session = z.object({
  ...common,
  claudeSessionIds: z.array(z.string()),
  config: SessionConfig,
});
export type Session = z.infer<typeof Session>;

/** A session as the registry last heard of it: without what is long. */
export const SessionSummary = z.object({ ...common, config: z.object(config) });
export type SessionSummary = z.infer<typeof SessionSummary>;

/** A session in a list. */
export const ListedSession = z.object({ ...SessionSummary.shape, reportedAt: Timestamp });
export type ListedSession = z.infer<typeof ListedSession>;

/** A page of sessions. */
export const SessionPage = z.object({
  data: z.array(ListedSession),
  nextCursor: z.nullable(z.string()),
});
export type SessionPage = z.infer<typeof SessionPage>;

/** Which sessions a list holds. */
export const ListStatus = z.enum(['active', 'expired', 'ended', 'all']);
export type ListStatus = z.infer<typeof ListStatus>;
