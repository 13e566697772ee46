import { describe, expect, test, vi } from 'vitest';
import { readAuthSettings } from '../../../src/http/auth/auth-settings.ts';
import { expectProblem } from '../../support/problems.ts';
import { SECRET, Service, sign } from '../../support/tokens.ts';

const jwks = {
  AUTH_JWKS_URL: 'https://issuer.example/keys',
  AUTH_ISSUER: 'https://issuer.example',
  AUTH_AUDIENCE: 'berth',
};

describe('settings that would let the wrong ones in are refused, and named:', () => {
  test.each([
    ['nothing at all', {}, 'AUTH_JWT_SECRET'],
    ['an empty secret', { AUTH_JWT_SECRET: '' }, 'AUTH_JWT_SECRET'],
    ['a secret of 31 bytes', { AUTH_JWT_SECRET: 'x'.repeat(31) }, 'AUTH_JWT_SECRET'],
    ['a secret that is no text', { AUTH_JWT_SECRET: 12_345 }, 'AUTH_JWT_SECRET'],
    ['the previous secret alone', { AUTH_JWT_SECRET_PREVIOUS: SECRET }, 'AUTH_JWT_SECRET'],
    [
      'a short previous secret',
      { AUTH_JWT_SECRET: SECRET, AUTH_JWT_SECRET_PREVIOUS: 'short' },
      'AUTH_JWT_SECRET_PREVIOUS',
    ],
    ['another mode', { AUTH: 'Off', AUTH_JWT_SECRET: SECRET }, 'AUTH'],
    ['an empty mode', { AUTH: '', AUTH_JWT_SECRET: SECRET }, 'AUTH'],
    ['a JWKS without an issuer', { ...jwks, AUTH_ISSUER: undefined }, 'AUTH_ISSUER'],
    ['a JWKS with an empty issuer', { ...jwks, AUTH_ISSUER: '' }, 'AUTH_ISSUER'],
    ['a JWKS without an audience', { ...jwks, AUTH_AUDIENCE: undefined }, 'AUTH_AUDIENCE'],
    ['a JWKS that is no URL', { ...jwks, AUTH_JWKS_URL: 'issuer' }, 'AUTH_JWKS_URL'],
    ['a JWKS without TLS', { ...jwks, AUTH_JWKS_URL: 'http://issuer.example/keys' }, 'AUTH_JWKS_URL'],
    ['a JWKS by another scheme', { ...jwks, AUTH_JWKS_URL: 'data:application/json,{}' }, 'AUTH_JWKS_URL'],
    [
      'a JWKS on what only looks local',
      { ...jwks, AUTH_JWKS_URL: 'http://localhost.example/' },
      'AUTH_JWKS_URL',
    ],
    ['a JWKS beside a good secret', { AUTH_JWT_SECRET: SECRET, AUTH_JWKS_URL: 'issuer' }, 'AUTH_JWKS_URL'],
  ])('%s', async (_, settings, name) => {
    const log = vi.spyOn(console, 'error').mockReturnValue();
    expect(readAuthSettings({ ...settings })).toMatchObject({ ok: false, name });
    const service = new Service(settings);
    for (const token of [null, 'rubbish', await sign(), await sign({}, 'short')])
      await expectProblem(await service.call('GET', '/v1/sessions', token), 'auth_not_configured');
    expect(log.mock.calls.flat().join('\n')).toContain(`"setting":"${name}"`);
    expect(log.mock.calls.flat().join('\n')).not.toContain(SECRET);
    log.mockRestore();
  });
});

test('a secret counts in bytes, not characters', () => {
  expect(readAuthSettings({ AUTH_JWT_SECRET: 'é'.repeat(16) }).ok).toBe(true);
  expect(readAuthSettings({ AUTH_JWT_SECRET: 'é'.repeat(15) }).ok).toBe(false);
});

test('keys on this machine may come without TLS', () => {
  for (const host of ['localhost:9', '127.0.0.1:9', '[::1]:9'])
    expect(readAuthSettings({ ...jwks, AUTH_JWKS_URL: `http://${host}/keys` }).ok).toBe(true);
});

describe('while a secret is being rotated', () => {
  const NEXT = 'the-next-secret-of-at-least-32-bytes';
  const status = async (service: Service, secret: string) =>
    (await service.call('GET', '/v1/sessions', await sign({}, secret))).status;

  test('tokens of both are good, and of neither any other', async () => {
    const rotating = new Service({ AUTH_JWT_SECRET: NEXT, AUTH_JWT_SECRET_PREVIOUS: SECRET });
    expect(await status(rotating, NEXT)).toBe(200);
    expect(await status(rotating, SECRET)).toBe(200);
    expect(await status(rotating, `${SECRET}x`)).toBe(401);
  });

  test('an expired token of the previous secret is expired', async () => {
    const rotating = new Service({ AUTH_JWT_SECRET: NEXT, AUTH_JWT_SECRET_PREVIOUS: SECRET });
    const response = await rotating.call('GET', '/v1/sessions', await sign({ exp: 1 }));
    expect((await expectProblem(response, 'unauthenticated')).detail).toContain('expired');
  });

  test('afterwards tokens of the previous secret are bad', async () => {
    expect(await status(new Service({ AUTH_JWT_SECRET: NEXT }), SECRET)).toBe(401);
  });
});

test('a secret is worth nothing where a provider’s keys are set', async () => {
  const service = new Service({ ...jwks, AUTH_JWT_SECRET: SECRET });
  const token = await sign({ iss: jwks.AUTH_ISSUER, aud: jwks.AUTH_AUDIENCE });
  await expectProblem(await service.call('GET', '/v1/sessions', token), 'unauthenticated');
});
