import { beforeAll, describe, expect, test } from 'vitest';
import { listDurableObjectIds } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import type { Session, SessionPage } from '../../src/contract/session.ts';
import { newSessionId } from '../../src/contract/session-id.ts';
import { call, callJson, create } from '../support/api.ts';
import { callsMade, resetCalls } from '../support/calls.ts';
import { inventory } from '../support/inventory.ts';
import { expectInvalid, expectProblem } from '../support/problems.ts';

let session: Session;
beforeAll(async () => {
  session = await create();
  await create();
});

const filters = (count: number) => Array.from({ length: count }, (_, i) => `metadata.k${i}=v`).join('&');

describe('a query is checked', () => {
  test.each([
    ['limit', 'limit=-1'],
    ['limit', 'limit=0'],
    ['limit', 'limit=101'],
    ['limit', 'limit=1e9'],
    ['limit', 'limit=1000000000'],
    ['limit', 'limit=99999999999999999999'],
    ['limit', 'limit=abc'],
    ['limit', 'limit='],
    ['limit', 'limit=%205'],
    ['limit', 'limit=%2B5'],
    ['limit', 'limit=1.0'],
    ['limit', 'limit=0x10'],
    ['limit', 'limit=NaN'],
    ['limit', 'limit=%D9%A5'],
    ['limit', 'limit=5&limit=5'],
    ['status', 'status=Active'],
    ['status', 'status='],
    ['status', 'status=toString'],
    ['status', 'status=active&status=ended'],
    ['model', 'model='],
    ['model', `model=${'x'.repeat(129)}`],
    ['claudeSessionId', 'claudeSessionId='],
    ['claudeSessionId', 'claudeSessionId=a%20b'],
    ['metadata.a', 'metadata.a=1&metadata.a=2'],
    ['metadata.a', `metadata.a=${'x'.repeat(257)}`],
    ['metadata.a', `metadata.a=${'%C3%BC'.repeat(129)}`],
    ['metadata', filters(11)],
    ['metadata', filters(300)],
    ['cursor', 'cursor='],
    ['cursor', 'cursor=abc'],
    ['cursor', 'cursor=%00'],
    ['cursor', 'cursor=%ff%'],
    ['cursor', `cursor=${newSessionId()}`],
    ['cursor', `cursor=${newSessionId()}.`],
    ['cursor', `cursor=${newSessionId()}.0000000000000000`],
    ['nonsense', 'nonsense=1'],
    ['Limit', 'Limit=1'],
    ['metadata', 'metadata=1'],
    ['offset', 'offset='],
    ['constructor', 'constructor=1'],
    ['toString', 'toString=1'],
    ['__proto__', '__proto__=1'],
  ])('a list names %s in ?%s', async (name, query) => {
    await expectInvalid(await call('GET', `/v1/sessions?${query}`), name);
  });

  test.each(['limit=1', 'limit=100', 'limit=007', 'status=all', `model=${'x'.repeat(128)}`, filters(10)])(
    'a list takes ?%s',
    async (query) => {
      expect((await call('GET', `/v1/sessions?${query}`)).status).toBe(200);
    },
  );

  test('a list takes ten filters beside all others, over every status', async () => {
    const query = `status=all&model=m&claudeSessionId=c&limit=100&${filters(10)}`;
    expect(await callJson<SessionPage>('GET', `/v1/sessions?${query}`)).toEqual({
      data: [],
      nextCursor: null,
    });
  });

  test.each(['-1', '0', '1441', '1e3', 'abc', '', '1.5', '5&minutes=5'])(
    'the series refuses minutes=%s',
    async (minutes) => {
      await expectInvalid(await call('GET', `/v1/registry/series?minutes=${minutes}`), 'minutes');
    },
  );

  test.each(['yes', '1', '', 'TRUE', 'true&purge=true'])('an end refuses purge=%s', async (purge) => {
    const path = `/v1/sessions/${session.sessionId}`;
    await expectInvalid(await call('DELETE', `${path}?purge=${purge}`), 'purge');
    expect(await callJson('GET', path)).toEqual(session);
  });

  test('every route refuses a parameter that it doesn’t know, and does nothing', async () => {
    const path = `/v1/sessions/${session.sessionId}`;
    const before = await inventory();
    for (const [method, address, body] of [
      ['POST', '/v1/sessions', {}],
      ['GET', path],
      ['PATCH', path, { model: 'm' }],
      ['POST', `${path}/activity`, {}],
      ['PUT', `${path}/claude-session-id`, { claudeSessionId: 'a' }],
      ['POST', `${path}/resume`],
      ['DELETE', path],
      ['GET', '/v1/registry/stats'],
      ['GET', '/v1/registry/series'],
      ['GET', '/v1/registry/limits'],
      ['PUT', '/v1/registry/limits', { maxSessions: 1 }],
    ] as const) {
      await expectInvalid(await call(method, `${address}?nonsense=1`, { body }), 'nonsense');
    }
    expect(await inventory()).toEqual(before);
  });
});

describe('an id that cannot be ours', () => {
  const v7In = (ms: number) => {
    const hex = (Date.now() + ms).toString(16).padStart(12, '0');
    return `${hex.slice(0, 8)}-${hex.slice(8)}-7000-8000-000000000000`;
  };
  const ids = [
    'abc',
    '1',
    '%20',
    '%00',
    '%ff%',
    '..%2f..',
    '__proto__',
    'x'.repeat(5_000),
    '00000000-0000-0000-0000-000000000000',
    'ffffffff-ffff-ffff-ffff-ffffffffffff',
    '3f2504e0-4f89-41d3-9a0c-0305e82c3301',
    'c232ab00-9414-11ec-b3c8-9e6bdeced846',
    newSessionId().replaceAll('-', ''),
    `{${newSessionId()}}`,
    `${newSessionId()}%0a`,
    v7In(60_000),
    v7In(365 * 86_400_000),
  ];

  test.each(ids.map((id) => [id.slice(0, 40), id]))('%s is a 404 that wakes no object', async (_, id) => {
    const path = `/v1/sessions/${id}`;
    resetCalls();
    for (const [method, address, body] of [
      ['GET', path],
      ['PATCH', path, { model: 'm' }],
      ['POST', `${path}/activity`, {}],
      ['PUT', `${path}/claude-session-id`, { claudeSessionId: 'a' }],
      ['POST', `${path}/resume`],
      ['DELETE', path],
      ['DELETE', `${path}?purge=true`],
    ] as const) {
      await expectProblem(await call(method, address, { body }), 'session_not_found');
    }
    expect(callsMade()).toEqual([]);
  });

  test('one that was never created makes one call, none of them on the registry', async () => {
    const path = `/v1/sessions/${newSessionId()}`;
    resetCalls();
    await expectProblem(await call('GET', path), 'session_not_found');
    await expectProblem(await call('POST', `${path}/activity`), 'session_not_found');
    await expectProblem(await call('POST', `${path}/resume`), 'session_not_found');
    await expectProblem(await call('DELETE', path), 'session_not_found');
    expect(callsMade()).toEqual(['session.get', 'session.touch', 'session.planResume', 'session.end']);
    expect(await listDurableObjectIds(env.REGISTRY)).toHaveLength(1);
  });
});

test('an id in upper case is the same id', async () => {
  const path = `/v1/sessions/${session.sessionId.toUpperCase()}`;
  expect(await callJson('GET', path)).toEqual(session);
});
