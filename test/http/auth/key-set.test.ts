import {
  exportJWK,
  generateKeyPair,
  SignJWT,
  type CryptoKey,
  type GenerateKeyPairResult,
  type JWK,
} from 'jose';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { expectProblem } from '../../support/problems.ts';
import { ALL_SCOPES, forge, inSeconds, Service, type Claims } from '../../support/tokens.ts';

const ISSUER = 'https://issuer.example';
const AUDIENCE = 'berth';
const settings = {
  AUTH_JWKS_URL: 'https://issuer.example/keys',
  AUTH_ISSUER: ISSUER,
  AUTH_AUDIENCE: AUDIENCE,
};
const COOLDOWN_MS = 30_000;
const MAX_AGE_MS = 600_000;
const KEEP_TOKEN_MS = 30_000;

const pair = (alg: string) => generateKeyPair(alg, { extractable: true });
const pairs: Record<string, GenerateKeyPairResult> = {
  RS256: await pair('RS256'),
  ES256: await pair('ES256'),
  EdDSA: await pair('EdDSA'),
  PS256: await pair('PS256'),
};
const rotated = await pair('ES256');

const jwk = async (key: CryptoKey, more: JWK): Promise<JWK> => ({ ...(await exportJWK(key)), ...more });
const published: JWK[] = await Promise.all(
  Object.entries(pairs).map(([alg, { publicKey }]) => jwk(publicKey, { kid: alg, alg, use: 'sig' })),
);
const next = await jwk(rotated.publicKey, { kid: 'next', alg: 'ES256' });

function signed(alg: string, key: CryptoKey | Uint8Array, kid: string | undefined, claims: Claims = {}) {
  return new SignJWT({ iss: ISSUER, aud: AUDIENCE, scope: ALL_SCOPES, exp: inSeconds(86_400), ...claims })
    .setProtectedHeader(kid === undefined ? { alg } : { alg, kid })
    .sign(key);
}
const signedBy = (alg: string, claims: Claims = {}, kid = alg) => {
  const { privateKey } = pairs[alg] ?? rotated;
  return signed(alg, privateKey, kid, claims);
};

const fetched = vi.fn<typeof fetch>();
const publish = (keys: readonly object[], status = 200) =>
  fetched.mockImplementation(() => Promise.resolve(Response.json({ keys }, { status })));
const goDown = () => fetched.mockRejectedValue(new TypeError('connection refused'));

let service: Service;
const call = (token: string) => service.call('GET', '/v1/sessions', token);
const status = async (token: string) => (await call(token)).status;
const wait = (ms: number) => vi.setSystemTime(Date.now() + ms);

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() });
  vi.spyOn(globalThis, 'fetch').mockImplementation(fetched);
  vi.spyOn(console, 'warn').mockReturnValue();
  fetched.mockReset();
  publish(published);
  service = new Service(settings);
});
afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

describe('a token of an identity provider', () => {
  test.each(['RS256', 'ES256', 'EdDSA'])('signed with %s is good', async (alg) => {
    expect(await status(await signedBy(alg))).toBe(200);
  });

  test.each(['tenant', 'scope', 'exp', 'iss', 'aud'])(
    'has its claim %s checked as any other',
    async (claim) => {
      const bad = await signedBy('ES256', { [claim]: claim === 'exp' ? 1 : 'Not A Good One' });
      expect(await status(bad)).toBe(claim === 'scope' ? 403 : 401);
    },
  );

  test('signed with another key of the same id is bad', async () => {
    expect(await status(await signed('ES256', rotated.privateKey, 'ES256'))).toBe(401);
  });

  test('of an algorithm that is not taken is bad, though its key is published', async () => {
    expect(await status(await signedBy('PS256'))).toBe(401);
    expect(fetched).not.toHaveBeenCalled();
  });

  test('that names the key of another algorithm is bad', async () => {
    expect(await status(await signed('ES256', rotated.privateKey, 'RS256'))).toBe(401);
  });

  test('cannot bring its own key, nor say where one is', async () => {
    const own = await exportJWK(rotated.publicKey);
    const token = await new SignJWT({ iss: ISSUER, aud: AUDIENCE, exp: inSeconds(60) })
      .setProtectedHeader({ alg: 'ES256', kid: 'own', jwk: own, jku: 'https://evil.example/keys' })
      .sign(rotated.privateKey);
    expect(await status(token)).toBe(401);
    for (const [address] of fetched.mock.calls) expect(address).toEqual(new URL(settings.AUTH_JWKS_URL));
  });

  test('is never verified with a symmetric key, though one is published', async () => {
    const secret = new TextEncoder().encode('published-by-mistake-published-by-mistake');
    const oct = { kty: 'oct', kid: 'oct', alg: 'HS256', k: btoa(String.fromCodePoint(...secret)) };
    publish([oct, { ...oct, alg: 'ES256', kid: 'dressed' }]);
    for (const kid of ['oct', 'dressed', undefined])
      expect(await status(await signed('HS256', secret, kid))).toBe(401);
    expect(await status(forge({ alg: 'ES256', kid: 'dressed' }, { exp: inSeconds(60) }, 'c2ln'))).toBe(401);
  });

  test('is bad where the provider has published a private key', async () => {
    publish([await jwk(rotated.privateKey, { kid: 'next', alg: 'ES256' })]);
    expect(await status(await signed('ES256', rotated.privateKey, 'next'))).toBe(401);
  });
});

describe('keys are kept:', () => {
  test('many tokens, one request, with no redirects followed', async () => {
    for (const alg of ['RS256', 'ES256', 'EdDSA', 'ES256']) await status(await signedBy(alg));
    expect(fetched).toHaveBeenCalledOnce();
    expect(fetched.mock.calls[0]?.[1]).toMatchObject({ redirect: 'manual' });
  });

  test('callers that come at once share one request', async () => {
    const token = await signedBy('ES256');
    const statuses = await Promise.all(Array.from({ length: 20 }, () => status(token)));
    expect(new Set(statuses)).toEqual(new Set([200]));
    expect(fetched).toHaveBeenCalledOnce();
  });

  test('an unknown key id leads to one request in a cool-down, however many ask at once', async () => {
    await status(await signedBy('ES256'));
    wait(COOLDOWN_MS);
    const unknown = await Promise.all(
      Array.from({ length: 20 }, (_, i) => signed('ES256', rotated.privateKey, `unknown-${i}`)),
    );
    for (let round = 0; round < 3; round += 1)
      expect(new Set(await Promise.all(unknown.map(status)))).toEqual(new Set([401]));
    expect(fetched).toHaveBeenCalledTimes(2);
    wait(COOLDOWN_MS - 1);
    await Promise.all(unknown.map(status));
    expect(fetched).toHaveBeenCalledTimes(2);
    wait(1);
    await Promise.all(unknown.map(status));
    expect(fetched).toHaveBeenCalledTimes(3);
  });

  test('a new key is found once the cool-down is over, and the old one is good beside it', async () => {
    await status(await signedBy('ES256'));
    publish([...published, next]);
    const token = await signed('ES256', rotated.privateKey, 'next');
    expect(await status(token)).toBe(401);
    wait(COOLDOWN_MS);
    expect(await status(token)).toBe(200);
    expect(await status(await signedBy('ES256'))).toBe(200);
    expect(fetched).toHaveBeenCalledTimes(2);
  });

  test('a key that was withdrawn is no good once what is kept is too old', async () => {
    const newToken = () => signedBy('ES256');
    expect(await status(await newToken())).toBe(200);
    publish([next]);
    wait(MAX_AGE_MS - 1);
    const token = await newToken();
    expect(await status(token)).toBe(200);
    wait(1);
    expect(await status(await newToken())).toBe(401);
    // One that was found good just before is taken for good a little longer.
    wait(KEEP_TOKEN_MS - 2);
    expect(await status(token)).toBe(200);
    wait(1);
    expect(await status(token)).toBe(401);
  });
});

describe('while the provider is down', () => {
  test('one that hangs holds nobody up again whose key is known', async () => {
    const token = await signedBy('ES256');
    await status(token);
    goDown();
    wait(MAX_AGE_MS);
    expect(await status(token)).toBe(200);
    const hanging = Promise.withResolvers<Response>();
    fetched.mockReturnValue(hanging.promise);
    wait(COOLDOWN_MS);
    const patience = new Promise((resolve) => setTimeout(resolve, 2_000, 'held up'));
    expect(await Promise.race([status(token), patience])).toBe(200);
    expect(fetched).toHaveBeenCalledTimes(3);
    hanging.resolve(Response.json({ keys: [next] }));
    await vi.waitFor(async () => expect(await status(await signedBy('ES256'))).toBe(401));
    expect(fetched).toHaveBeenCalledTimes(3);
  });

  const failures: readonly (readonly [string, () => unknown])[] = [
    ['does not answer', goDown],
    ['answers 500', () => publish([], 500)],
    [
      'redirects',
      () => fetched.mockImplementation(() => Promise.resolve(Response.redirect('https://evil.example/'))),
    ],
    ['answers with a page', () => fetched.mockImplementation(() => Promise.resolve(new Response('<html>')))],
    [
      'answers with no set of keys',
      () => fetched.mockImplementation(() => Promise.resolve(Response.json({}))),
    ],
  ];

  describe.each(failures)('it %s:', (_, fail) => {
    test('at first, nothing can be verified: a 503, and one request in a cool-down', async () => {
      fail();
      const token = await signedBy('ES256');
      for (let i = 0; i < 5; i += 1) {
        const response = await call(token);
        expect(response.headers.get('Retry-After')).toBe('30');
        await expectProblem(response, 'overloaded');
      }
      expect(fetched).toHaveBeenCalledOnce();
      publish(published);
      wait(COOLDOWN_MS);
      expect(await status(token)).toBe(200);
      expect(fetched).toHaveBeenCalledTimes(2);
    });

    test('later, known keys go on being good for a day, with one request in a cool-down', async () => {
      const token = await signedBy('ES256');
      await status(token);
      fail();
      wait(MAX_AGE_MS);
      for (let i = 0; i < 5; i += 1) expect(await status(token)).toBe(200);
      expect(await status(await signed('ES256', rotated.privateKey, 'unknown'))).toBe(401);
      expect(fetched).toHaveBeenCalledTimes(2);
      wait(COOLDOWN_MS);
      expect(await status(token)).toBe(200);
      expect(fetched).toHaveBeenCalledTimes(3);
      wait(24 * 3_600_000 - MAX_AGE_MS - COOLDOWN_MS);
      expect(await status(await signedBy('ES256'))).toBe(503);
    });
  });
});
