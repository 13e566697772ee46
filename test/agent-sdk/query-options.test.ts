import { describe, expect, it } from 'vitest';
import { queryOptions } from '../../src/agent-sdk/index.ts';
import { appClient } from '../support/app-fetch.ts';

const client = appClient();

describe('queryOptions', () => {
  it('the first turn has the id of the session, and its configuration', async () => {
    const session = await client.sessions.create({
      model: 'claude-sonnet-5',
      cwd: '/srv/shop',
      permissionMode: 'plan',
      appendSystemPrompt: 'Be brief.',
      maxTurns: 7,
      metadata: { team: 'search' },
    });
    expect(queryOptions(session)).toEqual({
      sessionId: session.sessionId,
      model: 'claude-sonnet-5',
      cwd: '/srv/shop',
      permissionMode: 'plan',
      systemPrompt: { type: 'preset', preset: 'claude_code', append: 'Be brief.' },
      maxTurns: 7,
    });
  });

  it('what is not configured is left to the SDK, but for the permission mode', async () => {
    const session = await client.sessions.create();
    expect(queryOptions(session)).toStrictEqual({
      sessionId: session.sessionId,
      cwd: '/workspace',
      permissionMode: 'default',
      systemPrompt: { type: 'preset', preset: 'claude_code' },
      maxTurns: 10,
    });
  });

  it('later turns resume the conversation that was linked last', async () => {
    const { sessionId } = await client.sessions.create();
    await client.sessions.link(sessionId, { claudeSessionId: sessionId });
    const session = await client.sessions.link(sessionId, { claudeSessionId: 'another' });
    expect(queryOptions(session)).toMatchObject({ resume: 'another' });
    expect(queryOptions(session)).not.toHaveProperty('sessionId');
  });

  it('another conversation can be begun, with an id that was not used', async () => {
    const { sessionId } = await client.sessions.create();
    const foreign = await client.sessions.link(sessionId, { claudeSessionId: 'another' });
    expect(queryOptions(foreign, { resume: false })).toMatchObject({ sessionId });
    const used = await client.sessions.link(sessionId, { claudeSessionId: sessionId });
    const options = queryOptions(used, { resume: false });
    expect(options).not.toHaveProperty('sessionId');
    expect(options).not.toHaveProperty('resume');
  });

  it('bypassPermissions comes with the confirmation that the SDK wants, and no other mode does', async () => {
    const bypass = await client.sessions.create({ permissionMode: 'bypassPermissions' });
    expect(queryOptions(bypass)).toMatchObject({ allowDangerouslySkipPermissions: true });
    const other = await client.sessions.create({ permissionMode: 'dontAsk' });
    expect(queryOptions(other)).not.toHaveProperty('allowDangerouslySkipPermissions');
  });
});
