import {
  deleteSession,
  forkSession,
  getSessionMessages,
  listSessions,
  listSubagents,
  renameSession,
  tagSession,
} from '@anthropic-ai/claude-agent-sdk';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { EdgeSessionStore } from '../../src/agent-sdk/index.ts';
import type { Session } from '../../src/client/index.ts';
import { PROJECT, turn } from './support/app.ts';
import { Berth, temporaryFolder } from './support/berth.ts';
import { Host } from './support/host.ts';
import { startMessagesApi } from './support/messages-api.ts';
import { answerOf } from './support/model.ts';

// The real Claude Code program on two hosts, and a real server between them.

const folder = await temporaryFolder();
const berth = await Berth.start();
const api = await startMessagesApi(answerOf);

const host = (name: string) => Host.at(join(folder, name), api.url);

const lastRequest = () => JSON.stringify(api.requests.at(-1)?.messages);

describe('a conversation that moves from one host to another', () => {
  let session: Session;

  test('host A holds turns with a tool and a subagent; its folder is lost; host B goes on', async () => {
    const [a, b] = [await host('a'), await host('b')];
    session = await berth.client().sessions.create({
      permissionMode: 'bypassPermissions',
      appendSystemPrompt: 'Speak like a pilot.',
    });
    const { sessionId } = session;
    expect(await turn(a, berth.client(), sessionId, 'First [bash: echo depth-$((40 + 2))]')).toContain(
      'depth-42',
    );
    expect(await turn(a, berth.client(), sessionId, 'Second [agent: Report the tide.]')).toContain(
      'You said: Report the tide.',
    );
    await a.forget();
    const before = api.requests.length;
    expect(await turn(b, berth.client(), sessionId, 'Third: where are we?')).toContain(
      'Third: where are we?',
    );

    expect(api.requests).toHaveLength(before + 1);
    const request = lastRequest();
    for (const said of ['First ', 'echo depth-', 'depth-42', 'Second ', 'Report the tide.', 'Third: '])
      expect(request).toContain(said);
    expect(JSON.stringify(api.requests.at(-1)?.system)).toContain('Speak like a pilot.');
  });

  test('its Berth session has the Claude id, the project, the messages and the activity', async () => {
    const now = await berth.client().sessions.get(session.sessionId);
    expect(now).toMatchObject({
      status: 'active',
      claudeSessionId: session.sessionId,
      claudeSessionIds: [session.sessionId],
      projectKey: PROJECT,
      messageCount: 3,
    });
    expect(Date.parse(now.lastActivity)).toBeGreaterThan(Date.parse(session.createdAt));
  });

  test("the SDK's own functions work over the store", async () => {
    const sessionStore = new EdgeSessionStore(berth.client(), { project: PROJECT });
    const { sessionId } = session;
    const said = (await getSessionMessages(sessionId, { sessionStore })).map(({ type }) => type);
    expect(said.filter((type) => type === 'user').length).toBeGreaterThanOrEqual(5);
    expect(said.filter((type) => type === 'assistant').length).toBeGreaterThanOrEqual(5);
    expect(await listSubagents(sessionId, { sessionStore })).toHaveLength(1);

    await renameSession(sessionId, 'Into harbour', { sessionStore });
    await tagSession(sessionId, 'pilotage', { sessionStore });
    const [kept] = await sessionStore.listSessionSummaries('');
    expect(kept).toMatchObject({ sessionId, data: { customTitle: 'Into harbour', tag: 'pilotage' } });
    const [listed, ...others] = await listSessions({ sessionStore });
    expect(others).toEqual([]);
    expect(listed).toMatchObject({ sessionId, summary: 'Into harbour', tag: 'pilotage' });
    expect(listed?.firstPrompt).toContain('First ');

    const fork = await forkSession(sessionId, { sessionStore, title: 'Another way in' });
    const titles = (await listSessions({ sessionStore })).map(({ summary }) => summary);
    expect(titles.toSorted()).toEqual(['Another way in', 'Into harbour']);
    expect(await getSessionMessages(fork.sessionId, { sessionStore })).toHaveLength(said.length);

    await deleteSession(fork.sessionId, { sessionStore });
    await deleteSession(sessionId, { sessionStore });
    expect(await listSessions({ sessionStore })).toEqual([]);
    expect(await sessionStore.load({ projectKey: '', sessionId })).toBeNull();
    expect(await listSubagents(sessionId, { sessionStore })).toEqual([]);
  });
});
