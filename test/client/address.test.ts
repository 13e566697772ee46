import { describe, expect, it, vi } from 'vitest';
import { BerthClient } from '../../src/client/index.ts';
import { scripted } from '../support/scripted-fetch.ts';

const anything = (): Response => Response.json({ data: [], nextCursor: null });

describe('the base URL', () => {
  it.each([
    ['https://berth.test', 'https://berth.test/v1/registry/stats'],
    ['https://berth.test/', 'https://berth.test/v1/registry/stats'],
    ['https://berth.test:8443/a/b', 'https://berth.test:8443/a/b/v1/registry/stats'],
    ['https://berth.test/a/b//', 'https://berth.test/a/b/v1/registry/stats'],
    [new URL('http://[::1]:8787/a%20b/?x=1#y'), 'http://[::1]:8787/a%20b/v1/registry/stats'],
  ])('%s has its path kept as a prefix', async (baseUrl, expected) => {
    const { client, sent } = scripted([anything()], { baseUrl });
    await client.registry.stats();
    expect(sent[0]?.url).toBe(expected);
  });

  it.each([
    '',
    '/v1',
    'berth.test',
    'ftp://berth.test',
    'https://user:secret@berth.test',
    'https://secret@x',
  ])('%j is refused, and not quoted', (baseUrl) => {
    const make = (): BerthClient => new BerthClient({ baseUrl });
    expect(make).toThrow('baseUrl must be an absolute http or https URL without credentials.');
  });
});

describe('a number', () => {
  const baseUrl = 'https://berth.test';
  const names = ['timeoutMs', 'maxAttempts', 'maxRetryAfterMs'] as const;

  it.each(names)('%s that is none from 0 on is refused', (name) => {
    for (const wrong of [Number.NaN, -1, -Infinity, '5', null] as number[])
      expect(() => new BerthClient({ baseUrl, [name]: wrong })).toThrow(
        new TypeError(`${name} must be a number from 0 on.`),
      );
  });

  it.each(names)('%s may be zero, without end, or left out', (name) => {
    for (const right of [0, 0.5, Infinity, undefined])
      expect(() => new BerthClient({ baseUrl, [name]: right })).not.toThrow();
  });
});

describe('what goes into an address', () => {
  it('is percent-encoded, in its path and in its query', async () => {
    const { client, sent } = scripted([anything(), anything(), anything()]);
    const ref = { project: '-home/ü x', session: 'a?b#c%2F', subpath: 'subagents/agent-1 &+' };
    await client.transcripts.delete(ref);
    await client.sessions.list({ metadata: { 'a=b&c': 'x y+z', n: 3, on: true }, model: 'm/1' });
    await client.sessions.get('../x').catch(() => undefined);
    const [deletion, list, get] = sent.map(({ url }) => new URL(url));
    expect(deletion?.pathname).toBe('/v1/projects/-home%2F%C3%BC%20x/transcripts/a%3Fb%23c%252F/entries');
    expect(deletion?.searchParams.get('subpath')).toBe('subagents/agent-1 &+');
    expect(Object.fromEntries(list?.searchParams ?? [])).toEqual({
      'metadata.a=b&c': 'x y+z',
      'metadata.n': '3',
      'metadata.on': 'true',
      model: 'm/1',
    });
    expect(get?.pathname).toBe('/v1/sessions/..%2Fx');
  });

  it.each(['', '.', '..', '\ud800'])('is refused where no URL can carry it: %j', async (name) => {
    const { client, sent } = scripted([]);
    await expect(client.sessions.end(name)).rejects.toMatchObject({ code: 'session_not_found', status: 404 });
    for (const [field, ref] of [
      ['project', { project: name, session: 's' }],
      ['session', { project: 'p', session: name }],
    ] as const) {
      const expected = { code: 'invalid_request', errors: [{ path: field }] };
      await expect(client.transcripts.delete(ref)).rejects.toMatchObject(expected);
      await expect(client.transcripts.read(ref).next()).rejects.toMatchObject(expected);
      await expect(client.transcripts.append(ref, { entries: [] })).rejects.toMatchObject(expected);
    }
    expect(sent).toHaveLength(0);
  });

  it('is not changed on its way: text that is not well-formed is refused', async () => {
    const { client } = scripted([]);
    const ref = { project: 'p', session: 's', subpath: '\udc00' };
    await expect(client.transcripts.delete(ref)).rejects.toMatchObject({ errors: [{ path: 'subpath' }] });
  });

  it('never turns a subpath without a name into the whole transcript', async () => {
    const { client, sent } = scripted([anything()]);
    await client.transcripts.delete({ project: 'p', session: 's', subpath: '' });
    expect(sent[0]?.url).toBe('https://berth.test/v1/projects/p/transcripts/s/entries?subpath=');
  });
});

describe('fetch', () => {
  it('is the global one at the time of the call by default, and called without a `this`', async () => {
    const client = new BerthClient({ baseUrl: 'https://berth.test' });
    const mine = vi.fn<(this: unknown) => Promise<Response>>(async function (this: unknown) {
      if (this !== undefined) throw new TypeError('Illegal invocation');
      return anything();
    });
    vi.stubGlobal('fetch', mine);
    await client.registry.stats();
    vi.unstubAllGlobals();
    expect(mine).toHaveBeenCalledTimes(1);
    await new BerthClient({ baseUrl: 'https://berth.test', fetch: mine }).registry.stats();
    expect(mine).toHaveBeenCalledTimes(2);
  });
});
