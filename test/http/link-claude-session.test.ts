import { beforeAll, beforeEach, expect, test } from 'vitest';
import type { Session } from '../../src/contract/session.ts';
import { newSessionId } from '../../src/contract/session-id.ts';
import { call, callJson, create } from '../support/api.ts';
import { stopClock, travel } from '../support/clock.ts';
import { limitTo } from '../support/inventory.ts';
import { expectProblem } from '../support/problems.ts';

beforeAll(stopClock);

let session: Session;
let path: string;
beforeEach(async () => {
  await limitTo(1_000);
  session = await create({ sessionTimeoutMs: 60_000 });
  path = `/v1/sessions/${session.sessionId}`;
});

const link = (claudeSessionId: string, projectKey?: string) =>
  call('PUT', `${path}/claude-session-id`, {
    body: { claudeSessionId, ...(projectKey === undefined ? {} : { projectKey }) },
  });

test('a link is the current id, the last of the history, and no activity', async () => {
  travel(1_000);
  const response = await link('first', '-workspace');
  const linked = {
    ...session,
    claudeSessionId: 'first',
    claudeSessionIds: ['first'],
    projectKey: '-workspace',
    revision: 2,
  };
  expect(await response.json()).toEqual(linked);
  expect(response.headers.get('ETag')).toBe('"2"');
  expect(await callJson('GET', path)).toEqual(linked);
});

test('a second link keeps the first in the history, and the project', async () => {
  await link('first', 'p');
  expect(await (await link('second')).json()).toMatchObject({
    claudeSessionId: 'second',
    claudeSessionIds: ['first', 'second'],
    projectKey: 'p',
  });
});

test('the same link again changes nothing', async () => {
  const once = await (await link('first', 'p')).json();
  expect(await (await link('first', 'p')).json()).toEqual(once);
  expect(await (await link('first')).json()).toEqual(once);
});

test('an older id that is linked again is the current one, once', async () => {
  for (const id of ['a', 'b', 'a']) await link(id);
  expect(await callJson('GET', path)).toMatchObject({ claudeSessionId: 'a', claudeSessionIds: ['b', 'a'] });
});

test('the last 32 ids are kept', async () => {
  for (let i = 0; i < 34; i += 1) await link(`id${i}`);
  const { claudeSessionIds } = await callJson<Session>('GET', path);
  expect(claudeSessionIds).toEqual(Array.from({ length: 32 }, (_, i) => `id${i + 2}`));
});

test('only an active session is linked', async () => {
  travel(60_000);
  await expectProblem(await link('late'), 'session_expired');
  const ended = await create();
  await call('DELETE', `/v1/sessions/${ended.sessionId}`);
  path = `/v1/sessions/${ended.sessionId}`;
  await expectProblem(await link('late'), 'session_ended');
  path = `/v1/sessions/${newSessionId()}`;
  await expectProblem(await link('late'), 'session_not_found');
});
