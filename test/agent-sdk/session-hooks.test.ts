import { describe, expect, it } from 'vitest';
import { sessionHooks, type SessionHookEvent, type SessionHooksOptions } from '../../src/agent-sdk/index.ts';
import type { BerthClient } from '../../src/client/index.ts';
import { appClient } from '../support/app-fetch.ts';
import { problemAnswer, scripted, type Step } from '../support/scripted-fetch.ts';

/** Fires hooks as the SDK does. */
function hooksOf(client: BerthClient, sessionId: string, options?: SessionHooksOptions) {
  const hooks = sessionHooks(client, sessionId, options);
  return async (event: SessionHookEvent, input: { session_id?: string; reason?: string } = {}) => {
    const answers: unknown[] = [];
    for (const { hooks: callbacks } of hooks[event])
      for (const callback of callbacks)
        answers.push(await callback({ hook_event_name: event, session_id: 'c1', ...input }));
    return answers;
  };
}

const session = () => Response.json({});
const scriptedHooks = (steps: readonly Step[], options?: SessionHooksOptions) => {
  const { client, sent } = scripted(steps);
  const said = () => sent.map(({ method, url, body }) => [method, new URL(url).pathname.slice(12), body]);
  return { fire: hooksOf(client, 'id', options), sent, said };
};
const touch = (messages: number) => ['POST', '/id/activity', { messages }];
const link = (claudeSessionId: string, more = {}) => [
  'PUT',
  '/id/claude-session-id',
  { claudeSessionId, ...more },
];

describe('over the real app', () => {
  it('a conversation is linked, counted, kept alive, and ended with its session', async () => {
    const client = appClient();
    const { sessionId } = await client.sessions.create();
    const fire = hooksOf(client, sessionId, { project: 'harbour' });
    await fire('SessionStart');
    for (let turn = 0; turn < 2; turn += 1) {
      await fire('UserPromptSubmit');
      await fire('PostToolUse');
      await fire('PostToolUseFailure');
      await fire('SubagentStop');
      await fire('Stop');
    }
    expect(await client.sessions.get(sessionId)).toMatchObject({
      status: 'active',
      claudeSessionId: 'c1',
      projectKey: 'harbour',
      messageCount: 2,
    });
    await fire('SessionEnd', { reason: 'prompt_input_exit' });
    expect(await client.sessions.get(sessionId)).toMatchObject({ status: 'ended', endReason: 'ended' });
  });
});

describe('what is told', () => {
  it('prompts are messages; tools, subagents and stops are activity', async () => {
    const events = ['PostToolUse', 'PostToolUseFailure', 'SubagentStop', 'Stop'] as const;
    for (const event of events) {
      const { fire, said } = scriptedHooks([session(), session()]);
      await fire(event);
      await expect.poll(said).toEqual([link('c1'), touch(0)]);
    }
    const { fire, said } = scriptedHooks([session(), session()]);
    await fire('UserPromptSubmit');
    await expect.poll(said).toEqual([link('c1'), touch(1)]);
  });

  it('a conversation is linked by whatever comes first of it, once, and the next as well', async () => {
    const { fire, said } = scriptedHooks(Array.from({ length: 6 }, session));
    await fire('UserPromptSubmit');
    await fire('Stop');
    await fire('SessionStart', { session_id: 'c2' });
    await fire('Stop', { session_id: 'c2' });
    const links = said().filter(([method]) => method === 'PUT');
    expect(links).toEqual([link('c1'), link('c2')]);
  });

  it('a link that failed is told again', async () => {
    const { fire, said } = scriptedHooks([problemAnswer('internal'), session(), session(), session()]);
    await fire('Stop');
    await fire('Stop');
    expect(said()).toEqual([link('c1'), touch(0), link('c1'), touch(0)]);
  });

  it('only one call is made at a time; what comes meanwhile is one touch', async () => {
    let release = (): void => undefined;
    const slow = () => new Promise<Response>((resolve) => (release = () => resolve(session())));
    const { fire, sent, said } = scriptedHooks([slow, session(), session()]);
    await fire('UserPromptSubmit');
    for (let tool = 0; tool < 50; tool += 1) await fire('PostToolUse');
    await fire('UserPromptSubmit');
    await expect.poll(() => sent.length).toBe(1);
    release();
    await fire('Stop');
    expect(said()).toEqual([link('c1'), touch(2)]);
  });

  it('a session outlives clear and resume, and where it is kept open every end', async () => {
    for (const reason of ['clear', 'resume']) {
      const { fire, said } = scriptedHooks([session()]);
      await fire('SessionEnd', { reason });
      expect(said()).toEqual([link('c1')]);
    }
    for (const reason of ['logout', 'prompt_input_exit', 'other']) {
      const { fire, said } = scriptedHooks([session(), session()]);
      await fire('SessionEnd', { reason });
      expect(said()).toEqual([link('c1'), ['DELETE', '/id', null]]);
      const open = scriptedHooks([session()], { keepOpen: true });
      await open.fire('SessionEnd', { reason });
      expect(open.said()).toEqual([link('c1')]);
    }
  });
});

describe('the agent', () => {
  it('is never failed, whatever goes wrong, in Berth or in who is told of it', async () => {
    const errors: unknown[] = [];
    const onError = (error: unknown) => {
      errors.push(error);
      throw new Error('This one too');
    };
    const { fire } = scriptedHooks([problemAnswer('session_expired'), problemAnswer('session_expired')], {
      onError,
    });
    expect(await fire('Stop')).toEqual([{}]);
    expect(errors).toEqual([
      expect.objectContaining({ code: 'session_expired' }),
      expect.objectContaining({ code: 'session_expired' }),
    ]);
  });

  it('waits for nothing while it works, and at the end of a turn not for long', async () => {
    const { fire } = scriptedHooks(Array.from<Step>({ length: 20 }).fill('deaf'));
    const start = Date.now();
    await fire('UserPromptSubmit');
    await fire('PostToolUse');
    expect(Date.now() - start).toBeLessThan(100);
    await fire('Stop');
    expect(Date.now() - start).toBeLessThan(3_000);
  });
});
