/**
 * Every bound of the wire, with its unit. Schemas, objects, client and documentation all read these.
 *
 * @module
 */

/** A request's body, bytes. Room for the largest prompt and the largest metadata, JSON-escaped. */
export const MAX_BODY_BYTES = 64 * 1024;

/** `config.model`, characters (Unicode code points). */
export const MAX_MODEL_CHARACTERS = 128;
/** `config.cwd`, characters; the longest path that Linux takes. */
export const MAX_CWD_CHARACTERS = 4096;
/** `config.appendSystemPrompt`, bytes of UTF-8. */
export const MAX_APPEND_SYSTEM_PROMPT_BYTES = 32 * 1024;
/** `config.maxTurns`. */
export const MAX_MAX_TURNS = 10_000;
/** `config.maxTurns` where none is given. */
export const DEFAULT_MAX_TURNS = 10;

/** Keys at the top level of `config.metadata`. */
export const MAX_METADATA_KEYS = 32;
/** A top-level key of `config.metadata`, characters. */
export const MAX_METADATA_KEY_CHARACTERS = 64;
/** `config.metadata` as JSON, bytes of UTF-8. */
export const MAX_METADATA_BYTES = 16 * 1024;
/** Levels of `config.metadata`: what copies and stores it recurses, on a small stack. */
export const MAX_METADATA_DEPTH = 100;
/** A metadata value that the list can be filtered by, bytes of UTF-8; longer ones are kept, not indexed. */
export const MAX_LABEL_VALUE_BYTES = 256;
/** Metadata filters of one list: each takes two of the 100 parameters of a statement, for each status. */
export const MAX_METADATA_FILTERS = 10;

/** `claudeSessionId`: Claude's own are UUIDs, other agents' may be anything of this form. */
export const CLAUDE_SESSION_ID_PATTERN = /^[A-Za-z0-9._:-]{1,128}$/;
/** How many linked Claude ids a session remembers: resuming makes a new one each time. */
export const MAX_CLAUDE_SESSION_IDS = 32;
/** `projectKey`, bytes of UTF-8, as in the path of a transcript. */
export const MAX_PROJECT_KEY_BYTES = 512;

/** `sessionTimeoutMs`: one second to 30 days. */
export const MIN_SESSION_TIMEOUT_MS = 1_000;
export const MAX_SESSION_TIMEOUT_MS = 2_592_000_000;
/** `maxLifetimeMs`: one second to 365 days. */
export const MIN_MAX_LIFETIME_MS = 1_000;
export const MAX_MAX_LIFETIME_MS = 31_536_000_000;

/** What one report of activity may add to `messageCount`. */
export const MAX_MESSAGES_PER_TOUCH = 1_000;

/** `Idempotency-Key`: printable ASCII, so that it survives every proxy unchanged. */
export const IDEMPOTENCY_KEY_PATTERN = /^[\x20-\x7e]{1,255}$/;
/** How many keys of touches a session remembers. */
export const REMEMBERED_TOUCH_KEYS = 16;
/** How long the registry remembers the key of a create. */
export const IDEMPOTENCY_KEY_LIFETIME_MS = 24 * 3_600_000;

/** `X-Request-Id`: a caller's own is kept if it is of this form. */
export const REQUEST_ID_PATTERN = /^[A-Za-z0-9_-]{1,64}$/;

/** Items on a page of a list. */
export const DEFAULT_PAGE_SIZE = 50;
export const MAX_PAGE_SIZE = 100;

/** The limit of admitted sessions that a tenant can be given. */
export const MAX_MAX_SESSIONS = 100_000;
/** Minutes that the series reaches back: one day. */
export const MAX_SERIES_MINUTES = 1_440;
export const DEFAULT_SERIES_MINUTES = 60;

/** `Retry-After` of a refused create, seconds: the wait for the next known expiry, held between these. */
export const MIN_RETRY_AFTER_S = 1;
export const MAX_RETRY_AFTER_S = 60;

/** How far the clocks of two machines may differ before an id counts as coming from the future. */
export const MAX_CLOCK_SKEW_MS = 15_000;

/** A body of an append to a transcript, bytes. */
export const MAX_APPEND_BODY_BYTES = 16 * 1024 * 1024;
/** Entries of an append: each costs rows and time of its own, however short it is. */
export const MAX_APPEND_ENTRIES = 100_000;
/** A project, transcript or subpath name, bytes of UTF-8. */
export const MAX_TRANSCRIPT_NAME_BYTES = 512;
/** A transcript's summary as JSON, bytes of UTF-8: it travels with every list of its project. */
export const MAX_SUMMARY_BYTES = 64 * 1024;
/** How many keys of appends a transcript remembers. */
export const REMEMBERED_APPEND_KEYS = 64;
