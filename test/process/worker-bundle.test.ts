import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { buildWorker } from '../../scripts/workerd.ts';
import { temporaryFolder } from './server.ts';

/** It is loaded wherever a request comes first: what it weighs, each of those waits for. */
const MAX_GZIPPED_BYTES = 60_000;

test('the Worker, as it is deployed, weighs little', async () => {
  const folder = await temporaryFolder();
  await buildWorker(folder);
  const worker = await readFile(join(folder, 'index.js'));
  expect(gzipSync(worker).length).toBeLessThan(MAX_GZIPPED_BYTES);
  expect(gzipSync(worker).length).toBeGreaterThan(MAX_GZIPPED_BYTES / 4);
});
