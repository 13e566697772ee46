import { beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Session } from '../../src/contract/session.ts';
import { call, callJson, create } from '../support/api.ts';
import { limitTo } from '../support/inventory.ts';
import { expectInvalid, shown } from '../support/problems.ts';

let path: string;
let before: Session;

beforeAll(() => limitTo(100_000));
beforeEach(async () => {
  before = await create();
  path = `/v1/sessions/${before.sessionId}`;
});

describe('POST …/activity', () => {
  test.each([0, 1, 1_000])('counts %d messages', async (messages) => {
    const touched = await callJson<Session>('POST', `${path}/activity`, { body: { messages } });
    expect(touched.messageCount).toBe(messages);
  });

  test.each([-1, 1_001, 1.5, '1', null, true, {}, [1], 1e300])('refuses messages %j', async (messages) => {
    await expectInvalid(await call('POST', `${path}/activity`, { body: { messages } }), 'messages');
    expect(await callJson('GET', path)).toEqual(before);
  });

  test.each(['nonsense', 'Messages', '__proto__', 'constructor'])('refuses the field %s', async (name) => {
    await expectInvalid(await call('POST', `${path}/activity`, { body: `{"${name}":1}` }), name);
    expect(await callJson('GET', path)).toEqual(before);
  });
});

describe('POST …/resume', () => {
  test.each([undefined, '', '{}'])('needs no body: %j', async (body) => {
    const response = await call('POST', `${path}/resume`, { body });
    expect(response.status).toBe(200);
    expect(await response.json()).toEqual(before);
  });

  test.each(['nonsense', 'sessionTimeoutMs', '__proto__', 'constructor'])(
    'refuses the field %s',
    async (name) => {
      await expectInvalid(await call('POST', `${path}/resume`, { body: `{"${name}":1}` }), name);
    },
  );
});

describe('PUT …/claude-session-id', () => {
  const put = (body: unknown) => call('PUT', `${path}/claude-session-id`, { body });

  const good: object[] = [
    { claudeSessionId: 'a' },
    { claudeSessionId: 'A-z0.9_:-' },
    { claudeSessionId: 'x'.repeat(128) },
    { claudeSessionId: 'a', projectKey: 'p' },
    { claudeSessionId: 'a', projectKey: 'p'.repeat(512) },
    { claudeSessionId: 'a', projectKey: '😀'.repeat(128) },
  ];

  test.each(good.map((body) => ({ text: shown(body), body })))('takes $text', async ({ body }) => {
    const response = await put(body);
    expect(response.status).toBe(200);
    expect(await response.json()).toMatchObject(body);
  });

  const badIds = ['', 'x'.repeat(129), 'a b', 'a\n', 'ä', '../a', null, 1, true, {}, ['a']];
  const badKeys = ['', 'p'.repeat(513), `${'😀'.repeat(128)}x`, null, 1, {}, ['p']];
  const bad: [field: string, body: object][] = [
    ['claudeSessionId', {}],
    ['claudeSessionId', { projectKey: 'p' }],
    ...badIds.map((claudeSessionId): [string, object] => ['claudeSessionId', { claudeSessionId }]),
    ...badKeys.map((projectKey): [string, object] => ['projectKey', { claudeSessionId: 'a', projectKey }]),
    ['nonsense', { claudeSessionId: 'a', nonsense: 1 }],
  ];

  test.each(bad.map(([field, body]) => ({ field, text: shown(body), body })))(
    'refuses $field of $text',
    async ({ field, body }) => {
      await expectInvalid(await put(body), field);
      expect(await callJson('GET', path)).toEqual(before);
    },
  );
});

describe('PUT /v1/registry/limits', () => {
  const put = (body: unknown) => call('PUT', '/v1/registry/limits', { body });

  test.each([0, 1, 100_000])('takes %d', async (maxSessions) => {
    const response = await put({ maxSessions });
    expect(response.status).toBe(200);
    expect(await response.json()).toEqual({ maxSessions });
    expect(await callJson('GET', '/v1/registry/limits')).toEqual({ maxSessions });
    await limitTo(100_000);
  });

  const bad = [-1, 100_001, 1.5, '5', null, true, {}, [5], 1e300];

  test.each([{}, ...bad.map((maxSessions) => ({ maxSessions }))])('refuses %j', async (body) => {
    await expectInvalid(await put(body), 'maxSessions');
    expect(await callJson('GET', '/v1/registry/limits')).toEqual({ maxSessions: 100_000 });
  });

  test('refuses an unknown field', async () => {
    await expectInvalid(await put({ maxSessions: 5, nonsense: 1 }), 'nonsense');
    expect(await callJson('GET', '/v1/registry/limits')).toEqual({ maxSessions: 100_000 });
  });
});
