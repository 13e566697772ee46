import { beforeEach, describe, expect, test } from 'vitest';
import { createApp } from '../../../src/app.ts';
import { routes } from '../../../src/http/routes/index.ts';
import { SCOPES } from '../../../src/contract/scopes.ts';
import { newSessionId } from '../../../src/contract/session-id.ts';
import type { Session } from '../../../src/contract/session.ts';
import { addressOf, guarded, nameOf, sentTo } from '../../support/addresses.ts';
import { callsMade, resetCalls } from '../../support/calls.ts';
import { expectProblem } from '../../support/problems.ts';
import { ALL_SCOPES, callerOf, Caller, Service, sign } from '../../support/tokens.ts';

const service = new Service();
beforeEach(resetCalls);

/** Every scope but one. */
const without = (scope: string) =>
  ALL_SCOPES.split(' ')
    .filter((it) => it !== scope)
    .join(' ');

test('every route declares a scope that there is, or is one of those that are known to be public', () => {
  const open = routes.filter(({ scope }) => scope === 'public').map(nameOf);
  expect(open.toSorted()).toEqual(['GET /healthz', 'GET /openapi.json']);
  for (const route of guarded) expect(Object.keys(SCOPES), nameOf(route)).toContain(route.scope);
});

test('nothing of the API is mounted past the table of routes, and nothing else takes more than a GET', () => {
  const mounted = createApp().routes.filter(({ method }) => method !== 'ALL');
  const declared = new Set(routes.map(nameOf));
  const others = mounted.filter(({ method, path }) => !declared.has(`${method} ${path}`));
  expect(mounted.length).toBeGreaterThan(routes.length);
  for (const { method, path } of others) {
    expect(method, path).toBe('GET');
    expect(path).not.toMatch(/^\/(v1|\*|:)/);
  }
});

test('what reads asks for a scope that reads, what writes for one that writes', () => {
  for (const route of guarded)
    expect(route.scope, nameOf(route)).toMatch(route.method === 'GET' ? /:read$/ : /:write$/);
});

test('what is public needs no token, and a bad one does no harm', async () => {
  for (const path of ['/healthz', '/openapi.json']) {
    expect((await service.call('GET', path, null)).status).toBe(200);
    expect((await service.call('GET', path, 'rubbish')).status).toBe(200);
  }
  expect(callsMade()).toEqual([]);
});

describe.each(guarded.map((route) => [nameOf(route), route] as const))('%s', (_, route) => {
  const request = async (claims: Record<string, unknown>, parameters = {}) =>
    service.call(route.method, addressOf(route, parameters), await sign(claims), sentTo(route));

  test.each([
    ['every other scope', { scope: without(route.scope) }],
    ['no scope', { scope: '' }],
    ['no claim of scopes', { scope: undefined }],
    ['a scope in capitals', { scope: route.scope.toUpperCase() }],
    ['the beginning of its scope', { scope: route.scope.slice(0, -1) }],
    ['scopes between commas', { scope: ALL_SCOPES.replaceAll(' ', ',') }],
    ['the names of an object’s own members', { scope: 'constructor toString __proto__ *' }],
  ])('with %s is a 403, and no object is called', async (name, claims) => {
    const { detail } = await expectProblem(await request(claims), 'forbidden');
    expect(detail, name).toContain(route.scope);
    expect(callsMade()).toEqual([]);
  });

  test('with its scope alone is let through', async () => {
    expect((await request({ scope: route.scope })).status).not.toBe(403);
    expect(callsMade().length).toBeGreaterThan(0);
  });

  test('with a token of another session is a 403, and no object is called', async () => {
    await expectProblem(await request({ session: newSessionId() }), 'forbidden');
    expect(callsMade()).toEqual([]);
  });

  test('with a token of one session is let through where it is about that session, alone', async () => {
    const session = newSessionId();
    for (const claim of [session, session.toUpperCase()]) {
      const response = await request({ session: claim }, { id: session });
      if (route.session === true) await expectProblem(response, 'session_not_found');
      else await expectProblem(response, 'forbidden');
    }
  });
});

test('every route about one session is one that a token of that session may use, no other', () => {
  for (const route of guarded)
    expect(route.session === true, nameOf(route)).toBe(route.path.startsWith('/v1/sessions/:id'));
});

describe('a token of one session', () => {
  test('cannot reach another by any spelling of the path, nor by touching beside an append', async () => {
    const all = await callerOf(service, 'narrow');
    const mine = await all.json<Session>('POST', '/v1/sessions');
    const other = await all.json<Session>('POST', '/v1/sessions');
    const narrow = await callerOf(service, 'narrow', { session: mine.sessionId });
    resetCalls();
    for (const path of [
      `/v1/sessions/${other.sessionId}`,
      `/v1/sessions/${other.sessionId.toUpperCase()}`,
      `/v1/sessions/${mine.sessionId}%2f..%2f${other.sessionId}`,
      `/v1/sessions/${encodeURIComponent(`${mine.sessionId}/../${other.sessionId}`)}`,
      `/v1/sessions/${mine.sessionId}%00`,
      `/v1/sessions/${mine.sessionId}/../${other.sessionId}`,
      '/v1/sessions',
    ])
      await expectProblem(await narrow.call('GET', path), 'forbidden');
    const append = `/v1/projects/p/transcripts/t/entries?touch=${mine.sessionId}`;
    await expectProblem(await narrow.call('POST', append, { body: { entries: [] } }), 'forbidden');
    expect(callsMade()).toEqual([]);
    const spelled = `/v1/sessions/%${mine.sessionId.charCodeAt(0).toString(16)}${mine.sessionId.slice(1)}`;
    expect((await narrow.call('GET', spelled)).status).toBe(200);
  });

  test('is no good for a session of that id in another tenant', async () => {
    const { sessionId } = await (await callerOf(service, 'narrow')).json<Session>('POST', '/v1/sessions');
    const elsewhere = await callerOf(service, 'elsewhere', { session: sessionId });
    await expectProblem(await elsewhere.call('GET', `/v1/sessions/${sessionId}`), 'session_not_found');
  });
});

describe('bypassPermissions', () => {
  const bypass = { permissionMode: 'bypassPermissions' };

  test('needs its own scope to create and to patch, and no object is called without', async () => {
    const plain = await callerOf(service, 'bypass', { scope: without('sessions:bypass') });
    const { sessionId } = await plain.json<Session>('POST', '/v1/sessions');
    resetCalls();
    const address = `/v1/sessions/${sessionId}`;
    for (const [method, path] of [
      ['POST', '/v1/sessions'],
      ['PATCH', address],
    ] as const) {
      const { detail } = await expectProblem(await plain.call(method, path, { body: bypass }), 'forbidden');
      expect(detail).toContain('sessions:bypass');
    }
    expect(callsMade()).toEqual([]);
    const trusted = await callerOf(service, 'bypass');
    expect((await trusted.json<Session>('PATCH', address, { body: bypass })).config.permissionMode).toBe(
      'bypassPermissions',
    );
    const created = await trusted.json<Session>('POST', '/v1/sessions', { body: bypass });
    expect(created.config.permissionMode).toBe('bypassPermissions');
  });

  test('alone allows nothing', async () => {
    const only = new Caller(service, await sign({ scope: 'sessions:bypass' }));
    await expectProblem(await only.call('POST', '/v1/sessions', { body: bypass }), 'forbidden');
  });
});

test('an append that touches a session needs the scope for sessions too', async () => {
  const path = `/v1/projects/p/transcripts/t/entries?touch=${newSessionId()}`;
  const only = new Caller(service, await sign({ scope: 'transcripts:write' }));
  const { detail } = await expectProblem(
    await only.call('POST', path, { body: { entries: [] } }),
    'forbidden',
  );
  expect(detail).toContain('sessions:write');
  expect(callsMade()).toEqual([]);
});
