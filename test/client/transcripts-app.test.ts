import { describe, expect, it } from 'vitest';
import type { JsonObject, ListedTranscript, ReadOptions, EntriesRef } from '../../src/client/index.ts';
import { appClient, losingAnswers } from '../support/app-fetch.ts';
import { caught } from '../support/caught.ts';

const client = appClient();

async function read(ref: EntriesRef, options: ReadOptions = {}): Promise<JsonObject[]> {
  const entries: JsonObject[] = [];
  for await (const entry of client.transcripts.read(ref, options)) entries.push(entry);
  return entries;
}

const entry = (n: number): JsonObject => ({ type: 'user', n, text: `🦭 ${'x'.repeat(n * 1_000)}` });

describe('transcripts of the real server', () => {
  it('come back as they were appended, from any entry on', async () => {
    const ref = { project: '-home/ü x', session: 'a?b#c%2F' };
    const entries = Array.from({ length: 50 }, (_, index) => entry(index));
    expect(await client.transcripts.append(ref, { entries })).toMatchObject({ appended: 50, total: 50 });
    expect(await read(ref)).toEqual(entries);
    expect(await read(ref, { after: 48 })).toEqual(entries.slice(48));
    expect(await read(ref, { after: 50 })).toEqual([]);
  });

  it('say how many entries they have before the first is given, from wherever they are read', async () => {
    const ref = { project: 'totals', session: 's' };
    await client.transcripts.append(ref, { entries: [entry(1), entry(2), entry(3)] });
    for (const after of [0, 2, 3, 2 ** 37]) {
      const heard: string[] = [];
      const onTotal = (total: number): void => void heard.push(`of ${total}`);
      for await (const { n } of client.transcripts.read(ref, { after, onTotal }))
        heard.push(JSON.stringify(n));
      expect(heard).toEqual(['of 3', '1', '2', '3'].filter((_, index) => index === 0 || index > after));
    }
  });

  it('hold an append once whose answer was lost', async () => {
    const ref = { project: 'lost', session: 's' };
    const losing = appClient(losingAnswers(1, 2));
    expect(await losing.transcripts.append(ref, { entries: [entry(1)] })).toMatchObject({ total: 1 });
    expect(await read(ref)).toEqual([entry(1)]);
  });

  it('keep a Berth session alive with the append that is its activity', async () => {
    const { sessionId } = await client.sessions.create();
    const ref = { project: 'p', session: 'claude-1' };
    const appended = await client.transcripts.append(ref, { entries: [entry(1)] }, { touch: sessionId });
    expect(appended.touched).toBe(true);
    expect(await client.sessions.get(sessionId)).toMatchObject({
      claudeSessionId: 'claude-1',
      projectKey: 'p',
    });
  });

  it('refuse an outdated summary, and give the stored one', async () => {
    const ref = { project: 'summaries', session: 's' };
    const body = { entries: [entry(1)], summary: { data: { title: 'One' }, ifVersion: 0 } };
    await client.transcripts.append(ref, body);
    const error = await caught(client.transcripts.append(ref, body));
    const current = { data: { title: 'One' }, version: 1 };
    expect(error).toMatchObject({ name: 'ConflictError', current });
  });

  it('are listed, have subpaths, and are deleted', async () => {
    const project = 'listed';
    for (const session of ['a', 'b', 'c']) {
      await client.transcripts.append({ project, session }, { entries: [entry(1)] });
    }
    const sub = { project, session: 'a', subpath: 'subagents/agent 1' };
    await client.transcripts.append(sub, { entries: [entry(2)] });
    const page = await client.transcripts.list(project, { limit: 2 });
    expect([page.data.length, typeof page.nextCursor]).toEqual([2, 'string']);
    const listed: ListedTranscript[] = [];
    for await (const transcript of client.transcripts.listAll(project)) listed.push(transcript);
    expect(listed.map(({ sessionId }) => sessionId).toSorted()).toEqual(['a', 'b', 'c']);

    expect(await client.transcripts.subpaths(sub)).toEqual([sub.subpath]);
    expect(await read(sub)).toEqual([entry(2)]);
    await client.transcripts.delete(sub);
    expect(await client.transcripts.subpaths(sub)).toEqual([]);
    await client.transcripts.delete({ project, session: 'a' });
    expect(await caught(read({ project, session: 'a' }))).toMatchObject({ code: 'transcript_not_found' });
    await client.transcripts.delete({ project, session: 'a' });
  });
});
