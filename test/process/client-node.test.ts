import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { BerthClient, type ClientOptions } from '../../src/client/index.ts';

// The client over Node's own fetch, and a server that does what servers should not.

const REF = { project: 'p', session: 's' };
let stop = (): void => undefined;

async function clientOf(
  listener: RequestListener,
  options: Partial<ClientOptions> = {},
): Promise<BerthClient> {
  const server = createServer(listener).listen(0, '127.0.0.1');
  stop = () => {
    server.closeAllConnections();
    server.close();
  };
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return new BerthClient({ baseUrl: `http://127.0.0.1:${port}/prefix`, ...options });
}

afterEach(() => stop());

describe("over Node's fetch", () => {
  it('a call arrives as it should', async () => {
    let seen: unknown;
    const client = await clientOf(
      (request, response) => {
        const chunks: Buffer[] = [];
        request.on('data', (chunk: Buffer) => chunks.push(chunk));
        request.on('end', () => {
          const { method, url, headers } = request;
          const { authorization, 'content-type': type } = headers;
          seen = { method, url, authorization, type, body: Buffer.concat(chunks).toString() };
          response.writeHead(201, { 'Content-Type': 'application/json' }).end('{"sessionId":"x"}');
        });
      },
      { token: async () => 'abc' },
    );
    expect(await client.sessions.create({ model: 'ü' })).toEqual({ sessionId: 'x' });
    expect(seen).toEqual({
      method: 'POST',
      url: '/prefix/v1/sessions',
      authorization: 'Bearer abc',
      type: 'application/json',
      body: '{"model":"ü"}',
    });
  });

  it('a connection that breaks off is a reason for another attempt', async () => {
    let attempts = 0;
    const client = await clientOf((request, response) => {
      attempts += 1;
      if (attempts === 1) return request.destroy();
      response.writeHead(200);
      if (attempts === 2) return response.write('{"ok":', () => response.destroy());
      return response.end('{"ok":true,"version":"1"}');
    });
    expect(await client.health()).toEqual({ ok: true, version: '1' });
    expect(attempts).toBe(3);
  });

  it('nobody listening is a ConnectionError', async () => {
    const client = await clientOf((_, response) => response.end(), { maxAttempts: 2 });
    stop();
    await expect(client.health()).rejects.toMatchObject({ code: 'connection_failed' });
  });

  it('an attempt that gets no answer is timed out, and its connection closed', async () => {
    let closed = false;
    const client = await clientOf((request) => request.on('close', () => void (closed = true)), {
      timeoutMs: 50,
      maxAttempts: 1,
    });
    await expect(client.health()).rejects.toMatchObject({ code: 'timeout' });
    await expect.poll(() => closed).toBe(true);
  });

  it('a redirect is not followed', async () => {
    const client = await clientOf((request, response) => {
      response.writeHead(request.url === '/prefix/healthz' ? 302 : 200, { Location: '/elsewhere' }).end('{}');
    });
    await expect(client.health()).rejects.toMatchObject({ code: 'unexpected_answer', status: 302 });
  });

  it('entries stream in, and a stream that is cut is an error', async () => {
    const lines = ['{"n":1,"text":"🦭"}\n', '{"n":2}\n'];
    const client = await clientOf((request, response) => {
      response.writeHead(200, { 'Berth-Total': '2' });
      response.write(lines[0]);
      if (request.url?.endsWith('subpath=whole')) response.end(lines[1]);
      // Ended as it should be, but for the entry that is missing.
      else if (request.url?.endsWith('subpath=short')) response.end();
      else setTimeout(() => response.destroy(), 20);
    });
    const read = async (subpath: string): Promise<unknown> => {
      const entries: unknown[] = [];
      for await (const entry of client.transcripts.read({ ...REF, subpath })) entries.push(entry);
      return entries;
    };
    expect(await read('whole')).toEqual([{ n: 1, text: '🦭' }, { n: 2 }]);
    await expect(read('short')).rejects.toMatchObject({ code: 'connection_failed' });
    await expect(read('cut')).rejects.toMatchObject({ code: 'connection_failed' });
  });

  it('leaving a stream closes its connection', async () => {
    let closed = false;
    const client = await clientOf((request, response) => {
      request.on('close', () => void (closed = true));
      response.writeHead(200, { 'Berth-Total': '2' });
      response.write('{"n":1}\n');
    });
    for await (const entry of client.transcripts.read(REF)) {
      expect(entry).toEqual({ n: 1 });
      break;
    }
    await expect.poll(() => closed).toBe(true);
  });
});
