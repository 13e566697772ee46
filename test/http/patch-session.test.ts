import { beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Session } from '../../src/contract/session.ts';
import { newSessionId } from '../../src/contract/session-id.ts';
import { call, callJson, create } from '../support/api.ts';
import { stopClock, travel } from '../support/clock.ts';
import { limitTo } from '../support/inventory.ts';
import { expectInvalid, expectProblem } from '../support/problems.ts';

beforeAll(stopClock);

let session: Session;
let path: string;
beforeEach(async () => {
  await limitTo(1_000);
  session = await create({ model: 'm', metadata: { a: 1, b: { c: 2, d: 3 } }, appendSystemPrompt: 'p' });
  path = `/v1/sessions/${session.sessionId}`;
});

const patch = (body: unknown, headers: Record<string, string> = {}) => call('PATCH', path, { body, headers });

describe('a merge patch', () => {
  test('changes what it names, and leaves the rest', async () => {
    const response = await patch({ model: 'n', maxTurns: 3 });
    const { config, ...rest } = session;
    const changed = { ...rest, config: { ...config, model: 'n', maxTurns: 3 }, revision: 2 };
    expect(await response.json()).toEqual(changed);
    expect(response.headers.get('ETag')).toBe('"2"');
    expect(await callJson('GET', path)).toEqual(changed);
  });

  test('merges metadata level by level, and null removes', async () => {
    const metadata = { b: { c: null, e: 4 }, f: [null, 1], a: null, absent: null };
    const patched = await (await patch({ metadata })).json<Session>();
    expect(patched.config.metadata).toEqual({ b: { d: 3, e: 4 }, f: [null, 1] });
  });

  test('treats a metadata key named __proto__ as any other', async () => {
    await patch('{"metadata":{"__proto__":{"x":1}}}');
    expect(await (await call('GET', path)).text()).toContain('"__proto__":{"x":1}');
    await patch('{"metadata":{"__proto__":null}}');
    expect(await (await call('GET', path)).text()).not.toContain('__proto__');
  });

  test('restores the default of each field by null', async () => {
    const fresh = await create();
    await patch({
      cwd: '/x',
      permissionMode: 'plan',
      maxTurns: 3,
      sessionTimeoutMs: 5_000,
      maxLifetimeMs: 9_000,
    });
    const nulls = {
      model: null,
      cwd: null,
      permissionMode: null,
      appendSystemPrompt: null,
      maxTurns: null,
      metadata: null,
      sessionTimeoutMs: null,
      maxLifetimeMs: null,
    };
    const restored = await (await patch(nulls)).json<Session>();
    expect(restored.config).toEqual(fresh.config);
    expect(restored).toMatchObject({ sessionTimeoutMs: 3_600_000, maxLifetimeMs: null });
  });

  test('counts a new timeout from the last activity, and is no activity itself', async () => {
    const patched = await (await patch({ sessionTimeoutMs: 60_000 })).json<Session>();
    expect(patched.lastActivity).toBe(session.lastActivity);
    expect(Date.parse(patched.expiresAt) - Date.parse(session.lastActivity)).toBe(60_000);
    expect(patched.messageCount).toBe(0);
  });

  test('that changes nothing keeps the revision', async () => {
    expect(await (await patch({})).json()).toEqual(session);
    expect(await (await patch({ model: 'm', metadata: { a: 1 } })).json()).toEqual(session);
  });

  test('may not grow metadata beyond its bounds, and changes nothing then', async () => {
    const keys = Object.fromEntries(Array.from({ length: 31 }, (_, i) => [`k${i}`, i]));
    await expectInvalid(await patch({ metadata: keys }), 'metadata');
    await expectInvalid(await patch({ metadata: { ['x'.repeat(65)]: 1 } }), 'metadata');
    await expectInvalid(await patch({ metadata: { big: 'x'.repeat(16_384) } }), 'metadata');
    await expectInvalid(await patch('{"metadata":{"n":1e400}}'), 'metadata');
    expect(await callJson('GET', path)).toEqual(session);
  });

  test('may hold more nulls than metadata may have keys', async () => {
    const nulls = Object.fromEntries(Array.from({ length: 40 }, (_, i) => [`k${i}`, null]));
    expect((await patch({ metadata: { ...nulls, a: null } })).status).toBe(200);
  });
});

describe('If-Match', () => {
  beforeEach(() => patch({ model: 'second' }));

  test.each(['"2"', '*', ' * ', '"1", "2"', '"x","2"', '"2" , W/"1"'])(
    '%s lets a patch through',
    async (tag) => {
      expect((await patch({ model: 'third' }, { 'If-Match': tag })).status).toBe(200);
    },
  );

  test.each(['"1"', '"3"', 'W/"2"', '2', '"02x"', '""', '"*"', 'garbage', '"1", "3"', '"-2"', "'2'", ''])(
    '%s holds it back',
    async (tag) => {
      await expectProblem(await patch({ model: 'third' }, { 'If-Match': tag }), 'precondition_failed');
      expect((await callJson<Session>('GET', path)).config.model).toBe('second');
    },
  );

  test('lets one of two writers of the same revision through', async () => {
    const headers = { 'If-Match': '"2"' };
    const answers = await Promise.all([patch({ model: 'a' }, headers), patch({ model: 'b' }, headers)]);
    expect(answers.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([200, 412]);
  });

  test('does not hide that there is no such session', async () => {
    const headers = { 'If-Match': '*' };
    const response = await call('PATCH', `/v1/sessions/${newSessionId()}`, { body: {}, headers });
    await expectProblem(response, 'session_not_found');
  });

  test('holds a link and an end back too', async () => {
    const headers = { 'If-Match': '"1"' };
    const link = { body: { claudeSessionId: 'a' }, headers };
    await expectProblem(await call('PUT', `${path}/claude-session-id`, link), 'precondition_failed');
    await expectProblem(await call('DELETE', path, { headers }), 'precondition_failed');
    expect((await callJson<Session>('GET', path)).status).toBe('active');
  });
});

test('only an active session is patched', async () => {
  await call('DELETE', path);
  await expectProblem(await patch({ model: 'n' }), 'session_ended');
  await expectProblem(
    await call('PATCH', `/v1/sessions/${newSessionId()}`, { body: {} }),
    'session_not_found',
  );
  const short = await create({ sessionTimeoutMs: 60_000 });
  travel(60_000);
  await expectProblem(
    await call('PATCH', `/v1/sessions/${short.sessionId}`, { body: {} }),
    'session_expired',
  );
});

test('a timeout that has already passed expires the session at once', async () => {
  travel(10_000);
  const patched = await (await patch({ sessionTimeoutMs: 5_000 })).json<Session>();
  expect(patched).toMatchObject({ status: 'expired', endReason: 'idle_timeout', endedAt: patched.expiresAt });
  expect(Date.parse(patched.expiresAt) - Date.parse(session.lastActivity)).toBe(5_000);
});
