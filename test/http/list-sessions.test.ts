import { beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { reset } from 'cloudflare:test';
import type { Session, SessionPage } from '../../src/contract/session.ts';
import { call, callJson, create } from '../support/api.ts';
import { runSessionAlarm, stopClock, travel } from '../support/clock.ts';
import { limitTo, listAll } from '../support/inventory.ts';
import { expectInvalid } from '../support/problems.ts';

const RETENTION_MS = 86_400_000;

beforeAll(stopClock);
beforeEach(() => reset());

const list = (query = '') => callJson<SessionPage>('GET', `/v1/sessions${query}`);
const idsOf = (page: SessionPage) => page.data.map(({ sessionId }) => sessionId);
const listIds = async (query: string) => idsOf(await list(`?${query}`));

describe('an item', () => {
  test('is the session, without what is long, and with when it was last heard of', async () => {
    const made = await create({ model: 'm', appendSystemPrompt: 'long', metadata: { a: 1 } });
    const { claudeSessionIds: _, config, ...rest } = made;
    const { appendSystemPrompt: __, ...short } = config;
    expect(await list()).toEqual({
      data: [{ ...rest, config: short, reportedAt: made.createdAt }],
      nextCursor: null,
    });
  });

  test('shows a change as soon as it was answered', async () => {
    const { sessionId } = await create();
    const path = `/v1/sessions/${sessionId}`;
    travel(1_000);
    await call('PATCH', path, { body: { model: 'n' } });
    await call('PUT', `${path}/claude-session-id`, { body: { claudeSessionId: 'c', projectKey: 'p' } });
    await expect
      .poll(() => list('?model=n'))
      .toMatchObject({
        data: [{ sessionId, claudeSessionId: 'c', projectKey: 'p', revision: 3, config: { model: 'n' } }],
      });
  });
});

describe('filters', () => {
  test('by status: active where nothing else is asked', async () => {
    const active = await create();
    const expired = await create({ sessionTimeoutMs: 60_000 });
    const ended = await create();
    await call('DELETE', `/v1/sessions/${ended.sessionId}`);
    travel(60_000);
    expect(idsOf(await list())).toEqual([active.sessionId]);
    expect(await listIds('status=active')).toEqual([active.sessionId]);
    expect(await listIds('status=expired')).toEqual([expired.sessionId]);
    expect(await listIds('status=ended')).toEqual([ended.sessionId]);
    expect(await listIds('status=all')).toEqual([ended.sessionId, expired.sessionId, active.sessionId]);
  });

  test('by model, Claude id and metadata, all of which must match', async () => {
    const a = await create({ model: 'x', metadata: { team: 'core', n: 1 } });
    const b = await create({ model: 'x', metadata: { team: 'core', n: 2 } });
    const c = await create({ model: 'y', metadata: { team: 'core', n: 1 } });
    await call('PUT', `/v1/sessions/${c.sessionId}/claude-session-id`, { body: { claudeSessionId: 'c1' } });
    expect(await listIds('model=x')).toEqual([b.sessionId, a.sessionId]);
    expect(await listIds('metadata.team=core')).toEqual([c.sessionId, b.sessionId, a.sessionId]);
    expect(await listIds('metadata.team=core&metadata.n=1')).toEqual([c.sessionId, a.sessionId]);
    expect(await listIds('metadata.team=core&metadata.n=1&model=x')).toEqual([a.sessionId]);
    await expect.poll(() => listIds('claudeSessionId=c1')).toEqual([c.sessionId]);
    expect(await listIds('claudeSessionId=c1&model=x')).toEqual([]);
    expect(await listIds('claudeSessionId=c1&metadata.n=1')).toEqual([c.sessionId]);
    expect(await listIds('metadata.absent=1')).toEqual([]);
  });

  test.each([
    ['text', 'text', true],
    [5, '5', true],
    [-0.5, '-0.5', true],
    [true, 'true', true],
    [false, 'false', true],
    ['', '', true],
    ['a b&c=ü😀', encodeURIComponent('a b&c=ü😀'), true],
    ['x'.repeat(256), 'x'.repeat(256), true],
    [null, 'null', false],
    [['a'], 'a', false],
    [{ a: 1 }, '1', false],
    ['Text', 'text', false],
  ])('metadata %j is compared with %s: %s', async (value, text, found) => {
    await create({ metadata: { key: value } });
    expect(await listIds(`metadata.key=${text}`)).toHaveLength(found ? 1 : 0);
  });

  test('a metadata value that is too long to look for is kept all the same', async () => {
    const long = 'ü'.repeat(129);
    await create({ metadata: { key: long } });
    expect((await list()).data[0]?.config.metadata).toEqual({ key: long });
    await expectInvalid(await call('GET', `/v1/sessions?metadata.key=${long}`), 'metadata.key');
  });
});

describe('pages', () => {
  const make = async (count: number, body: object = {}): Promise<Session[]> => {
    const made: Session[] = [];
    for (let i = 0; i < count; i += 1) {
      travel(1);
      made.push(await create(body));
    }
    return made.toReversed();
  };

  test('are newest first, whole, and end with null', async () => {
    const made = (await make(7)).map(({ sessionId }) => sessionId);
    const first = await list('?limit=3');
    const second = await list(`?limit=3&cursor=${first.nextCursor}`);
    const third = await list(`?limit=3&cursor=${second.nextCursor}`);
    expect([first, second, third].map(idsOf)).toEqual([made.slice(0, 3), made.slice(3, 6), made.slice(6)]);
    expect(third.nextCursor).toBeNull();
  });

  test('end with null where the last one is full', async () => {
    await make(4);
    const first = await list('?limit=2');
    expect((await list(`?limit=2&cursor=${first.nextCursor}`)).nextCursor).toBeNull();
    expect((await list('?limit=4')).nextCursor).toBeNull();
  });

  test('have 50 items where nothing else is asked, 100 at most', async () => {
    await limitTo(1_000);
    await Promise.all(Array.from({ length: 101 }, () => create()));
    expect((await list()).data).toHaveLength(50);
    const full = await list('?limit=100');
    expect(full.data).toHaveLength(100);
    expect((await list(`?limit=100&cursor=${full.nextCursor}`)).data).toHaveLength(1);
  });

  test('neither repeat nor miss a session while others come, go and change', async () => {
    const made = await make(12);
    const seen: string[] = [];
    for (let cursor: string | null = ''; cursor !== null;) {
      const page: SessionPage = await list(`?limit=3${cursor === '' ? '' : `&cursor=${cursor}`}`);
      seen.push(...idsOf(page));
      cursor = page.nextCursor;
      await make(2);
      // One that was seen goes: the last of the page, which the cursor names.
      await call('DELETE', `/v1/sessions/${page.data.at(-1)?.sessionId}?purge=true`);
    }
    expect(seen).toEqual(made.map(({ sessionId }) => sessionId));
  });

  test('follow a filter, over all statuses', async () => {
    const wanted = (await make(5, { metadata: { a: 'x' } })).map(({ sessionId }) => sessionId);
    await make(3, { metadata: { a: 'y' } });
    await call('DELETE', `/v1/sessions/${wanted[1]}`);
    const found = await listAll('status=all&metadata.a=x');
    expect(found.map(({ sessionId }) => sessionId)).toEqual(wanted);
    const first = await list('?status=all&metadata.a=x&limit=2');
    expect(idsOf(await list(`?metadata.a=x&cursor=${first.nextCursor}&status=all&limit=2`))).toEqual(
      wanted.slice(2, 4),
    );
  });

  test('take the filters in any order', async () => {
    await make(3, { metadata: { a: 'x', b: 'y' } });
    const { nextCursor } = await list('?metadata.a=x&metadata.b=y&limit=2');
    expect((await list(`?metadata.b=y&limit=2&metadata.a=x&cursor=${nextCursor}`)).data).toHaveLength(1);
  });

  test('refuse the cursor of another list', async () => {
    await make(3, { model: 'm', metadata: { a: 'x' } });
    const { nextCursor } = await list('?limit=1');
    for (const other of ['status=all', 'model=m', 'metadata.a=x', 'claudeSessionId=c'])
      await expectInvalid(await call('GET', `/v1/sessions?${other}&cursor=${nextCursor}`), 'cursor');
    const filtered = await list('?metadata.a=x&limit=1');
    for (const other of ['metadata.a=y', 'metadata.b=x', 'limit=1'])
      await expectInvalid(await call('GET', `/v1/sessions?${other}&cursor=${filtered.nextCursor}`), 'cursor');
  });
});

test('what is past its retention is hidden, deleted yet or not', async () => {
  const ended = await create();
  await call('DELETE', `/v1/sessions/${ended.sessionId}`);
  const expired = await create({ sessionTimeoutMs: 60_000 });
  travel(60_000);
  await runSessionAlarm(expired.sessionId);
  travel(RETENTION_MS - 60_000 - 1);
  expect(await listIds('status=all')).toEqual([expired.sessionId, ended.sessionId]);
  travel(1);
  expect(await listIds('status=all')).toEqual([expired.sessionId]);
  travel(60_000);
  expect(await listIds('status=all')).toEqual([]);
  expect(await listIds('status=expired')).toEqual([]);
});

test('a session is listed from the moment that it has a slot', async () => {
  const made = await Promise.all(Array.from({ length: 5 }, () => create()));
  const ids = made.map(({ sessionId }) => sessionId);
  expect((await listIds('limit=100')).toSorted()).toEqual(ids.toSorted());
});
