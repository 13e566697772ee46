import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { EdgeSessionStore } from '../../src/agent-sdk/index.ts';
import { PROJECT, turn } from './support/app.ts';
import { Berth, temporaryFolder } from './support/berth.ts';
import { Host } from './support/host.ts';
import { startMessagesApi } from './support/messages-api.ts';
import { answerOf } from './support/model.ts';

// The server between the hosts is killed, between turns and within one.

/** How long the server stays away while Claude Code goes on. */
const OUTAGE_MS = 3_000;

/** Done before the model answers next. */
let before: (() => Promise<void>) | null = null;

const folder = await temporaryFolder();
const berth = await Berth.start();
const api = await startMessagesApi(async (request) => {
  const first = before;
  before = null;
  await first?.();
  return answerOf(request);
});

const host = (name: string) => Host.at(join(folder, name), api.url);
const textOf = (messages: readonly unknown[]) => JSON.stringify(messages);

test('a conversation goes on at another host after the server was killed and started again', async () => {
  const [a, b] = [await host('a'), await host('b')];
  const { sessionId } = await berth.client().sessions.create({ permissionMode: 'bypassPermissions' });
  await turn(a, berth.client(), sessionId, 'First [bash: echo depth-$((40 + 2))]');
  await berth.kill();
  await a.forget();
  await berth.startAgain();

  await turn(b, berth.client(), sessionId, 'Second: where are we?');
  const request = textOf(api.requests.at(-1)?.messages ?? []);
  for (const said of ['First ', 'depth-42', 'Second: ']) expect(request).toContain(said);
  expect(await berth.client().sessions.get(sessionId)).toMatchObject({
    status: 'active',
    claudeSessionId: sessionId,
    projectKey: PROJECT,
    messageCount: 2,
  });
});

test('a turn that the server is killed in is stored whole once it is back', async () => {
  const [a, b] = [await host('c'), await host('d')];
  const client = berth.client();
  const { sessionId } = await client.sessions.create({ permissionMode: 'bypassPermissions' });
  let back: Promise<void> | undefined;
  before = async () => {
    await berth.kill();
    back = sleep(OUTAGE_MS).then(() => berth.startAgain());
  };
  await turn(a, client, sessionId, 'First [bash: echo depth-$((40 + 2))]');
  await back;
  const local = await a.transcriptOf(sessionId);
  await a.forget();

  const stored = await new EdgeSessionStore(client, { project: PROJECT }).load({ projectKey: '', sessionId });
  expect(local.filter(({ type }) => type === 'assistant')).toHaveLength(2);
  // Claude Code keeps records of its requests to itself: what belongs to the conversation has a uuid.
  const uuids = (entries: readonly { uuid?: unknown }[]) => entries.flatMap(({ uuid = null }) => uuid ?? []);
  expect(uuids(stored ?? [])).toEqual(uuids(local));

  await turn(b, client, sessionId, 'Second: where are we?');
  const request = textOf(api.requests.at(-1)?.messages ?? []);
  for (const said of ['First ', 'depth-42', 'Second: ']) expect(request).toContain(said);
});
