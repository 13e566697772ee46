/**
 * Answers of the API, with all of their headers.
 *
 * @module
 */
import type { AppContext } from './app-env.ts';
import { JSON_TYPE } from './input.ts';
import { API_HEADERS } from './protections.ts';

export const REQUEST_ID_HEADER = 'X-Request-Id';

type Body = string | ReadableStream | null;
type Fields = Readonly<Record<string, string>>;

// Made once: to copy them is cheaper than to set each of them at each answer.
const BASE = new Headers(API_HEADERS);
const JSON_BASE = new Headers({ ...API_HEADERS, 'Content-Type': JSON_TYPE });

function make(c: AppContext, body: Body, status: number, base: Headers, fields: Fields): Response {
  const response = new Response(body, { status, headers: base });
  const { headers } = response;
  headers.set(REQUEST_ID_HEADER, c.get('requestId'));
  for (const [name, value] of Object.entries(fields)) headers.set(name, value);
  return response;
}

/** Makes an answer, with the headers that all of them have and with its own. */
export function respond(c: AppContext, body: Body, status: number, headers: Fields): Response {
  return make(c, body, status, BASE, headers);
}

/** Answers JSON that is written out already. */
export function respondJson(c: AppContext, json: string, status = 200, headers: Fields = {}): Response {
  return make(c, json, status, JSON_BASE, headers);
}

/** Gives an answer that was not made here the headers that all have. */
export function complete(c: AppContext, answered: Response): Response {
  for (const [name, value] of BASE) answered.headers.set(name, value);
  answered.headers.set(REQUEST_ID_HEADER, c.get('requestId'));
  return answered;
}
