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

/**
 * Makes an answer with all of its headers at once: each that is set later is a call out of JavaScript, and
 * together they would take longer than the routing does.
 */
export function respond(
  c: AppContext,
  body: Body,
  status: number,
  headers: Readonly<Record<string, string>>,
): Response {
  return new Response(body, {
    status,
    headers: { ...API_HEADERS, [REQUEST_ID_HEADER]: c.get('requestId'), ...headers },
  });
}

/** Answers JSON that is written out already. */
export function respondJson(
  c: AppContext,
  json: string,
  status = 200,
  headers: Readonly<Record<string, string>> = {},
): Response {
  return respond(c, json, status, { 'Content-Type': JSON_TYPE, ...headers });
}

/** Gives an answer that was not made here the headers that it lacks. */
export function complete(c: AppContext, { headers }: Response): void {
  if (headers.has(REQUEST_ID_HEADER)) return;
  headers.set(REQUEST_ID_HEADER, c.get('requestId'));
  for (const [name, value] of Object.entries(API_HEADERS)) if (!headers.has(name)) headers.set(name, value);
}
