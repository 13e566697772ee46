import { runInDurableObject } from 'cloudflare:test';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { newSessionId } from '../../src/contract/session-id.ts';
import { MAX_VIEWERS } from '../../src/registry/live-feed.ts';
import { callsMade, resetCalls } from '../support/calls.ts';
import { expectProblem } from '../support/problems.ts';
import { advance, MINUTE, stopClock, Tenant, until } from '../support/tenant.ts';
import { inSeconds, ORIGIN, SECRET, Service, sign } from '../support/tokens.ts';
import { knock, Viewer, viewerOf } from '../support/viewer.ts';

const service = new Service();

beforeEach(() => {
  stopClock();
  resetCalls();
});
afterEach(() => vi.useRealTimers());

/** What a refusal is: a problem, no socket, and no object that heard of it. */
async function expectRefused(response: Response, code: Parameters<typeof expectProblem>[1]): Promise<void> {
  expect(response.webSocket).toBeNull();
  await expectProblem(response, code);
  expect(callsMade()).toEqual([]);
}

describe('who comes without a good token is refused before the upgrade:', () => {
  test.each([
    ['no subprotocol', () => []],
    ['no token among them', () => ['berth.v1']],
    ['an empty token', () => ['berth.v1', 'bearer.']],
    ['rubbish', () => ['berth.v1', 'bearer.rubbish']],
    ['an expired token', async () => ['berth.v1', `bearer.${await sign({ exp: 1 })}`]],
    [
      'another secret',
      async () => ['berth.v1', `bearer.${await sign({}, 'another-secret-of-the-same-length')}`],
    ],
    ['a token without its prefix', async () => ['berth.v1', await sign()]],
    ['a bad token before a good one', async () => ['bearer.rubbish', `bearer.${await sign()}`]],
  ])('%s', async (_, protocols) => {
    await expectRefused(await knock(service, await protocols()), 'unauthenticated');
  });

  test('a bad header, whatever is among the subprotocols', async () => {
    const protocols = ['berth.v1', `bearer.${await sign()}`];
    await expectRefused(await knock(service, protocols, { Authorization: 'Bearer x' }), 'unauthenticated');
  });

  test('a token among subprotocols of what is no WebSocket', async () => {
    const headers = { 'Sec-WebSocket-Protocol': `berth.v1, bearer.${await sign()}` };
    for (const path of ['/v1/registry/live', '/v1/registry/stats'])
      await expectRefused(await service.call('GET', path, null, { headers }), 'unauthenticated');
  });

  test('nothing configured', async () => {
    const response = await knock(new Service({}), [`bearer.${await sign()}`]);
    await expectRefused(response, 'auth_not_configured');
  });
});

test.each([
  ['without its scope', { scope: 'sessions:read registry:write' }],
  ['of one session', { session: newSessionId() }],
])('a token %s may not watch', async (_, claims) => {
  await expectRefused(await knock(service, [`bearer.${await sign(claims)}`]), 'forbidden');
});

describe('the page that asks', () => {
  const from = async (origin: string, settings = {}) =>
    knock(new Service({ AUTH_JWT_SECRET: SECRET, ...settings }), ['berth.v1', `bearer.${await sign()}`], {
      Origin: origin,
      Host: new URL(ORIGIN).host,
    });

  test.each(['https://evil.example', `${ORIGIN}.evil.example`, `${ORIGIN}:444`, 'null', 'file://', ''])(
    'may not be of another origin: %j',
    async (origin) => {
      await expectRefused(await from(origin), 'forbidden');
    },
  );

  test('may be our own, and of an origin that is listed', async () => {
    expect((await from(ORIGIN)).status).toBe(101);
    expect((await from('https://app.example', { CORS_ORIGINS: 'https://app.example' })).status).toBe(101);
  });
});

test('a program may send its token in the header', async () => {
  expect((await knock(service, [], { Authorization: `Bearer ${await sign()}` })).status).toBe(101);
});

test.each([
  ['first', (bearer: string) => ['berth.v1', bearer]],
  ['last', (bearer: string) => [bearer, 'other', 'berth.v1']],
])('of the subprotocols berth.v1 is picked, and the token never: %s', async (_, protocols) => {
  const response = await knock(service, protocols(`bearer.${await sign()}`));
  expect(response.headers.get('Sec-WebSocket-Protocol')).toBe('berth.v1');
});

test('who takes messages many at a time gets them so, and a token is never picked', async () => {
  const protocols = [`bearer.${await sign()}`, 'berth.v1', 'berth.v1.batch'];
  const response = await knock(service, protocols);
  expect(response.headers.get('Sec-WebSocket-Protocol')).toBe('berth.v1.batch');
});

test('who does not offer berth.v1 gets no subprotocol', async () => {
  const response = await knock(service, [`bearer.${await sign()}`, 'berth.v2']);
  expect(response.status).toBe(101);
  expect(response.headers.get('Sec-WebSocket-Protocol')).toBeNull();
});

test.each(['GET', 'HEAD'])('%s that is no upgrade of a GET is a 400', async (method) => {
  const headers: Record<string, string> = method === 'HEAD' ? { Upgrade: 'websocket' } : {};
  const response = await service.call(method, '/v1/registry/live', await sign(), { headers });
  expect(response.status).toBe(400);
  expect(response.webSocket).toBeNull();
});

test('there is room for so many viewers of a tenant, and no more; others have their own room', async () => {
  const token = `bearer.${await sign({ tenant: 'crowded' })}`;
  const viewers: Viewer[] = [];
  for (let i = 0; i < MAX_VIEWERS; i += 1) viewers.push(new Viewer(await knock(service, [token])));
  const refused = await knock(service, [token]);
  expect(MAX_VIEWERS).toBe(100);
  expect(refused.webSocket).toBeNull();
  expect(Number(refused.headers.get('Retry-After'))).toBeGreaterThan(0);
  await expectProblem(refused, 'rate_limited');
  expect((await knock(service, [`bearer.${await sign({ tenant: 'roomy' })}`])).status).toBe(101);
  viewers[0]?.socket.close();
  await until(async () => (await knock(service, [token])).status === 101);
}, 30_000);

describe('when a token runs out', () => {
  test('its viewers are closed with 4401, and no others', async () => {
    const tenant = new Tenant();
    const short = await viewerOf(tenant.name, { exp: inSeconds(60) });
    const long = await viewerOf(tenant.name, { exp: inSeconds(120) });
    expect(await tenant.alarmAt()).toBe(Date.now() + MINUTE);
    advance(MINUTE - 1);
    expect(await tenant.alarm()).toBe(true);
    expect(short.closedWith).toBeNull();
    advance(1);
    expect(await tenant.alarm()).toBe(true);
    expect(await short.closed()).toBe(4401);
    expect(long.closedWith).toBeNull();
    expect(await tenant.alarmAt()).toBe(Date.now() + MINUTE);
    advance(MINUTE);
    expect(await tenant.alarm()).toBe(true);
    expect(await long.closed()).toBe(4401);
    expect(await tenant.alarmAt()).toBeNull();
  });

  test('its viewers are closed by the next change where the alarm is late', async () => {
    const tenant = new Tenant();
    const short = await viewerOf(tenant.name, { exp: inSeconds(60) });
    const long = await viewerOf(tenant.name, { exp: inSeconds(120) });
    advance(MINUTE);
    await tenant.created();
    expect(await short.closed()).toBe(4401);
    expect(long.closedWith).toBeNull();
  });

  test('it is so after the registry has slept, too', async () => {
    const tenant = new Tenant();
    const viewer = await viewerOf(tenant.name, { exp: inSeconds(60) });
    await tenant.evictRegistry();
    advance(MINUTE);
    expect(await tenant.alarm()).toBe(true);
    expect(await viewer.closed()).toBe(4401);
  });

  test('a viewer that does not agree to be closed keeps no alarm running', async () => {
    const tenant = new Tenant();
    const token = await sign({ tenant: tenant.name, exp: inSeconds(60) });
    const response = await knock(service, [`bearer.${token}`]);
    advance(MINUTE);
    expect(await tenant.alarm()).toBe(true);
    const states = await runInDurableObject(tenant.registryStub, (_, ctx) =>
      ctx.getWebSockets().map(({ readyState }) => readyState),
    );
    expect(states).toEqual([WebSocket.CLOSING]);
    expect(await tenant.alarmAt()).toBeNull();
    expect(await new Viewer(response).closed()).toBe(4401);
  });

  test.each([1e11, 1e15, 1e300])(
    '%d seconds from 1970 is no time that alarms know, and does no harm',
    async (exp) => {
      const tenant = new Tenant();
      const viewer = await viewerOf(tenant.name, { exp });
      await tenant.created();
      await viewer.seen(2);
      expect(viewer.events).toEqual(expect.arrayContaining(['created']));
    },
  );
});
