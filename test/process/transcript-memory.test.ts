import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { api, valueOf } from '../../scripts/api.ts';
import type { AppendResult } from '../../src/contract/transcript.ts';
import { prepareServer } from './server.ts';

const MEGABYTE = 1_000_000;
/** 200 MB in all, each batch below the 16 MiB of a body. */
const BATCHES = 14;
const ENTRIES_A_BATCH = 150;
const ENTRY_BYTES = 95_000;
const MAX_GROWTH_BYTES = 64 * MEGABYTE;
const SAMPLE_INTERVAL_MS = 20;
/** How long the reader pauses: what the server fetches meanwhile it would have to hold. */
const PAUSE_MS = 500;

const PATH = '/v1/projects/p/transcripts/s/entries';
const NEWLINE = 0x0a;

const start = await prepareServer({});

/** What a process has in memory. */
async function residentBytes(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1]) * 1024;
}

/** Appends the transcript, and answers how many entries it has. */
async function append(url: string): Promise<number> {
  const text = 'x'.repeat(ENTRY_BYTES);
  let total = 0;
  for (let batch = 0; batch < BATCHES; batch += 1) {
    const entries = Array.from({ length: ENTRIES_A_BATCH }, (_, n) => ({ uuid: `${batch}-${n}`, text }));
    ({ total } = valueOf(await api(url).call<AppendResult>('POST', PATH, { entries })));
  }
  return total;
}

test('reading a transcript of 200 MB takes less than 64 MB of memory', async () => {
  const writing = await start();
  const total = await append(writing.url);
  await writing.stop();
  // A new process: what the appends have used would hide what the read uses.
  const server = await start();
  valueOf(await api(server.url).call('GET', '/v1/projects/p/transcripts'));

  const before = await residentBytes(server.pid);
  let highest = before;
  const sampling = setInterval(() => {
    void residentBytes(server.pid).then((bytes) => (highest = Math.max(highest, bytes)));
  }, SAMPLE_INTERVAL_MS);
  const response = await fetch(server.url + PATH);
  expect(response.headers.get('Berth-Total')).toBe(String(total));
  let [bytes, lines] = [0, 0];
  for await (const chunk of response.body ?? []) {
    if (bytes === 0) await sleep(PAUSE_MS);
    bytes += chunk.byteLength;
    for (let at = chunk.indexOf(NEWLINE); at >= 0; at = chunk.indexOf(NEWLINE, at + 1)) lines += 1;
  }
  clearInterval(sampling);

  expect(total).toBe(BATCHES * ENTRIES_A_BATCH);
  expect(lines).toBe(total);
  expect(bytes).toBeGreaterThanOrEqual(199 * MEGABYTE);
  expect(highest - before).toBeLessThan(MAX_GROWTH_BYTES);
  await server.stop();
});
