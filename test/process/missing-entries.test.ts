import { expect, it } from 'vitest';
import { MissingEntriesStore } from '../../scripts/missing-entries.ts';
import { EdgeSessionStore, type SessionStoreEntry } from '../../src/agent-sdk/index.ts';
import { scripted } from '../support/scripted-fetch.ts';

it('an import sends nothing again, whatever stands where a uuid would', async () => {
  const entries = [
    { type: 'a', uuid: crypto.randomUUID() },
    { type: 'b' },
    { type: 'c', uuid: null },
    { type: 'd', uuid: 7 },
  ] as SessionStoreEntry[];
  const stored = entries.map((entry) => `${JSON.stringify(entry)}\n`).join('');
  const { client, sent } = scripted([
    new Response(stored, { headers: { 'Berth-Total': '4' } }),
    Response.json({ appended: 1, total: 5, mtime: 1 }),
  ]);
  const store = new MissingEntriesStore(
    client,
    new EdgeSessionStore(client),
    (project) => project,
    () => undefined,
  );
  const another = { type: 'c', uuid: null } as unknown as SessionStoreEntry;
  await store.append({ projectKey: 'harbour', sessionId: 'one' }, [...entries, another]);
  expect(store.counts).toEqual({ sent: 1, found: 4 });
  expect(sent.map(({ body }) => body)).toEqual([null, expect.objectContaining({ entries: [another] })]);
});
