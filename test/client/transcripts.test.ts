import { describe, expect, it } from 'vitest';
import { problemAnswer, networkFailure, scripted } from '../support/scripted-fetch.ts';

const REF = { project: '-workspace', session: 'c1' };
const BASE = 'https://berth.test/v1/projects/-workspace/transcripts';

describe('transcripts', () => {
  it('are appended to under one key for all attempts', async () => {
    const result = { appended: 1, total: 3, mtime: 1_700_000_000_000, touched: true };
    const { client, sent } = scripted([networkFailure(), Response.json(result)]);
    const body = { entries: [{ type: 'user', uuid: 'u1' }], summary: { data: { title: 'T' }, ifVersion: 2 } };
    const ref = { ...REF, subpath: 'subagents/a' };
    expect(await client.transcripts.append(ref, body, { touch: 'id' })).toEqual(result);
    const address = `POST ${BASE}/c1/entries?subpath=subagents%2Fa&touch=id`;
    expect(sent.map(({ method, url }) => `${method} ${url}`)).toEqual([address, address]);
    expect(sent[0]?.body).toEqual(body);
    const keys = sent.map(({ headers }) => headers.get('Idempotency-Key'));
    expect(keys[0]).toMatch(/^[0-9a-f]{32}$/);
    expect(keys[1]).toBe(keys[0]);
  });

  it('are listed, a page at a time', async () => {
    const one = { sessionId: 'c2', mtime: 2, summary: { data: {}, version: 1 } };
    const two = { sessionId: 'c1', mtime: 1 };
    const { client, sent } = scripted([
      Response.json({ data: [one], nextCursor: 'a/b' }),
      Response.json({ data: [two], nextCursor: null }),
    ]);
    const listed: unknown[] = [];
    for await (const transcript of client.transcripts.listAll('-workspace')) listed.push(transcript);
    expect(listed).toEqual([one, two]);
    expect(sent.map(({ url }) => url)).toEqual([`${BASE}?limit=100`, `${BASE}?limit=100&cursor=a%2Fb`]);
  });

  it('say which subpaths they have', async () => {
    const { client, sent } = scripted([Response.json({ data: ['subagents/a'] })]);
    expect(await client.transcripts.subpaths(REF)).toEqual(['subagents/a']);
    expect(sent[0]?.url).toBe(`${BASE}/c1/subpaths`);
  });

  it('are deleted, whole or by subpath', async () => {
    const { client, sent } = scripted([
      new Response(null, { status: 204 }),
      new Response(null, { status: 204 }),
    ]);
    expect(await client.transcripts.delete(REF)).toBe(undefined);
    await client.transcripts.delete({ ...REF, subpath: 'x' });
    expect(sent.map(({ method, url }) => [method, url])).toEqual([
      ['DELETE', `${BASE}/c1`],
      ['DELETE', `${BASE}/c1/entries?subpath=x`],
    ]);
  });

  it('that were never written are not found', async () => {
    const { client } = scripted([problemAnswer('transcript_not_found')]);
    await expect(client.transcripts.read(REF).next()).rejects.toMatchObject({ code: 'transcript_not_found' });
  });
});
