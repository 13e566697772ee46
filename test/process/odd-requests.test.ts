import { request } from 'node:http';
import { SignJWT } from 'jose';
import { expect, test } from 'vitest';
import { prepareServer } from './server.ts';

const SECRET = 'a-secret-of-more-than-32-bytes-for-tests';

const start = await prepareServer({ AUTH: 'required', AUTH_JWT_SECRET: SECRET });
const { url } = await start();
const token = await new SignJWT({ scope: 'transcripts:read registry:read' })
  .setProtectedHeader({ alg: 'HS256' })
  .setExpirationTime('5m')
  .sign(new TextEncoder().encode(SECRET));

const UPGRADE = {
  Connection: 'Upgrade',
  Upgrade: 'websocket',
  'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==',
  'Sec-WebSocket-Version': '13',
};

/** The status of a request with headers that `fetch` would not send. */
function statusOf(path: string, headers: Record<string, string>, body?: string): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const sent = request(url + path, { headers: { Authorization: `Bearer ${token}`, ...headers } });
    sent.on('response', (answer) => {
      answer.resume();
      resolve(answer.statusCode);
    });
    sent.on('upgrade', ({ statusCode }, socket) => {
      socket.destroy();
      resolve(statusCode);
    });
    sent.on('error', reject).end(body);
  });
}

test.each(['a b', '[', '%', '@', 'berth.example:99999', '1.2.3.4.5'])(
  'a Host that no URL can have makes nothing fail: %s',
  async (host) => {
    for (const path of ['/', '/docs', '/openapi.json', '/healthz', '/v1/projects/p/transcripts'])
      expect(await statusOf(path, { Host: host }), path).toBe(200);
    expect(await statusOf('/v1/projects/p/transcripts/t/entries', { Host: host })).toBe(404);
    expect(await statusOf('/v1/projects/p/transcripts?cursor=%ff', { Host: host })).toBe(400);
    expect(await statusOf('/assets/none.js', { Host: host })).toBe(404);
    expect(await statusOf('/v1/registry/live', { Host: host, ...UPGRADE })).toBe(101);
  },
);

test.each([10, 100_000])('a body of %i bytes that a GET comes with makes nothing fail', async (bytes) => {
  const chunked = { 'Transfer-Encoding': 'chunked' };
  for (const headers of [chunked, { 'Content-Length': String(bytes) }]) {
    for (const path of ['/', '/openapi.json', '/healthz', '/v1/projects/p/transcripts'])
      expect(await statusOf(path, headers, 'x'.repeat(bytes)), path).toBe(200);
    expect(await statusOf('/nothing', headers, 'x'.repeat(bytes))).toBe(404);
  }
});
