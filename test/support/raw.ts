/**
 * Requests whose body and headers are sent exactly as given, for what a well-behaved client never sends.
 *
 * @module
 */
import { env } from 'cloudflare:workers';
import { createExecutionContext, waitOnExecutionContext } from 'cloudflare:test';
import { createApp } from '../../src/app.ts';
import { interpose } from './calls.ts';

const app = createApp();
const encoder = new TextEncoder();

export interface Raw {
  readonly headers?: Record<string, string>;
  /** Bytes bring no `Content-Type` of their own, as text would. */
  readonly body?: Uint8Array | string | ReadableStream;
}

/** Sends a request as it is. */
export async function send(method: string, path: string, raw: Raw = {}): Promise<Response> {
  const body = typeof raw.body === 'string' ? encoder.encode(raw.body) : raw.body;
  const init = { method, headers: raw.headers ?? {}, ...(body === undefined ? {} : { body }) };
  const context = createExecutionContext();
  const request = new Request(new URL(path, 'http://localhost:8787'), init);
  const response = await app.fetch(request, interpose({ ...env }), context);
  await waitOnExecutionContext(context);
  return response;
}

/** Bytes as a stream of unknown length, in pieces. */
export function streamOf(bytes: Uint8Array, piece = 10_000): ReadableStream {
  let at = 0;
  return new ReadableStream({
    pull(controller) {
      if (at >= bytes.byteLength) return controller.close();
      controller.enqueue(bytes.slice(at, at + piece));
      at += piece;
    },
  });
}
