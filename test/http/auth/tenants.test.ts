import { describe, expect, test } from 'vitest';
import type { RegistryLimits, RegistryStats, Series } from '../../../src/contract/registry.ts';
import { newSessionId } from '../../../src/contract/session-id.ts';
import type { Session, SessionPage } from '../../../src/contract/session.ts';
import { Objects } from '../../../src/http/objects.ts';
import * as lifecycle from '../../../src/session/lifecycle.ts';
import { toReport } from '../../../src/session/view.ts';
import { addressOf, guarded, nameOf, sentTo } from '../../support/addresses.ts';
import { expectInvalid, expectProblem } from '../../support/problems.ts';
import { DEFAULTS } from '../../support/tenant.ts';
import { callerOf, Service, type Caller } from '../../support/tokens.ts';

const service = new Service();
let pairs = 0;

/** Two tenants that have nothing yet. One's name is the beginning of the other's. */
async function twoTenants(): Promise<[red: Caller, blue: Caller]> {
  pairs += 1;
  return [await callerOf(service, `pair-${pairs}`), await callerOf(service, `pair-${pairs}-x`)];
}

/** All that a tenant can learn of itself. */
async function everythingOf(caller: Caller) {
  const metrics = await caller.call('GET', '/v1/registry/metrics');
  return {
    list: await caller.json<SessionPage>('GET', '/v1/sessions?status=all&limit=100'),
    stats: await caller.json<RegistryStats>('GET', '/v1/registry/stats'),
    series: (await caller.json<Series>('GET', '/v1/registry/series?minutes=60')).data.map(
      ({ active, created, expired, ended, rejected, messages }) => [
        active,
        created,
        expired,
        ended,
        rejected,
        messages,
      ],
    ),
    limits: await caller.json<RegistryLimits>('GET', '/v1/registry/limits'),
    metrics: new TextDecoder().decode(await metrics.arrayBuffer()),
  };
}

const create = (caller: Caller, body: unknown = {}, headers: Record<string, string> = {}) =>
  caller.json<Session>('POST', '/v1/sessions', { body, headers });
const idsOf = ({ data }: SessionPage) => data.map(({ sessionId }) => sessionId);

/** The same id in two tenants: no client can choose one, but nothing may rest on that. */
async function sameIdIn(...tenants: readonly string[]): Promise<string> {
  const sessionId = newSessionId();
  for (const tenant of tenants) {
    const objects = new Objects(service.env, tenant);
    const report = toReport(lifecycle.create(sessionId, { model: tenant }, DEFAULTS, Date.now()));
    const reserved = await objects.registry((registry) => registry.reserve({ sessionId, report }));
    if (!reserved.ok || reserved.value.deadline === null) throw new Error('No slot');
    const { deadline } = reserved.value;
    await objects.session(sessionId, 'once', (it) =>
      it.create(sessionId, { model: tenant }, DEFAULTS, deadline),
    );
  }
  return sessionId;
}

describe('a session of another tenant is a plain 404', () => {
  const ofSessions = guarded.filter(({ session }) => session === true);

  test.each(ofSessions.map((route) => [nameOf(route), route] as const))('%s', async (_, route) => {
    const [red, blue] = await twoTenants();
    const { sessionId } = await create(red, { metadata: { team: 'red' } });
    const before = [await everythingOf(red), await everythingOf(blue)];
    const mine = await red.json<Session>('GET', `/v1/sessions/${sessionId}`);
    for (const suffix of route.method === 'DELETE' ? ['', '?purge=true'] : ['']) {
      const path = addressOf(route, { id: sessionId }) + suffix;
      const theirs = await expectProblem(
        await blue.call(route.method, path, sentTo(route)),
        'session_not_found',
      );
      const unknown = addressOf(route, { id: newSessionId() }) + suffix;
      const none = await expectProblem(
        await blue.call(route.method, unknown, sentTo(route)),
        'session_not_found',
      );
      expect({ ...theirs, requestId: '' }).toEqual({ ...none, requestId: '' });
    }
    expect(await red.json<Session>('GET', `/v1/sessions/${sessionId}`)).toEqual(mine);
    expect([await everythingOf(red), await everythingOf(blue)]).toEqual(before);
  });
});

test('the same id in two tenants is two sessions', async () => {
  const [red, blue] = await twoTenants();
  const [redName, blueName] = [`pair-${pairs}`, `pair-${pairs}-x`];
  const path = `/v1/sessions/${await sameIdIn(redName, blueName)}`;
  await red.json('POST', `${path}/activity`, { body: { messages: 7 }, headers: { 'Idempotency-Key': 'k' } });
  await blue.json('POST', `${path}/activity`, { body: { messages: 1 }, headers: { 'Idempotency-Key': 'k' } });
  await red.json('PUT', `${path}/claude-session-id`, { body: { claudeSessionId: 'claude' } });
  await red.json('DELETE', path);
  const left = await blue.json<Session>('GET', path);
  expect(left).toMatchObject({ status: 'active', messageCount: 1, config: { model: blueName } });
  expect(left).not.toHaveProperty('claudeSessionId');
  expect(await red.json('GET', path)).toMatchObject({ status: 'ended', messageCount: 7 });
  expect((await everythingOf(blue)).stats).toMatchObject({ activeCount: 1, totalEnded: 0 });
  await red.json('DELETE', `${path}?purge=true`);
  expect((await red.call('GET', path)).status).toBe(404);
  expect(await blue.json('GET', path)).toEqual(left);
});

test('the same idempotency key makes a session in each, and a reused one tells nothing of the other', async () => {
  const [red, blue] = await twoTenants();
  const key = { 'Idempotency-Key': 'the-same' };
  const first = await create(red, { model: 'a' }, key);
  const second = await create(blue, { model: 'b' }, key);
  expect(second.sessionId).not.toBe(first.sessionId);
  expect(second.config.model).toBe('b');
  expect((await create(red, { model: 'a' }, key)).sessionId).toBe(first.sessionId);
});

test('limits are each tenant’s own', async () => {
  const [red, blue] = await twoTenants();
  await red.json('PUT', '/v1/registry/limits', { body: { maxSessions: 1 } });
  await create(red);
  await expectProblem(await red.call('POST', '/v1/sessions'), 'max_sessions_reached');
  for (let i = 0; i < 3; i += 1) await create(blue);
  expect((await everythingOf(blue)).limits.maxSessions).not.toBe(1);
  expect((await everythingOf(blue)).stats.totalRejected).toBe(0);
  expect((await everythingOf(red)).stats).toMatchObject({ activeCount: 1, totalRejected: 1, maxSessions: 1 });
});

test('lists show each its own, by every filter, and refuse a cursor of the other', async () => {
  const [red, blue] = await twoTenants();
  const body = { model: 'same', metadata: { team: 'same' } };
  const mine: Record<string, string[]> = { red: [], blue: [] };
  for (const [name, caller] of Object.entries({ red, blue })) {
    for (let i = 0; i < 3; i += 1) {
      const { sessionId } = await create(caller, body);
      mine[name]?.unshift(sessionId);
      await caller.json('PUT', `/v1/sessions/${sessionId}/claude-session-id`, {
        body: { claudeSessionId: 'same' },
      });
    }
  }
  for (const query of ['', 'model=same', 'metadata.team=same', 'claudeSessionId=same', 'status=all']) {
    expect(idsOf(await red.json<SessionPage>('GET', `/v1/sessions?${query}`))).toEqual(mine['red']);
    expect(idsOf(await blue.json<SessionPage>('GET', `/v1/sessions?${query}`))).toEqual(mine['blue']);
  }
  const page = await red.json<SessionPage>('GET', '/v1/sessions?limit=1');
  await expectInvalid(await blue.call('GET', `/v1/sessions?limit=1&cursor=${page.nextCursor}`), 'cursor');
});

test('what one does shows in no count of the other', async () => {
  const [red, blue] = await twoTenants();
  const before = await everythingOf(blue);
  const { sessionId } = await create(red, { model: 'm', permissionMode: 'plan' });
  await red.json('POST', `/v1/sessions/${sessionId}/activity`, { body: { messages: 9 } });
  await red.json('DELETE', `/v1/sessions/${sessionId}`);
  expect(await everythingOf(blue)).toEqual(before);
  expect((await everythingOf(red)).stats.totalMessages).toBe(9);
});
