import { describe, expect, test } from 'vitest';
import { SECRET, Service, sign } from '../support/tokens.ts';

const ALLOWED = 'https://app.example';
const closed = new Service();
const open = new Service({ AUTH_JWT_SECRET: SECRET, CORS_ORIGINS: `${ALLOWED} http://localhost:3000` });
const token = await sign();

const ANSWERS: readonly (readonly [what: string, method: string, path: string, token: string | null])[] = [
  ['a 200', 'GET', '/v1/sessions', token],
  ['a 201', 'POST', '/v1/sessions', token],
  ['a 400', 'GET', '/v1/sessions?limit=x', token],
  ['a 401', 'GET', '/v1/sessions', null],
  ['a 403', 'GET', '/v1/sessions', await sign({ scope: '' })],
  ['a 404 of the API', 'GET', '/v1/sessions/nothing', token],
  ['a 404 of nothing', 'GET', '/nothing', null],
  ['a 405', 'PUT', '/v1/sessions', null],
  ['a HEAD', 'HEAD', '/v1/sessions', token],
  ['a preflight', 'OPTIONS', '/v1/sessions', null],
  ['what is public', 'GET', '/healthz', null],
  ['the document', 'GET', '/openapi.json', null],
];

function expectProtected({ headers }: Response): void {
  expect(headers.get('Strict-Transport-Security')).toMatch(/^max-age=(\d{8,})/);
  expect(headers.get('X-Content-Type-Options')).toBe('nosniff');
  expect(headers.get('Content-Security-Policy')).toBe("default-src 'none'; frame-ancestors 'none'");
  expect(headers.get('Referrer-Policy')).toBe('no-referrer');
  expect(headers.get('X-Frame-Options')).toBe('DENY');
  expect(headers.get('Cross-Origin-Resource-Policy')).toBe('same-origin');
  expect(headers.get('Cache-Control')).toBe('no-store');
  expect(headers.get('X-Request-Id')).toMatch(/^[\w-]{1,64}$/);
  expect(headers.get('X-Powered-By')).toBeNull();
  expect(headers.get('Set-Cookie')).toBeNull();
}

describe.each(ANSWERS)('%s', (_, method, path, bearer) => {
  test.each([
    ['without CORS', closed],
    ['with CORS', open],
  ])('says what browsers and caches may do with it, %s', async (__, service) => {
    expectProtected(await service.call(method, path, bearer, { headers: { Origin: ALLOWED } }));
  });
});

test.each<[what: string, status: number, settings: Record<string, unknown>]>([
  ['a 429', 429, { REQUESTS_BY_TENANT: { limit: () => Promise.resolve({ success: false }) } }],
  ['a 500', 500, { REQUESTS_BY_TENANT: { limit: () => Promise.reject(new Error('broken')) } }],
  ['a 503 for a bad setting', 503, { MAX_SESSIONS: 'many' }],
  ['a 503 for want of a secret', 503, { AUTH_JWT_SECRET: '' }],
])('%s says the same', async (_, status, settings) => {
  const service = new Service({ AUTH_JWT_SECRET: SECRET, ...settings });
  const response = await service.call('GET', '/v1/sessions', token);
  expect(response.status).toBe(status);
  expectProtected(response);
});

const corsHeaders = ({ headers }: Response) =>
  [...headers.keys()].filter((name) => name.startsWith('access-control-'));

describe('without CORS_ORIGINS', () => {
  test.each([ALLOWED, 'null', 'http://localhost:8787', 'https://berth.example'])(
    'no origin is allowed anything: %s',
    async (origin) => {
      const headers = { Origin: origin, 'Access-Control-Request-Method': 'GET' };
      const preflight = await closed.call('OPTIONS', '/v1/sessions', null, { headers });
      expect(corsHeaders(preflight)).toEqual([]);
      expect(preflight.status).toBe(405);
      expect(corsHeaders(await closed.call('GET', '/v1/sessions', token, { headers }))).toEqual([]);
    },
  );
});

describe('with CORS_ORIGINS', () => {
  const PREFLIGHT = {
    'Access-Control-Request-Method': 'PATCH',
    'Access-Control-Request-Headers': 'authorization,content-type,if-match',
  };
  const preflight = (origin: string, path = '/v1/sessions') =>
    open.call('OPTIONS', path, null, { headers: { ...PREFLIGHT, Origin: origin } });

  test.each([ALLOWED, 'http://localhost:3000'])('%s may call', async (origin) => {
    const response = await preflight(origin);
    expect(response.status).toBe(204);
    expect(response.headers.get('Access-Control-Allow-Origin')).toBe(origin);
    expect(response.headers.get('Access-Control-Allow-Methods')?.split(',')).toEqual(
      expect.arrayContaining(['GET', 'POST', 'PUT', 'PATCH', 'DELETE']),
    );
    const allowed = response.headers.get('Access-Control-Allow-Headers')?.toLowerCase().split(',');
    for (const name of ['authorization', 'content-type', 'idempotency-key', 'if-match', 'x-request-id'])
      expect(allowed).toContain(name);
    expect(response.headers.get('Access-Control-Allow-Credentials')).toBeNull();
    expect(response.headers.get('Vary')).toContain('Origin');
  });

  test.each([
    `${ALLOWED}.evil.example`,
    `${ALLOWED}:8443`,
    'http://app.example',
    'https://APP.example',
    'https://sub.app.example',
    `${ALLOWED}/`,
    `${ALLOWED} http://localhost:3000`,
    'https://evil.example',
    'null',
    '*',
  ])('%s may not, and caches are told that it depends', async (origin) => {
    expect(corsHeaders(await preflight(origin))).toEqual([]);
    const response = await open.call('GET', '/v1/sessions', token, { headers: { Origin: origin } });
    expect(corsHeaders(response)).toEqual([]);
    expect(response.headers.get('Vary')).toContain('Origin');
  });

  test.each([
    ['an answer', '/v1/sessions', token],
    ['a 401', '/v1/sessions', null],
    ['a 400', '/v1/sessions?limit=x', token],
    ['a 404', '/v1/nothing', null],
    ['a 405', '/v1/sessions/x/resume', null],
    ['what is public', '/healthz', null],
    ['the document', '/openapi.json', null],
  ])('%s can be read, with the headers that a client needs', async (_, path, bearer) => {
    const { headers } = await open.call('GET', path, bearer, { headers: { Origin: ALLOWED } });
    expect(headers.get('Access-Control-Allow-Origin')).toBe(ALLOWED);
    const exposed = headers.get('Access-Control-Expose-Headers')?.split(',');
    for (const name of ['Berth-Total', 'ETag', 'Location', 'Retry-After', 'WWW-Authenticate', 'X-Request-Id'])
      expect(exposed).toContain(name);
    expect(headers.get('Vary')).toContain('Origin');
  });

  test('an allowed origin still needs a token', async () => {
    const response = await open.call('GET', '/v1/sessions', null, { headers: { Origin: ALLOWED } });
    expect(response.status).toBe(401);
  });

  test('a program, which names no origin, is told that caches must tell origins apart', async () => {
    const response = await open.call('GET', '/v1/sessions', token);
    expect(corsHeaders(response)).toEqual([]);
    expect(response.headers.get('Vary')).toContain('Origin');
  });
});
