import { describe, expect, it, vi } from 'vitest';
import { AuthenticationError, BerthClient } from '../../src/client/index.ts';
import { problemAnswer, scripted } from '../support/scripted-fetch.ts';

const ID = '019e0000-0000-7000-8000-000000000000';
const session = (): Response => Response.json({ sessionId: ID });
const refused = (): Response => problemAnswer('unauthenticated');

describe('a token', () => {
  it('given as text goes with every call, in its header alone', async () => {
    const { client, sent } = scripted([session(), Response.json({ data: [], nextCursor: null })], {
      token: 'secret-token',
    });
    await client.sessions.create();
    await client.sessions.list({ metadata: { team: 'search' } });
    expect(sent.map(({ headers }) => headers.get('Authorization'))).toEqual([
      'Bearer secret-token',
      'Bearer secret-token',
    ]);
    expect(sent.map(({ url }) => url).join()).not.toContain('secret');
  });

  it('given as text is not tried again when it is refused', async () => {
    const { client, sent } = scripted([refused(), session()], { token: 'secret-token' });
    const error: unknown = await client.sessions.get(ID).catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(AuthenticationError);
    expect(JSON.stringify(error) + String(error)).not.toContain('secret');
    expect(sent).toHaveLength(1);
  });

  it('is left out where none is given, and for healthz', async () => {
    const none = scripted([session()]);
    await none.client.sessions.get(ID);
    expect(none.sent[0]?.headers.has('Authorization')).toBe(false);
    const token = vi.fn<() => string>(() => 'secret-token');
    const health = scripted([Response.json({ ok: true, version: '1' })], { token });
    expect(await health.client.health()).toEqual({ ok: true, version: '1' });
    expect(health.sent[0]?.headers.has('Authorization')).toBe(false);
    expect(token).not.toHaveBeenCalled();
  });

  it('goes to no address that an answer points to', async () => {
    const away = new Response(null, { status: 307, headers: { Location: 'https://elsewhere.test/' } });
    const { client, sent } = scripted([away], { token: 'secret-token' });
    await expect(client.sessions.get(ID)).rejects.toMatchObject({
      name: 'UnexpectedAnswerError',
      status: 307,
      message: 'The server redirects: set baseUrl to the address itself.',
    });
    expect(sent.map(({ redirect }) => redirect)).toEqual(['manual']);
  });

  it('that a header can not carry is refused without being quoted', async () => {
    for (const token of ['secret\n', '', 'secret token', 'secret\u2713']) {
      const make = (): BerthClient => new BerthClient({ baseUrl: 'https://berth.test', token });
      expect(make).toThrow(TypeError);
      expect(make).not.toThrow(/secret/);
      const { client } = scripted([], { token: () => token });
      await expect(client.sessions.get(ID)).rejects.toThrow(/^The token is empty or has characters/);
    }
  });
});

describe('a function that fetches tokens', () => {
  it('is asked once, however many calls need one at the same time', async () => {
    const token = vi.fn<() => Promise<string>>(async () => 'one');
    const { client, sent } = scripted([session(), session(), session()], { token });
    await Promise.all([client.sessions.get(ID), client.sessions.get(ID)]);
    await client.sessions.get(ID);
    expect(token).toHaveBeenCalledTimes(1);
    expect(sent).toHaveLength(3);
  });

  it('is asked once more when its token is refused, and the call repeated at once', async () => {
    const token = vi.fn<() => Promise<string>>().mockResolvedValueOnce('old').mockResolvedValueOnce('new');
    const { client, sent } = scripted([refused(), session()], { token, maxAttempts: 1 });
    expect(await client.sessions.get(ID)).toEqual({ sessionId: ID });
    expect(sent.map(({ headers }) => headers.get('Authorization'))).toEqual(['Bearer old', 'Bearer new']);
  });

  it('is not asked a third time by one call', async () => {
    const token = vi.fn<() => string>(() => 'wrong');
    const { client } = scripted([refused(), refused(), session()], { token });
    await expect(client.sessions.get(ID)).rejects.toThrow(AuthenticationError);
    expect(token).toHaveBeenCalledTimes(2);
  });

  it('is asked once for two calls whose token is refused', async () => {
    const token = vi.fn<() => string>().mockReturnValueOnce('old').mockReturnValue('new');
    const { client } = scripted([refused(), refused(), session(), session()], { token });
    await Promise.all([client.sessions.get(ID), client.sessions.get(ID)]);
    expect(token).toHaveBeenCalledTimes(2);
  });

  it('that fails has the call fail with its own error, and is asked again by the next', async () => {
    const failure = new Error('the identity provider is away');
    const token = vi.fn<() => Promise<string>>().mockRejectedValueOnce(failure).mockResolvedValue('new');
    const { client, sent } = scripted([session()], { token });
    await expect(client.sessions.get(ID)).rejects.toBe(failure);
    expect(await client.sessions.get(ID)).toEqual({ sessionId: ID });
    expect(sent).toHaveLength(1);
  });

  it('that never answers is timed out, and can be aborted', async () => {
    const token = (): Promise<string> => new Promise(() => undefined);
    const { client } = scripted([], { token, timeoutMs: 10 });
    await expect(client.sessions.get(ID)).rejects.toMatchObject({ code: 'timeout' });
    const reason = new Error('left');
    await expect(client.sessions.get(ID, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
  });

  it('that hangs once holds up one call: the next asks again', async () => {
    const token = vi
      .fn<() => Promise<string>>()
      .mockReturnValueOnce(new Promise(() => undefined))
      .mockResolvedValue('new');
    const { client, sent } = scripted([session(), session()], { token });
    await expect(client.sessions.get(ID, { timeoutMs: 10 })).rejects.toMatchObject({ code: 'timeout' });
    expect(await client.sessions.get(ID)).toEqual({ sessionId: ID });
    await client.sessions.get(ID);
    expect(token).toHaveBeenCalledTimes(2);
    expect(sent.map(({ headers }) => headers.get('Authorization'))).toEqual(['Bearer new', 'Bearer new']);
  });

  it('is not asked again where a caller has left before its token came', async () => {
    let answer: (token: string) => void = () => undefined;
    const token = vi.fn<() => Promise<string>>(() => new Promise((resolve) => (answer = resolve)));
    const { client } = scripted([session()], { token });
    const leaving = new AbortController();
    const left = client.sessions.get(ID, { signal: leaving.signal });
    const stays = client.sessions.get(ID);
    leaving.abort(new Error('left'));
    await expect(left).rejects.toThrow('left');
    answer('one');
    expect(await stays).toEqual({ sessionId: ID });
    expect(token).toHaveBeenCalledTimes(1);
  });
});
