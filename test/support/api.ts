/**
 * Requests to the app, as a client on this machine makes them.
 *
 * @module
 */
import { env } from 'cloudflare:workers';
import { createExecutionContext, waitOnExecutionContext } from 'cloudflare:test';
import { createApp } from '../../src/app.ts';
import type { Session } from '../../src/contract/session.ts';
import { interpose } from './calls.ts';

const app = createApp();
const ORIGIN = 'http://localhost:8787';

export interface Call {
  readonly body?: unknown;
  readonly headers?: Record<string, string>;
  /** Settings that differ from those of the tests. */
  readonly env?: Partial<Env>;
}

/** Calls the app; a body that is no string is sent as JSON. */
export async function call(method: string, path: string, options: Call = {}): Promise<Response> {
  const { body } = options;
  const headers = new Headers(options.headers);
  if (body !== undefined && !headers.has('Content-Type')) headers.set('Content-Type', 'application/json');
  const init = {
    method,
    headers,
    ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  };
  const context = createExecutionContext();
  const response = await app.fetch(
    new Request(ORIGIN + path, init),
    interpose({ ...env, ...options.env }),
    context,
  );
  await waitOnExecutionContext(context);
  return response;
}

/** Calls the app, and reads what it answers as JSON. */
export async function callJson<T>(method: string, path: string, options: Call = {}): Promise<T> {
  const response = await call(method, path, options);
  return response.json<T>();
}

/** Creates a session; fails the test if that fails. */
export async function create(body: unknown = {}, headers: Record<string, string> = {}): Promise<Session> {
  const response = await call('POST', '/v1/sessions', { body, headers });
  if (response.status !== 201) throw new Error(`${response.status} ${await response.text()}`);
  return response.json<Session>();
}
