/**
 * What a tenant has stored, as its list and statistics tell it.
 *
 * @module
 */
import type { RegistryStats } from '../../src/contract/registry.ts';
import type { ListedSession, SessionPage } from '../../src/contract/session.ts';
import { call, callJson } from './api.ts';

/** The whole list, page by page. */
export async function listAll(query = 'status=all'): Promise<ListedSession[]> {
  const all: ListedSession[] = [];
  for (let cursor: string | null = ''; cursor !== null;) {
    const at: string = cursor === '' ? '' : `&cursor=${encodeURIComponent(cursor)}`;
    const page: SessionPage = await callJson<SessionPage>('GET', `/v1/sessions?limit=100&${query}${at}`);
    all.push(...page.data);
    cursor = page.nextCursor;
  }
  return all;
}

export const stats = (): Promise<RegistryStats> => callJson<RegistryStats>('GET', '/v1/registry/stats');

/** All that could change when a request stores something it should not. */
export async function inventory(): Promise<{ list: ListedSession[]; stats: RegistryStats }> {
  return { list: await listAll(), stats: await stats() };
}

/** Changes the limit of admitted sessions. */
export async function limitTo(maxSessions: number): Promise<void> {
  const response = await call('PUT', '/v1/registry/limits', { body: { maxSessions } });
  if (response.status !== 200) throw new Error(`${response.status} ${await response.text()}`);
}
