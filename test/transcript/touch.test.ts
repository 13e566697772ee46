import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { SignJWT } from 'jose';
import type { Session } from '../../src/contract/session.ts';
import { newSessionId } from '../../src/contract/session-id.ts';
import { call, callJson, create } from '../support/api.ts';
import { callsMade, duringCall, failCalls, resetCalls } from '../support/calls.ts';
import { expectProblem } from '../support/problems.ts';
import { advance, HOUR, MINUTE, stopClock } from '../support/tenant.ts';
import { Conversation, entries, pathOf } from '../support/transcripts.ts';

beforeEach(() => {
  stopClock();
  resetCalls();
});
afterEach(() => vi.useRealTimers());

const get = (id: string): Promise<Session> => callJson('GET', `/v1/sessions/${id}`);

describe('an append with touch=', () => {
  it('counts as activity without a message, and links the conversation', async () => {
    const { sessionId, expiresAt } = await create();
    const conversation = new Conversation('31c93c20-0000-4000-8000-000000000000');
    advance(MINUTE);
    const answer = await conversation.append(entries(1), { touch: sessionId });
    expect(answer).toMatchObject({ appended: 1, total: 1, touched: true });
    expect(await get(sessionId)).toMatchObject({
      claudeSessionId: conversation.session,
      projectKey: conversation.project,
      messageCount: 0,
      lastActivity: new Date().toISOString(),
      expiresAt: new Date(Date.parse(expiresAt) + MINUTE).toISOString(),
    });
  });

  it('takes one call on the session, and one more to link it the first time', async () => {
    const { sessionId } = await create();
    const conversation = new Conversation();
    const calls = async () => {
      resetCalls();
      await conversation.append(entries(1), { touch: sessionId });
      return callsMade().filter((method) => method.startsWith('session.'));
    };
    expect(await calls()).toEqual(['session.touch', 'session.link']);
    expect(await calls()).toEqual(['session.touch']);
  });

  it('is activity where nothing was appended, too', async () => {
    const { sessionId } = await create();
    advance(MINUTE);
    const answer = await new Conversation().append([], { touch: sessionId });
    expect(answer).toMatchObject({ appended: 0, touched: true });
    expect((await get(sessionId)).lastActivity).toBe(new Date().toISOString());
  });

  it('links no conversation whose name is none that a session can have', async () => {
    const { sessionId } = await create();
    const conversation = new Conversation('a/b ü');
    expect(await conversation.append(entries(1), { touch: sessionId })).toMatchObject({ touched: true });
    expect(await get(sessionId)).not.toHaveProperty('claudeSessionId');
  });

  it('has no `touched` in its answer where none was asked for', async () => {
    expect(await new Conversation().append(entries(1))).not.toHaveProperty('touched');
  });
});

describe('the append holds, and says that nothing was touched,', () => {
  async function expectUntouched(touch: string): Promise<void> {
    const conversation = new Conversation();
    const sent = entries(2);
    const answer = await conversation.append(sent, { touch });
    expect(answer).toEqual({ appended: 2, total: 2, mtime: Date.now(), touched: false });
    expect(await conversation.read()).toEqual(sent);
  }

  it('where the session has expired', async () => {
    const { sessionId } = await create();
    advance(HOUR);
    await expectUntouched(sessionId);
    expect((await get(sessionId)).status).toBe('expired');
  });

  it('where it was ended', async () => {
    const { sessionId } = await create();
    await call('DELETE', `/v1/sessions/${sessionId}`);
    await expectUntouched(sessionId);
  });

  it('where it was purged', async () => {
    const { sessionId } = await create();
    await call('DELETE', `/v1/sessions/${sessionId}?purge=true`);
    await expectUntouched(sessionId);
  });

  it('where there never was one', async () => {
    await expectUntouched(newSessionId());
  });

  it.each(['', 'garbage', '31c93c20-0000-4000-8000-000000000000', 'ffffffff-ffff-7fff-bfff-ffffffffffff'])(
    'where %j can be none, which wakes no session',
    async (touch) => {
      await expectUntouched(touch);
      expect(callsMade().filter((method) => method.startsWith('session.'))).toEqual([]);
    },
  );

  it.each(['before', 'after'] as const)('where the session cannot be reached (%s)', async (kind) => {
    const { sessionId } = await create();
    failCalls('session.touch', kind);
    await expectUntouched(sessionId);
  });

  it('where the session hangs: soon', async () => {
    const { sessionId } = await create();
    failCalls('session.touch', 'hang');
    const before = performance.now();
    await expectUntouched(sessionId);
    expect(performance.now() - before).toBeLessThan(4_000);
  });
});

describe('neither waits for the other', () => {
  it('both are under way at once', async () => {
    const { sessionId } = await create();
    let release = (): void => undefined;
    const touched = new Promise<void>((resolve) => {
      release = resolve;
    });
    // Each is answered only after the other was called.
    duringCall('transcript.append', () => vi.waitFor(() => expect(callsMade()).toContain('session.touch')));
    duringCall('session.touch', async () => {
      await vi.waitFor(() => expect(callsMade()).toContain('transcript.append'));
      release();
    });
    expect(await new Conversation().append(entries(1), { touch: sessionId })).toMatchObject({
      touched: true,
    });
    await touched;
  });

  it('an append that is refused links nothing', async () => {
    const { sessionId } = await create();
    const summary = { data: {}, ifVersion: 7 };
    const response = await new Conversation().post(entries(1), { touch: sessionId, summary });
    expect(response.status).toBe(409);
    expect((await get(sessionId)).claudeSessionIds).toEqual([]);
  });

  it('an append that is refused is answered at once, though the session hangs', async () => {
    const { sessionId } = await create();
    failCalls('session.touch', 'hang');
    const before = performance.now();
    const summary = { data: {}, ifVersion: 7 };
    const response = await new Conversation().post(entries(1), { touch: sessionId, summary });
    expect(response.status).toBe(409);
    expect(performance.now() - before).toBeLessThan(1_500);
  });
});

describe('scopes', () => {
  const secret = 'a secret of the tests, 32 bytes long';
  const settings = { AUTH: 'required', AUTH_JWT_SECRET: secret } as Partial<Env>;

  async function bearer(scope: string): Promise<Record<string, string>> {
    const token = new SignJWT({ scope }).setProtectedHeader({ alg: 'HS256' }).setExpirationTime('1h');
    return { Authorization: `Bearer ${await token.sign(new TextEncoder().encode(secret))}` };
  }

  const path = pathOf('scoped', 'session');
  it.each([
    ['POST', `${path}/entries`, 'transcripts:write', 200],
    ['DELETE', path, 'transcripts:write', 204],
    ['DELETE', `${path}/entries?subpath=a`, 'transcripts:write', 204],
    ['GET', `${path}/entries`, 'transcripts:read', 404],
    ['GET', `${path}/subpaths`, 'transcripts:read', 200],
    ['GET', pathOf('scoped'), 'transcripts:read', 200],
  ] as const)('%s %s needs %s', async (method, at, scope, status) => {
    const body = method === 'POST' ? { body: { entries: [] } } : {};
    const headers = await bearer(scope);
    expect((await call(method, at, { ...body, headers, env: settings })).status).toBe(status);
    const other = scope === 'transcripts:read' ? 'transcripts:write' : 'transcripts:read';
    const without = await bearer(`sessions:read sessions:write registry:write ${other}`);
    await expectProblem(await call(method, at, { ...body, headers: without, env: settings }), 'forbidden');
    await expectProblem(await call(method, at, { ...body, env: settings }), 'unauthenticated');
  });

  it('touch= needs sessions:write beside; nothing is appended without', async () => {
    const { sessionId } = await create();
    const conversation = new Conversation();
    const headers = await bearer('transcripts:write');
    const options = { headers, env: settings, touch: sessionId };
    await expectProblem(await conversation.post(entries(1), options), 'forbidden');
    expect(await conversation.read()).toBeNull();
    const both = await bearer('transcripts:write sessions:write');
    expect(await conversation.append(entries(1), { ...options, headers: both })).toMatchObject({
      touched: true,
    });
  });

  it("another tenant's transcript is not there", async () => {
    const conversation = new Conversation();
    await conversation.append(entries(1));
    const token = new SignJWT({ scope: 'transcripts:read', tenant: 'other' });
    const signed = token.setProtectedHeader({ alg: 'HS256' }).setExpirationTime('1h');
    const headers = { Authorization: `Bearer ${await signed.sign(new TextEncoder().encode(secret))}` };
    const response = await call('GET', `${conversation.path}/entries`, { headers, env: settings });
    await expectProblem(response, 'transcript_not_found');
    const list = await call('GET', pathOf(conversation.project), { headers, env: settings });
    expect(await list.json()).toEqual({ data: [], nextCursor: null });
  });
});
