/**
 * Addresses: path parts and queries, percent-encoded.
 *
 * @module
 */
import { InvalidRequestError, NotFoundError } from './errors.ts';

/** One part of a path, or null for what a URL can't carry: nothing, dot segments, lone surrogates. */
function encodePart(text: string): string | null {
  if (text === '' || text === '.' || text === '..') return null;
  try {
    return encodeURIComponent(text);
  } catch {
    return null;
  }
}

/**
 * The path of a session.
 *
 * @throws {@link NotFoundError} for what no URL can carry: the server says the same of any other id that
 * is not its own.
 */
export function sessionPath(sessionId: string, suffix = ''): string {
  const part = encodePart(sessionId);
  if (part === null)
    throw new NotFoundError('session_not_found', 'There is no session with this id.', { status: 404 });
  return `/v1/sessions/${part}${suffix}`;
}

/**
 * A path part that the caller names.
 *
 * @throws {@link InvalidRequestError} for what no URL can carry.
 */
export function namedPart(field: string, text: string): string {
  const part = encodePart(text);
  if (part === null) throw invalid(field, 'Must be well-formed text, and neither empty nor "." nor ".."');
  return part;
}

/**
 * A query, with its question mark, of what is not undefined; empty where nothing is.
 *
 * @throws {@link InvalidRequestError} for text that is not well-formed: it would arrive as other text.
 */
export function queryOf(parameters: Readonly<Record<string, string | number | boolean | undefined>>): string {
  const pairs = Object.entries(parameters).flatMap(([name, value]) => {
    if (value === undefined) return [];
    try {
      return [`${encodeURIComponent(name)}=${encodeURIComponent(value)}`];
    } catch {
      throw invalid(name, 'Must be well-formed text');
    }
  });
  return pairs.length === 0 ? '' : `?${pairs.join('&')}`;
}

function invalid(path: string, message: string): InvalidRequestError {
  return new InvalidRequestError('invalid_request', `Not valid: ${path}.`, { errors: [{ path, message }] });
}
