/**
 * A stand-in for the Messages API on loopback, for the real Claude Code program to talk to.
 *
 * @module
 */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll } from 'vitest';

export interface Block {
  readonly type: string;
  readonly text?: string;
  readonly content?: unknown;
}

export interface Message {
  readonly role: 'user' | 'assistant';
  readonly content: string | readonly Block[];
}

/** What of a request the tests read. */
export interface MessagesRequest {
  readonly model: string;
  readonly system: unknown;
  readonly messages: readonly Message[];
}

/** What the model is to say. */
export type Reply = { readonly text: string } | { readonly tool: string; readonly input: object };

export interface MessagesApi {
  readonly url: string;
  /** All that was asked, oldest first. */
  readonly requests: readonly MessagesRequest[];
}

/** A server that answers each request with what `reply` makes of it, until the tests of the file are over. */
export async function startMessagesApi(
  reply: (request: MessagesRequest) => Reply | Promise<Reply>,
): Promise<MessagesApi> {
  const requests: MessagesRequest[] = [];
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const text = (await request.toArray()).join('');
    if (request.method !== 'POST' || !request.url?.startsWith('/v1/messages?')) {
      response.writeHead(404).end('{}');
      return;
    }
    const asked = JSON.parse(text) as MessagesRequest;
    requests.push(asked);
    const events = eventsOf(await reply(asked), asked.model, requests.length);
    response.writeHead(200, { 'Content-Type': 'text/event-stream' });
    for (const event of events) response.write(`event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`);
    response.end();
  };
  const server = createServer((request, response) => {
    request.setEncoding('utf8');
    answer(request, response).catch((error: unknown) => response.destroy(error as Error));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  afterAll(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${port}`, requests };
}

/** The events of a streamed answer. */
function eventsOf(reply: Reply, model: string, number: number): { type: string }[] {
  const usage = { input_tokens: 1, output_tokens: 1 };
  const isText = 'text' in reply;
  const block = isText
    ? { type: 'text', text: '' }
    : { type: 'tool_use', id: `toolu_${number}`, name: reply.tool, input: {} };
  const delta = isText
    ? { type: 'text_delta', text: reply.text }
    : { type: 'input_json_delta', partial_json: JSON.stringify(reply.input) };
  const message = { id: `msg_${number}`, type: 'message', role: 'assistant', model, content: [], usage };
  const stop = { stop_reason: isText ? 'end_turn' : 'tool_use', stop_sequence: null };
  return [
    { type: 'message_start', message: { ...message, stop_reason: null, stop_sequence: null } },
    { type: 'content_block_start', index: 0, content_block: block },
    { type: 'content_block_delta', index: 0, delta },
    { type: 'content_block_stop', index: 0 },
    { type: 'message_delta', delta: stop, usage },
    { type: 'message_stop' },
  ] as { type: string }[];
}
