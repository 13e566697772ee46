import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { env } from 'cloudflare:workers';
import { MemoryRateLimiter, RATE_LIMITS, type RateLimitName } from '../../src/http/rate-limits.ts';
import wrangler from '../../wrangler.toml?raw';
import { callsMade, resetCalls } from '../support/calls.ts';
import { expectProblem } from '../support/problems.ts';
import { SECRET, Service, sign } from '../support/tokens.ts';

const NAMES = Object.keys(RATE_LIMITS) as RateLimitName[];
/** Settings in which no binding is there, as on a plain workerd. */
const NO_BINDINGS = Object.fromEntries(NAMES.map((name) => [name, undefined]));

beforeEach(resetCalls);
afterEach(() => vi.useRealTimers());

/** What counts by itself, and refuses whom it is told to. */
function limiters(refusing: RateLimitName | null) {
  const counted: [RateLimitName, string][] = [];
  const bindings = NAMES.map((name) => [
    name,
    {
      limit({ key }: { key: string }) {
        counted.push([name, key]);
        return Promise.resolve({ success: name !== refusing });
      },
    },
  ]);
  return { counted, bindings: Object.fromEntries(bindings) as Record<string, unknown> };
}

test('the numbers in wrangler.toml are those that the code and the window in memory use', () => {
  const declared = [
    ...wrangler.matchAll(
      /\[\[ratelimits\]\]\nname = "(\w+)"\nnamespace_id = "(\d+)"\nsimple = \{ limit = (\d+), period = (\d+) \}/g,
    ),
  ].map(([, name, , limit, period]) => [name, { limit: Number(limit), periodS: Number(period) }]);
  expect(Object.fromEntries(declared)).toEqual(RATE_LIMITS);
  const ids = [...wrangler.matchAll(/^namespace_id = "(\d+)"$/gm)].map(([, id]) => id);
  expect(new Set(ids).size).toBe(NAMES.length);
});

test('each limit has its own number', () => {
  expect(new Set(NAMES.map((name) => RATE_LIMITS[name].limit)).size).toBe(NAMES.length);
});

test.each([
  ['POST', '/v1/sessions', ['CREATES_BY_TENANT', 'CREATES_BY_TOKEN']],
  ['GET', '/v1/sessions', ['REQUESTS_BY_TENANT', 'REQUESTS_BY_TOKEN']],
  ['PUT', '/v1/registry/limits', ['REQUESTS_BY_TENANT', 'REQUESTS_BY_TOKEN']],
])('%s %s is counted by its tenant and by its token', async (method, path, names) => {
  const { counted, bindings } = limiters(null);
  const service = new Service({ AUTH_JWT_SECRET: SECRET, ...bindings });
  const [first, second] = [await sign({ tenant: 'a', jti: '1' }), await sign({ tenant: 'a', jti: '2' })];
  for (const token of [first, second, first]) await service.call(method, path, token);
  expect(counted.map(([name]) => name)).toEqual([...names, ...names, ...names]);
  const [tenants, tokens] = [counted.filter((_, i) => i % 2 === 0), counted.filter((_, i) => i % 2 === 1)];
  expect(new Set(tenants.map(([, key]) => key))).toEqual(new Set(['a']));
  const [one, two, again] = tokens.map(([, key]) => key);
  expect(one).not.toBe(two);
  expect(again).toBe(one);
  expect(one).not.toContain(first);
});

test('a token counts as one however its signature is written', async () => {
  const { counted, bindings } = limiters(null);
  const service = new Service({ AUTH_JWT_SECRET: SECRET, ...bindings });
  const token = await sign();
  // The last character of 32 bytes in base64 has two bits to spare.
  const digits = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
  const last = digits.indexOf(token.at(-1) ?? '');
  const spellings = [0, 1, 2, 3].map((bits) => last - (last % 4) + bits);
  for (const digit of spellings)
    await service.call('GET', '/v1/registry/limits', token.slice(0, -1) + (digits[digit] ?? ''));
  await service.call('GET', '/v1/registry/limits', `${token}=`);
  const keys = counted.flatMap(([name, key]) => (name === 'REQUESTS_BY_TOKEN' ? [key] : []));
  expect(keys.length).toBeGreaterThan(0);
  expect(new Set(keys).size).toBe(1);
});

test.each(NAMES.filter((name) => name !== 'AUTH_FAILURES_BY_ADDRESS'))(
  'over %s, a request is a 429 with Retry-After, and no object is called',
  async (name) => {
    const service = new Service({ AUTH_JWT_SECRET: SECRET, ...limiters(name).bindings });
    const method = name.startsWith('CREATES') ? 'POST' : 'GET';
    const response = await service.call(method, '/v1/sessions', await sign());
    expect(response.headers.get('Retry-After')).toBe(String(RATE_LIMITS[name].periodS));
    await expectProblem(response, 'rate_limited');
    expect(callsMade()).toEqual([]);
    const other = await service.call(method === 'POST' ? 'GET' : 'POST', '/v1/sessions', await sign());
    expect(other.status).toBeLessThan(300);
  },
);

describe('a failed authentication', () => {
  const from = (address: string) => ({ headers: { 'CF-Connecting-IP': address } });

  test('is counted by its address, and never by what the token says', async () => {
    const { counted, bindings } = limiters(null);
    const service = new Service({ AUTH_JWT_SECRET: SECRET, ...bindings });
    await service.call('GET', '/v1/sessions', null, from('192.0.2.1'));
    await service.call('POST', '/v1/sessions', await sign({}, 'x'), from('192.0.2.2'));
    await service.call('GET', '/v1/sessions', 'rubbish', from('2'.repeat(5_000)));
    expect(counted).toEqual([
      ['AUTH_FAILURES_BY_ADDRESS', '192.0.2.1'],
      ['AUTH_FAILURES_BY_ADDRESS', '192.0.2.2'],
      ['AUTH_FAILURES_BY_ADDRESS', '2'.repeat(45)],
    ]);
  });

  test('is a 429 over its limit, while good tokens from there are served', async () => {
    const bindings = limiters('AUTH_FAILURES_BY_ADDRESS').bindings;
    const service = new Service({ AUTH_JWT_SECRET: SECRET, ...bindings });
    const response = await service.call('GET', '/v1/sessions', 'rubbish');
    expect(response.headers.get('Retry-After')).toBe('10');
    await expectProblem(response, 'rate_limited');
    expect((await service.call('GET', '/v1/sessions', await sign())).status).toBe(200);
  });
});

test('with AUTH=off nothing is counted', async () => {
  const { counted, bindings } = limiters('REQUESTS_BY_TENANT');
  const service = new Service({ AUTH: 'off', ...bindings });
  const response = await service.call('GET', '/v1/sessions', null, { headers: { Host: 'localhost' } });
  expect(response.status).toBe(200);
  expect(counted).toEqual([]);
});

test('the platform’s own bindings are there, and are asked', async () => {
  for (const name of NAMES) expect(await env[name].limit({ key: name })).toEqual({ success: true });
  const limit = vi.spyOn(env.REQUESTS_BY_TENANT, 'limit');
  const service = new Service();
  expect((await service.call('GET', '/v1/sessions', await sign({ tenant: 'asked' }))).status).toBe(200);
  expect(limit).toHaveBeenCalledWith({ key: 'asked' });
  limit.mockRestore();
});

test('without bindings a window in memory counts each tenant for itself', async () => {
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() });
  const service = new Service({ AUTH_JWT_SECRET: SECRET, ...NO_BINDINGS });
  const flood = { headers: { 'CF-Connecting-IP': '192.0.2.9' } };
  const { limit, periodS } = RATE_LIMITS.AUTH_FAILURES_BY_ADDRESS;
  for (let i = 0; i < limit; i += 1) await service.call('GET', '/v1/sessions', null, flood);
  await expectProblem(await service.call('GET', '/v1/sessions', null, flood), 'rate_limited');
  await expectProblem(await service.call('GET', '/v1/sessions', null), 'unauthenticated');
  vi.setSystemTime(Date.now() + periodS * 1000);
  await expectProblem(await service.call('GET', '/v1/sessions', null, flood), 'unauthenticated');
});

describe('the window in memory', () => {
  const tries = async (limiter: MemoryRateLimiter, key: string, times: number) => {
    const outcomes = [];
    for (let i = 0; i < times; i += 1) outcomes.push((await limiter.limit({ key })).success);
    return outcomes;
  };

  test('lets the limit through for each key, and begins anew with each period', async () => {
    vi.useFakeTimers({ toFake: ['Date'], now: 1_000_000_000_000 });
    const limiter = new MemoryRateLimiter(2, 10);
    expect(await tries(limiter, 'a', 3)).toEqual([true, true, false]);
    expect(await tries(limiter, 'b', 2)).toEqual([true, true]);
    vi.setSystemTime(1_000_000_009_999);
    expect(await tries(limiter, 'a', 1)).toEqual([false]);
    vi.setSystemTime(1_000_000_010_000);
    expect(await tries(limiter, 'a', 3)).toEqual([true, true, false]);
  });

  test('does not grow without bound: it begins anew instead', async () => {
    vi.useFakeTimers({ toFake: ['Date'], now: 1_000_000_000_000 });
    const limiter = new MemoryRateLimiter(1, 10);
    await tries(limiter, 'first', 1);
    for (let i = 0; i < 99_998; i += 1) void limiter.limit({ key: `key-${i}` });
    expect(await tries(limiter, 'first', 1)).toEqual([false]);
    await tries(limiter, 'one-too-many', 1);
    expect(await tries(limiter, 'first', 1)).toEqual([true]);
  });
});
