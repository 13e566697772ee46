import { cp, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { api, valueOf } from '../../scripts/api.ts';
import type { RegistryStats } from '../../src/contract/registry.ts';
import type { Session } from '../../src/contract/session.ts';
import { listAll, prepareServer, temporaryFolder } from './server.ts';

const CALLERS = 4;
/** How long there is load before the copy is made, milliseconds. */
const LOAD_MS = 1_000;
/** All threads of a process have stopped a moment after it was told to. */
const STOPPING_MS = 200;

const folders = await temporaryFolder();
const [data, copy] = [join(folders, 'data'), join(folders, 'copy')];
const settings = { MAX_SESSIONS: 10_000 };
const [start, startCopy] = [await prepareServer(settings, data), await prepareServer(settings, copy)];

test('a copy that was made while workerd was paused has all that was answered before, and callers go on', async () => {
  const server = await start();
  const answered = new Map<string, Session>();
  const over = new AbortController();
  const call = async () => {
    while (!over.signal.aborted) {
      const { sessionId } = valueOf(await api(server.url).call<Session>('POST', '/v1/sessions'));
      const path = `/v1/sessions/${sessionId}/activity`;
      const session = valueOf(await api(server.url).call<Session>('POST', path, { messages: 1 }));
      answered.set(sessionId, session);
    }
  };
  const calling = Promise.all(Array.from({ length: CALLERS }, call));
  await sleep(LOAD_MS);

  process.kill(server.pid, 'SIGSTOP');
  await sleep(STOPPING_MS);
  const before = [...answered.values()];
  await mkdir(copy);
  await cp(join(data, 'objects'), join(copy, 'objects'), { recursive: true });
  process.kill(server.pid, 'SIGCONT');
  over.abort();
  // Those who had no answer have one now.
  await calling;

  const restored = await startCopy();
  expect(before.length).toBeGreaterThan(CALLERS);
  for (const session of before) {
    const answer = await api(restored.url).call<Session>('GET', `/v1/sessions/${session.sessionId}`);
    expect(valueOf(answer)).toEqual(session);
  }
  const listed = new Set((await listAll(api(restored.url), 'active')).map(({ sessionId }) => sessionId));
  for (const { sessionId } of before) expect(listed).toContain(sessionId);
  const stats = valueOf(await api(restored.url).call<RegistryStats>('GET', '/v1/registry/stats'));
  expect(stats.activeCount).toBe(listed.size);
  // Of what was under way in each caller there may be a session, or its slot, and no more.
  expect(listed.size).toBeLessThanOrEqual(before.length + CALLERS);
});
