import { exportSPKI, generateKeyPair, SignJWT } from 'jose';
import { beforeEach, describe, expect, test, vi } from 'vitest';
import { addressOf, guarded, nameOf, sentTo } from '../../support/addresses.ts';
import { callsMade, resetCalls } from '../../support/calls.ts';
import { expectProblem } from '../../support/problems.ts';
import { ALL_SCOPES, forge, inSeconds, SECRET, Service, sign, type Claims } from '../../support/tokens.ts';

const AUDIENCE = 'https://berth.example';
const ISSUER = 'https://issuer.example';
const settings = { AUTH_ISSUER: ISSUER, AUTH_AUDIENCE: AUDIENCE };

/** Long enough for every HMAC, so that only its algorithm is wrong with a token of another one. */
const LONG_SECRET = SECRET.repeat(2);

const service = new Service({ ...settings, AUTH_JWT_SECRET: LONG_SECRET });

// The provider's public key is known to all: no token may be signed with it.
const provider = await generateKeyPair('RS256', { extractable: true });
const publicPem = await exportSPKI(provider.publicKey);

const GOOD: Claims = { iss: ISSUER, aud: AUDIENCE, tenant: 'acme' };
const good = (claims: Claims, secret = LONG_SECRET) => sign({ ...GOOD, ...claims }, secret);
const forged = (header: object, signature?: string) =>
  forge(header, { ...GOOD, scope: ALL_SCOPES, exp: inSeconds(3_600) }, signature);
const otherAlgorithm = (alg: string) =>
  new SignJWT({ ...GOOD, scope: ALL_SCOPES, exp: inSeconds(3_600) })
    .setProtectedHeader({ alg })
    .sign(new TextEncoder().encode(LONG_SECRET));

/** Cuts a part of a token, and puts another one in its place. */
async function withPart(at: 0 | 1 | 2, change: (part: string) => string): Promise<string> {
  const parts = (await good({})).split('.');
  parts[at] = change(parts[at] ?? '');
  return parts.join('.');
}

const BAD_TOKENS: readonly (readonly [name: string, token: string])[] = [
  ['rubbish', 'rubbish'],
  ['rubbish in three parts', 'a.b.c'],
  ['three dots', '..'],
  ['longer than any', `${'x'.repeat(9_000)}.y.z`],
  ['expired', await good({ exp: inSeconds(-6) })],
  ['expired long ago', await good({ exp: 1 })],
  ['that never expires', await good({ exp: undefined })],
  ['with an expiry in words', await good({ exp: 'never' })],
  ['not valid yet', await good({ nbf: inSeconds(60) })],
  ['signed with another secret', await good({}, 'another-secret-of-the-same-length')],
  ['signed with a short secret', await good({}, 'short')],
  ['signed with an empty secret', await withPart(2, () => '')],
  ['with a changed payload', await withPart(1, (part) => `${part.slice(0, -2)}AA`)],
  [
    'with a changed signature',
    await withPart(2, (part) => (part.startsWith('A') ? 'B' : 'A') + part.slice(1)),
  ],
  ['of alg none', forged({ alg: 'none' })],
  ['of alg NONE with a signature', forged({ alg: 'NONE' }, 'c2lnbmF0dXJl')],
  ['of no alg', forged({ typ: 'JWT' })],
  ['of HS384 with the right secret', await otherAlgorithm('HS384')],
  ['of HS512 with the right secret', await otherAlgorithm('HS512')],
  [
    'of RS256',
    await new SignJWT({ ...GOOD, exp: inSeconds(60) })
      .setProtectedHeader({ alg: 'RS256' })
      .sign(provider.privateKey),
  ],
  ['with an unknown critical header', forged({ alg: 'HS256', crit: ['exp'], exp: 1 }, 'c2lnbmF0dXJl')],
  ['for another audience', await good({ aud: 'https://other.example' })],
  ['for no audience', await good({ aud: undefined })],
  ['of another issuer', await good({ iss: 'https://issuer.example.evil.example' })],
  ['of no issuer', await good({ iss: undefined })],
  ['whose tenant has a slash', await good({ tenant: 'acme/x' })],
  ['whose tenant has capitals', await good({ tenant: 'Acme' })],
  ['whose tenant is empty', await good({ tenant: '' })],
  ['whose tenant is too long', await good({ tenant: 'a'.repeat(64) })],
  ['whose tenant is a number', await good({ tenant: 7 })],
  ['whose tenant is null', await good({ tenant: null })],
  ['whose tenant is a list', await good({ tenant: ['acme'] })],
  ['whose tenant has a Cyrillic letter', await good({ tenant: 'аcme' })],
  ['whose tenant ends with a line', await good({ tenant: 'acme\n' })],
  ['whose scope is a list', await good({ scope: ALL_SCOPES.split(' ') })],
  ['whose scope is null', await good({ scope: null })],
  ['whose session is no session’s id', await good({ session: 'abc' })],
  ['whose session is a number', await good({ session: 1 })],
  ['whose session is null', await good({ session: null })],
  ['whose session is a UUID of version 4', await good({ session: '3f2504e0-4f89-41d3-9a0c-0305e82c3301' })],
];

beforeEach(resetCalls);

describe.each(guarded.map((route) => [nameOf(route), route] as const))('%s', (_, route) => {
  const request = (token: string | null, headers: Record<string, string> = {}, to = service) => {
    const sent = sentTo(route);
    return to.call(route.method, addressOf(route), token, {
      ...sent,
      headers: { ...sent.headers, ...headers },
    });
  };

  test('without a token is a 401 that asks for one, and no object is called', async () => {
    const response = await request(null);
    expect(response.headers.get('WWW-Authenticate')).toBe('Bearer realm="berth"');
    await expectProblem(response, 'unauthenticated');
    expect(callsMade()).toEqual([]);
  });

  test.each(['Basic dXNlcjpwYXNz', 'Bearer', 'Bearer ', 'Token abc', ''])(
    'with Authorization %j is a 401, and no object is called',
    async (header) => {
      await expectProblem(await request(null, { Authorization: header }), 'unauthenticated');
      expect(callsMade()).toEqual([]);
    },
  );

  test('with any bad token is a 401 that names the error, and no object is called', async () => {
    for (const [name, token] of BAD_TOKENS) {
      const response = await request(token);
      expect(response.status, name).toBe(401);
      expect(response.headers.get('WWW-Authenticate'), name).toBe(
        'Bearer realm="berth", error="invalid_token"',
      );
      const { detail } = await expectProblem(response, 'unauthenticated');
      expect(detail, name).toMatch(/^(The token is not valid: |This needs a bearer token)/);
    }
    expect(callsMade()).toEqual([]);
  });

  test('with HS256 made of the public key of a JWKS is a 401, and no object is called', async () => {
    const fetches = vi.spyOn(globalThis, 'fetch').mockRejectedValue(new TypeError('no network'));
    const withKeys = new Service({ ...settings, AUTH_JWKS_URL: 'https://issuer.example/keys' });
    for (const secret of [publicPem, publicPem.trim(), publicPem.replaceAll('\n', '')])
      await expectProblem(await request(await good({}, secret), {}, withKeys), 'unauthenticated');
    await expectProblem(await request(forged({ alg: 'none' }), {}, withKeys), 'unauthenticated');
    // The algorithm is refused before a key is asked for.
    expect(fetches).not.toHaveBeenCalled();
    fetches.mockRestore();
    expect(callsMade()).toEqual([]);
  });

  test('with nothing set is a 503, whatever the token', async () => {
    const unset = new Service({});
    await expectProblem(await request(null, {}, unset), 'auth_not_configured');
    await expectProblem(await request(await good({}), {}, unset), 'auth_not_configured');
    expect(callsMade()).toEqual([]);
  });

  test('with a good token is let through', async () => {
    const response = await request(await good({}));
    expect([401, 403, 503]).not.toContain(response.status);
    expect(response.status).toBeLessThan(500);
    expect(callsMade().length).toBeGreaterThan(0);
  });
});

test.each([
  ['just expired, within what clocks may differ', () => ({ exp: inSeconds(-2) })],
  ['not quite valid yet', () => ({ nbf: inSeconds(3) })],
  ['with several audiences', () => ({ aud: ['https://other.example', AUDIENCE] })],
  ['of no tenant', () => ({ tenant: undefined })],
  ['with claims that are not ours', () => ({ sub: 'someone', jti: 7, 'https://example/roles': ['x'] })],
])('a token %s is good', async (_, claims) => {
  expect((await service.call('GET', '/v1/sessions', await good(claims()))).status).toBe(200);
});

test.each(['bearer', 'BEARER', 'Bearer  '])('the scheme may be written %s', async (scheme) => {
  const headers = { Authorization: `${scheme} ${await good({})}` };
  expect((await service.call('GET', '/v1/sessions', null, { headers })).status).toBe(200);
});
