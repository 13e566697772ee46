/**
 * Reading and checking what a request brings: body, query and headers.
 *
 * @module
 */
import * as z from 'zod/mini';
import { en } from 'zod/locales';
import { fail, ok, type Failed, type FieldError, type Result } from '../contract/errors.ts';
import { IDEMPOTENCY_KEY_PATTERN } from '../contract/limits.ts';
import type { AppContext } from './app-env.ts';

// Messages come from a locale, and the small build brings none.
z.config(en());

/** What is wrong with a request can be more than the request itself: so many errors are named. */
const MAX_ERRORS = 20;

export const JSON_TYPE = 'application/json';
/** RFC 7396. */
export const MERGE_PATCH_TYPE = 'application/merge-patch+json';

/** Refuses what is no UTF-8. */
const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: false });

function mediaType(c: AppContext): string {
  return (c.req.header('Content-Type') ?? '').split(';', 1)[0]?.trim().toLowerCase() ?? '';
}

/** Checks a value against a schema; each field that is wrong is named by its dotted path. */
export function check<S extends z.ZodMiniType>(schema: S, value: unknown): Result<z.infer<S>> {
  const parsed = schema.safeParse(value);
  if (parsed.success) return ok(parsed.data);
  const errors = parsed.error.issues.slice(0, MAX_ERRORS).flatMap(fieldErrors).slice(0, MAX_ERRORS);
  const names = errors.map(({ path }) => path || 'the body').join(', ');
  return fail('invalid_request', `Not valid: ${names}.`, { errors });
}

function fieldErrors(issue: z.core.$ZodIssue): FieldError[] {
  const path = issue.path.map(String);
  if (issue.code !== 'unrecognized_keys') return [{ path: path.join('.'), message: issue.message }];
  return issue.keys
    .slice(0, MAX_ERRORS)
    .map((key) => ({ path: [...path, key].join('.'), message: 'There is no such field' }));
}

/** One field that is wrong. */
export function invalid(path: string, message: string): Failed {
  return fail('invalid_request', `Not valid: ${path}.`, { errors: [{ path, message }] });
}

/** How a route takes its body. */
export interface BodyForm {
  /** Whether there must be one. */
  readonly required: boolean;
  /** Whether it holds no text of the caller's: one with U+FFFD in it is then refused as no UTF-8. */
  readonly textless?: boolean;
}

/**
 * The body, without the byte order mark that it may begin with; null where it is no UTF-8.
 *
 * The platform reads text in a fraction of the time that bytes take, but puts U+FFFD for what is none: then only
 * bytes tell what was sent, unless that character itself has no use there.
 */
async function readText(c: AppContext, textless: boolean): Promise<string | null> {
  if (textless) {
    const text = await c.req.text();
    return text.includes('\uFFFD') ? null : text;
  }
  const bytes = await c.req.arrayBuffer();
  try {
    return UTF8.decode(bytes);
  } catch {
    return null;
  }
}

const NOT_JSON = fail('invalid_request', 'The body is not valid JSON in UTF-8.', {
  errors: [{ path: '', message: 'Must be JSON' }],
});

/** Reads the body as JSON. An empty one is `{}` where none is needed. Its size was bounded before. */
export async function readJson(
  c: AppContext,
  { required, textless = false }: BodyForm,
): Promise<Result<unknown>> {
  const text = await readText(c, textless);
  if (text === '' && !required) return ok({});
  const type = mediaType(c);
  const accepted = type === JSON_TYPE || (c.req.method === 'PATCH' && type === MERGE_PATCH_TYPE);
  if (!accepted && text !== '') return fail('unsupported_media_type', `Content-Type must be ${JSON_TYPE}.`);
  if (text === null) return NOT_JSON;
  try {
    return ok(JSON.parse(text));
  } catch {
    return NOT_JSON;
  }
}

/** The query as an object; a parameter that is given twice is refused rather than guessed at. */
export function readQuery(c: AppContext): Result<Record<string, string>> {
  const query: Record<string, string> = {};
  for (const [name, values] of Object.entries(c.req.queries())) {
    const [value, ...others] = values;
    if (others.length > 0) return invalid(name, 'Must be given once');
    // Schemas of open objects drop it.
    if (name === '__proto__') return invalid(name, 'There is no such parameter');
    Object.defineProperty(query, name, { value, enumerable: true, configurable: true, writable: true });
  }
  return ok(query);
}

/** The caller's `Idempotency-Key`, or null. */
export function readIdempotencyKey(c: AppContext): Result<string | null> {
  const key = c.req.header('Idempotency-Key');
  if (key === undefined) return ok(null);
  return IDEMPOTENCY_KEY_PATTERN.test(key)
    ? ok(key)
    : invalid('Idempotency-Key', 'Must have 1 to 255 printable ASCII characters');
}

/**
 * The revisions in `If-Match` (RFC 9110, section 13.1.1), or null where any will do. Weak tags, and what
 * is no tag of ours, match nothing.
 */
export function readIfMatch(c: AppContext): readonly number[] | null {
  const header = c.req.header('If-Match');
  if (header === undefined || header.trim() === '*') return null;
  return header.split(',').flatMap((tag) => {
    const revision = /^"(\d{1,15})"$/.exec(tag.trim())?.[1];
    return revision === undefined ? [] : [Number(revision)];
  });
}
