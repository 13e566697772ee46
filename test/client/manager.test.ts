import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { LimitReachedError, NotFoundError, type ClientOptions, type Fetch } from '../../src/client/index.ts';
import { ClaudeCodeSessionManager, type ManagerLogger } from '../../src/client/manager.ts';
import { appClient, appFetch, BASE_URL } from '../support/app-fetch.ts';
import { travel } from '../support/clock.ts';
import { problemAnswer, scripted } from '../support/scripted-fetch.ts';

const client = appClient();
const UNKNOWN = '019e0000-0000-7000-8000-000000000000';

describe('options', () => {
  it('make a client, or take one', async () => {
    const made = new ClaudeCodeSessionManager({ baseUrl: BASE_URL, fetch: appFetch });
    const { sessionId } = await made.createSession();
    const given = new ClaudeCodeSessionManager({ client });
    expect(given.client).toBe(client);
    expect(await given.getSession(sessionId)).toMatchObject({ sessionId });
  });

  it('need not say where Berth is, as those of the original could not: the process does', async () => {
    const asked: [string, string | null][] = [];
    const fetch: Fetch = async (url, init) => {
      asked.push([url, new Headers(init.headers).get('Authorization')]);
      return Response.json({ activeCount: 0 });
    };
    const ask = (options: ClientOptions | Omit<ClientOptions, 'baseUrl'>) =>
      new ClaudeCodeSessionManager(options).getActiveSessionCount();
    onTestFinished(() => void vi.unstubAllGlobals());
    vi.stubGlobal('process', { env: { BERTH_URL: 'https://berth.example.com/', BERTH_TOKEN: 'secret' } });
    await ask({ fetch });
    await ask({ fetch, token: 'own' });
    await ask({ fetch, baseUrl: 'https://other.example.com' });
    vi.stubGlobal('process', { env: {} });
    await ask({ fetch });
    vi.stubGlobal('process', undefined);
    await ask({ fetch });
    expect(asked).toEqual([
      ['https://berth.example.com/v1/registry/stats', 'Bearer secret'],
      ['https://berth.example.com/v1/registry/stats', 'Bearer own'],
      ['https://other.example.com/v1/registry/stats', null],
      ['http://localhost:8787/v1/registry/stats', null],
      ['http://localhost:8787/v1/registry/stats', null],
    ]);
    for (const original of [undefined, {}, { sessionTimeout: 60_000, maxSessions: 5 }])
      expect(new ClaudeCodeSessionManager(original).client.sessions).toBeDefined();
  });

  it('that are 0 count as not given', async () => {
    const limit = await client.registry.limits();
    const manager = new ClaudeCodeSessionManager({ client, sessionTimeout: 0, maxSessions: 0 });
    const session = await manager.createSession();
    expect(Date.parse(session.expiresAt) - Date.parse(session.createdAt)).toBe(3_600_000);
    expect(await client.registry.limits()).toEqual(limit);
  });

  it('set the timeout of the sessions that the manager creates', async () => {
    const manager = new ClaudeCodeSessionManager({ client, sessionTimeout: 5_000 });
    const session = await manager.createSession();
    expect(Date.parse(session.expiresAt) - Date.parse(session.createdAt)).toBe(5_000);
  });

  it('set the limit of the tenant once, before the first create', async () => {
    const session = { sessionId: UNKNOWN, config: {} };
    const { client: berth, sent } = scripted([
      problemAnswer('forbidden'),
      ...[{ maxSessions: 3 }, session, session].map((body) => Response.json(body)),
    ]);
    const manager = new ClaudeCodeSessionManager({ client: berth, maxSessions: 3 });
    expect(sent).toHaveLength(0);
    await expect(manager.createSession()).rejects.toMatchObject({ code: 'forbidden' });
    await Promise.all([manager.createSession(), manager.createSession()]);
    expect(sent.map(({ method, url }) => `${method} ${new URL(url).pathname}`)).toEqual([
      'PUT /v1/registry/limits',
      'PUT /v1/registry/limits',
      'POST /v1/sessions',
      'POST /v1/sessions',
    ]);
    expect(sent[0]?.body).toEqual({ maxSessions: 3 });
  });

  it('have the manager say what it has done', async () => {
    const logger = { info: vi.fn<ManagerLogger['info']>() };
    const manager = new ClaudeCodeSessionManager({ client, logger });
    const { sessionId } = await manager.createSession({ model: 'm' });
    await manager.updateActivity(sessionId);
    await manager.updateClaudeSessionId(sessionId, 'c1');
    travel(2_000);
    await manager.endSession(sessionId);
    await manager.endSession(sessionId);
    await manager.updateClaudeSessionId(sessionId, 'c2');
    const [created, linked, ended, ...others] = logger.info.mock.calls;
    expect(created).toEqual(['Session created', { sessionId, model: 'm', permissionMode: 'default' }]);
    expect(linked).toEqual(['Claude session linked', { sessionId, claudeSessionId: 'c1' }]);
    expect(ended).toEqual(['Session ended', { sessionId, durationMs: expect.any(Number), messageCount: 1 }]);
    expect(ended?.[1]['durationMs']).toBeGreaterThan(1_999);
    expect(others).toEqual([]);
  });
});

describe('a session', () => {
  it('has the fields that the original had, and no others', async () => {
    const manager = new ClaudeCodeSessionManager({ client });
    const config = {
      model: 'claude-sonnet-5',
      cwd: '/w',
      permissionMode: 'plan' as const,
      appendSystemPrompt: 'Be brief.',
      maxTurns: 3,
      metadata: { user: { id: 7 } },
    };
    const session = await manager.createSession(config);
    await manager.updateClaudeSessionId(session.sessionId, 'c1');
    const timestamp = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
    const expected = {
      sessionId: session.sessionId,
      config,
      status: 'active',
      createdAt: timestamp,
      expiresAt: timestamp,
      lastActivity: timestamp,
      messageCount: 0,
    };
    expect(session).toStrictEqual(expected);
    const linked = { ...expected, claudeSessionId: 'c1' };
    expect(await manager.getSession(session.sessionId)).toStrictEqual(linked);
    expect((await manager.listSessions()).at(-1)).toStrictEqual(linked);
  });

  it('has the defaults that the original had, where something is empty too', async () => {
    const manager = new ClaudeCodeSessionManager({ client });
    const cwd = (globalThis as { process?: { cwd(): string } }).process?.cwd() ?? '/workspace';
    const config = { cwd, permissionMode: 'default', maxTurns: 10, metadata: {} };
    expect((await manager.createSession()).config).toStrictEqual(config);
    const empty = { model: '', cwd: '', appendSystemPrompt: '', maxTurns: 0 };
    expect((await manager.createSession(empty)).config).toStrictEqual(config);
  });

  it('that a host without a process creates has the cwd of the server', async () => {
    const manager = new ClaudeCodeSessionManager({ client });
    const cwd = vi.fn<() => string>(() => {
      throw new Error('not permitted');
    });
    vi.stubGlobal('process', { cwd });
    const sessions = [await manager.createSession()];
    vi.stubGlobal('process', undefined);
    sessions.push(await manager.createSession());
    vi.unstubAllGlobals();
    expect(cwd).toHaveBeenCalledTimes(1);
    for (const { config } of sessions) expect(config.cwd).toBe('/workspace');
  });
});

describe('calls', () => {
  it('that meet an unknown session say so as the original did', async () => {
    const manager = new ClaudeCodeSessionManager({ client });
    for (const id of [UNKNOWN, 'no-uuid', '', '..']) {
      expect(await manager.getSession(id)).toBe(null);
      expect(await manager.endSession(id)).toBe(false);
      expect(await manager.updateActivity(id)).toBe(undefined);
      expect(await manager.updateClaudeSessionId(id, 'c1')).toBe(undefined);
    }
  });

  it('take no wrong address for an unknown session', async () => {
    const { client: berth } = scripted([new Response('<html>', { status: 404 })]);
    const manager = new ClaudeCodeSessionManager({ client: berth });
    await expect(manager.getSession(UNKNOWN)).rejects.toThrow(NotFoundError);
  });

  it('list every page, oldest first', async () => {
    const fetch: Fetch = (url, init) => appFetch(url.replace('limit=100', 'limit=4'), init);
    const manager = new ClaudeCodeSessionManager({ baseUrl: BASE_URL, fetch });
    const before = (await manager.listSessions()).length;
    const made: string[] = [];
    for (let index = 0; index < 10; index += 1) made.push((await manager.createSession()).sessionId);
    const listed = (await manager.listSessions()).map(({ sessionId }) => sessionId);
    expect(listed.slice(before)).toEqual(made);
    expect(await manager.getActiveSessionCount()).toBe(before + 10);
  });

  it('list nothing that has ended while the list was read', async () => {
    const { client: berth } = scripted([
      Response.json({ data: ['d', 'c', 'b', 'a'].map((sessionId) => ({ sessionId })), nextCursor: null }),
      Response.json({ sessionId: 'a', config: {}, status: 'active' }),
      Response.json({ sessionId: 'b', config: {}, status: 'expired' }),
      problemAnswer('session_not_found'),
      Response.json({ sessionId: 'd', config: {}, status: 'ended' }),
    ]);
    const listed = await new ClaudeCodeSessionManager({ client: berth }).listSessions();
    expect(listed.map(({ sessionId }) => sessionId)).toEqual(['a']);
  });

  it('refuse to create above the limit, in the words of the original', async () => {
    const held = await client.registry.stats();
    const maxSessions = held.activeCount + 1;
    const manager = new ClaudeCodeSessionManager({ client, maxSessions });
    const { sessionId } = await manager.createSession();
    const refused = manager.createSession();
    const message = `Maximum sessions limit reached: ${maxSessions}`;
    await expect(refused).rejects.toMatchObject({ message });
    await expect(refused).rejects.toThrow(LimitReachedError);
    await manager.endSession(sessionId);
    await manager.createSession();
  });

  it('to stop the clean-up do nothing', async () => {
    const { client: berth, sent } = scripted([]);
    expect(await new ClaudeCodeSessionManager({ client: berth }).stopCleanupTask()).toBe(undefined);
    expect(sent).toEqual([]);
  });
});
