/**
 * Real servers for tests, each on folders of its own.
 *
 * @module
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';
import type { Api } from '../../scripts/api.ts';
import { valueOf } from '../../scripts/api.ts';
import { berthBundle } from '../../scripts/build-server.ts';
import { startWorkerd, type Settings, type Workerd } from '../../scripts/workerd.ts';
import type { ListedSession, SessionPage } from '../../src/contract/session.ts';

/** A new folder that is deleted when the tests of the file are over. */
export async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'berth-test-'));
  afterAll(() => rm(folder, { recursive: true, force: true, maxRetries: 3 }));
  return folder;
}

/** Builds the Worker if that is needed, and gives what starts it, each time on the same data. */
export async function prepareServer(settings: Settings, folder?: string): Promise<() => Promise<Workerd>> {
  const [data, bundle] = [folder ?? (await temporaryFolder()), await berthBundle()];
  let last: Workerd | null = null;
  afterAll(() => last?.stop('SIGKILL'));
  return async () => {
    last = await startWorkerd({ bundle, data, settings: { AUTH: 'off', ...settings } });
    return last;
  };
}

/** All pages of a list. */
export async function listAll(api: Api, status: 'active' | 'all'): Promise<ListedSession[]> {
  const sessions: ListedSession[] = [];
  let cursor: string | null = null;
  do {
    const from: string = cursor === null ? '' : `&cursor=${encodeURIComponent(cursor)}`;
    const answer = await api.call<SessionPage>('GET', `/v1/sessions?status=${status}&limit=100${from}`);
    const page = valueOf(answer);
    sessions.push(...page.data);
    cursor = page.nextCursor;
  } while (cursor !== null);
  return sessions;
}
