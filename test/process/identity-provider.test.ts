import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { exportJWK, generateKeyPair, SignJWT, type CryptoKey, type JWK } from 'jose';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { prepareServer } from './server.ts';

const ISSUER = 'https://issuer.example';
const AUDIENCE = 'berth';
/** How long the provider thinks about it: all that callers can do at once happens meanwhile. */
const ANSWER_AFTER_MS = 500;
/** A server asks the provider again after its cool-down of 30 s, and not much later. */
const ASKED_AGAIN_WITHIN_MS = 45_000;

/** An identity provider on this machine. */
class Provider {
  readonly #server = createServer((request, response) => {
    this.asked += 1;
    void this.#answer(request.url ?? '', response);
  });
  asked = 0;
  up = true;
  keys: readonly JWK[] = [];

  async start(): Promise<string> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    const address = this.#server.address();
    if (address === null || typeof address === 'string') throw new Error('A TCP socket has a port');
    return `http://127.0.0.1:${address.port}/keys`;
  }

  stop(): void {
    this.#server.close();
  }

  async #answer(url: string, response: ServerResponse): Promise<void> {
    await sleep(ANSWER_AFTER_MS);
    if (!this.up || url !== '/keys') {
      response.writeHead(503).end();
      return;
    }
    response.writeHead(200, { 'Content-Type': 'application/json' }).end(JSON.stringify({ keys: this.keys }));
  }
}

const ALGORITHMS = ['RS256', 'ES256', 'EdDSA'] as const;
const pairs = Object.fromEntries(
  await Promise.all(
    ALGORITHMS.map(async (alg) => [alg, await generateKeyPair(alg, { extractable: true })] as const),
  ),
) as Record<(typeof ALGORITHMS)[number], { publicKey: CryptoKey; privateKey: CryptoKey }>;

const provider = new Provider();
afterAll(() => provider.stop());
const url = await provider.start();
provider.keys = await Promise.all(
  ALGORITHMS.map(async (alg) => ({ ...(await exportJWK(pairs[alg].publicKey)), kid: alg, alg })),
);

const signed = (alg: string, key: CryptoKey | Uint8Array, kid: string): Promise<string> =>
  new SignJWT({ iss: ISSUER, aud: AUDIENCE, scope: 'registry:read' })
    .setProtectedHeader({ alg, kid })
    .setExpirationTime('5m')
    .sign(key);

const settings = {
  AUTH: 'required',
  AUTH_JWKS_URL: url,
  AUTH_ISSUER: ISSUER,
  AUTH_AUDIENCE: AUDIENCE,
};
const servers = [await prepareServer(settings), await prepareServer(settings)];

async function start() {
  const server = await servers.pop()?.();
  const at = server?.url ?? '';
  return async (token: string, signal: AbortSignal | null = null): Promise<number> => {
    const headers = { Authorization: `Bearer ${token}` };
    const response = await fetch(`${at}/v1/registry/limits`, { headers, signal });
    await response.arrayBuffer();
    return response.status;
  };
}

describe('a server that asks for keys', () => {
  let ask: Awaited<ReturnType<typeof start>>;
  beforeAll(async () => {
    ask = await start();
  });

  test('callers that come at once share one request for keys, also when the one that began it hangs up', async () => {
    const token = await signed('ES256', pairs.ES256.privateKey, 'ES256');
    provider.asked = 0;
    const first = new AbortController();
    const impatient = ask(token, first.signal).catch(() => 'hung up');
    await sleep(ANSWER_AFTER_MS / 5);
    const others = Promise.all(Array.from({ length: 20 }, () => ask(token)));
    await sleep(ANSWER_AFTER_MS / 5);
    first.abort();
    expect(await impatient).toBe('hung up');
    expect(new Set(await others)).toEqual(new Set([200]));
    expect(provider.asked).toBe(1);

    // Every algorithm by its own key, no other, and unknown ids ask nobody in the cool-down.
    for (const alg of ALGORITHMS) expect(await ask(await signed(alg, pairs[alg].privateKey, alg))).toBe(200);
    expect(await ask(await signed('ES256', pairs.ES256.privateKey, 'unknown'))).toBe(401);
    const published = new TextEncoder().encode(JSON.stringify(provider.keys[0]));
    expect(await ask(await signed('HS256', published, 'RS256'))).toBe(401);

    provider.up = false;
    expect(await ask(token)).toBe(200);
    expect(provider.asked).toBe(1);
  });

  test('takes a key that was rotated in, and the one before it no longer', async () => {
    const rotated = await generateKeyPair('ES256', { extractable: true });
    const [before, after] = [
      await signed('ES256', pairs.ES256.privateKey, 'ES256'),
      await signed('ES256', rotated.privateKey, 'next'),
    ];
    expect([await ask(before), await ask(after)]).toEqual([200, 401]);
    provider.up = true;
    provider.keys = [{ ...(await exportJWK(rotated.publicKey)), kid: 'next', alg: 'ES256' }];
    await vi.waitFor(async () => expect(await ask(after)).toBe(200), {
      timeout: ASKED_AGAIN_WITHIN_MS,
      interval: 500,
    });
    expect(await ask(before)).toBe(401);
    expect(provider.asked).toBeLessThanOrEqual(3);
  });
});

test('a server that has never had keys answers 503 while the provider is down, and asks it once', async () => {
  provider.up = false;
  const ask = await start();
  provider.asked = 0;
  const token = await signed('RS256', pairs.RS256.privateKey, 'RS256');
  const statuses = await Promise.all(Array.from({ length: 10 }, () => ask(token)));
  expect(new Set([...statuses, await ask(token)])).toEqual(new Set([503]));
  expect(provider.asked).toBe(1);
});
