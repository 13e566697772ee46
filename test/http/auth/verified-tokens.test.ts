import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { DEVELOPER, type Principal } from '../../../src/http/auth/principal.ts';
import { VerifiedTokens } from '../../../src/http/auth/verified-tokens.ts';
import { expectProblem } from '../../support/problems.ts';
import { inSeconds, Service, sign } from '../../support/tokens.ts';

const KEEP_MS = 30_000;
const MAX_KEPT = 1_000;
const HOUR_MS = 3_600_000;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() });
});
afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});
const wait = (ms: number) => vi.setSystemTime(Date.now() + ms);

describe('a token that was found good', () => {
  const good = async (token: string, service: Service) =>
    expect((await service.call('GET', '/v1/sessions', token)).status).toBe(200);
  const verifications = () => vi.spyOn(crypto.subtle, 'verify');

  test('is not verified again for a while', async () => {
    const [service, token, verify] = [new Service(), await sign(), verifications()];
    await good(token, service);
    await good(token, service);
    wait(KEEP_MS - 1);
    await good(token, service);
    expect(verify).toHaveBeenCalledTimes(1);
    wait(1);
    await good(token, service);
    expect(verify).toHaveBeenCalledTimes(2);
  });

  test('is good no longer once it has run out', async () => {
    const [service, token] = [new Service(), await sign({ exp: inSeconds(10) })];
    await good(token, service);
    // Clocks may differ by five seconds.
    wait(17_000);
    await expectProblem(await service.call('GET', '/v1/sessions', token), 'unauthenticated');
  });

  test('is good with what was verified alone', async () => {
    const [service, token] = [new Service(), await sign({ tenant: 'acme' })];
    await good(token, service);
    const [head = '', claims = '', signature = ''] = token.split('.');
    const other = await sign({ tenant: 'other' }, 'another-secret-of-the-same-length');
    for (const forged of [
      `${head}.${claims}.`,
      `${head}.${claims}.${signature.startsWith('A') ? 'B' : 'A'}${signature.slice(1)}`,
      `${head}.${other.split('.')[1]}.${signature}`,
    ])
      await expectProblem(await service.call('GET', '/v1/sessions', forged), 'unauthenticated');
  });

  test('is not good for another deployment', async () => {
    const token = await sign();
    await good(token, new Service());
    const other = new Service({ AUTH_JWT_SECRET: 'another-secret-of-the-same-length' });
    await expectProblem(await other.call('GET', '/v1/sessions', token), 'unauthenticated');
  });

  test('is verified again where one was refused', async () => {
    const [service, token, verify] = [new Service(), await sign({ tenant: 'No Tenant' }), verifications()];
    for (let time = 1; time <= 2; time += 1)
      await expectProblem(await service.call('GET', '/v1/sessions', token), 'unauthenticated');
    expect(verify).toHaveBeenCalledTimes(2);
  });
});

test.each([
  ['the header', (token: string, room: string) => ({ Authorization: `Bearer ${room}${token}` }), ' '],
  [
    'the subprotocols',
    (token: string, room: string) => ({
      Upgrade: 'websocket',
      'Sec-WebSocket-Protocol': `berth.v1, bearer.${token}, ${room}`,
    }),
    'x',
  ],
])(
  'a good token in %s is not looked at where that is long: what is kept would keep it',
  async (_, headersOf, filler) => {
    const [service, token] = [new Service(), await sign()];
    const call = (length: number) =>
      service.call('GET', '/v1/registry/live', null, { headers: headersOf(token, filler.repeat(length)) });
    expect((await call(1_000)).status).not.toBe(401);
    await expectProblem(await call(12_000), 'unauthenticated');
  },
);

describe('what is kept', () => {
  const until = (expiresAt: number): Principal => ({ ...DEVELOPER, expiresAt });

  test('is no more than a bound, and the oldest goes first', () => {
    const tokens = new VerifiedTokens();
    const now = Date.now();
    const principal = until(now + HOUR_MS);
    for (let i = 0; i < MAX_KEPT; i += 1) tokens.keep(`${i}`, principal, now);
    // Verified anew, this one is the youngest.
    tokens.keep('0', principal, now);
    tokens.keep('one more', principal, now);
    expect(tokens.find('0', now)).toBe(principal);
    expect(tokens.find('1', now)).toBeNull();
    expect(tokens.find('2', now)).toBe(principal);
    expect(tokens.find('one more', now)).toBe(principal);
  });

  test('counts no longer where the clock was set back', () => {
    const tokens = new VerifiedTokens();
    const now = Date.now();
    tokens.keep('token', until(now + HOUR_MS), now);
    expect(tokens.find('token', now - 1)).toBeNull();
  });

  test('is worth nothing from the instant on in which the token runs out', () => {
    const tokens = new VerifiedTokens();
    const now = Date.now();
    tokens.keep('token', until(now + 2), now);
    expect(tokens.find('token', now + 1)).not.toBeNull();
    expect(tokens.find('token', now + 2)).toBeNull();
  });
});
