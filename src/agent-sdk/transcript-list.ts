/**
 * The list of a project's transcripts, whole.
 *
 * @module
 */
import type { BerthClient } from '../client/berth-client.ts';
import type { CallOptions } from '../client/options.ts';
import type { ListedTranscript } from '../contract/transcript.ts';
import { MAX_PAGE_SIZE } from '../contract/limits.ts';

/** Every transcript of a project, each once. */
export async function listTranscripts(
  client: BerthClient,
  project: string,
  options: CallOptions,
): Promise<ListedTranscript[]> {
  const found = new Map<string, ListedTranscript>();
  let cursor: string | undefined;
  let pages = 0;
  do {
    const page = await client.transcripts.list(project, { limit: MAX_PAGE_SIZE, cursor }, options);
    for (const item of page.data) found.set(item.sessionId, item);
    cursor = page.nextCursor ?? undefined;
    pages += 1;
  } while (cursor !== undefined);
  if (pages === 1) return [...found.values()];
  // What was written to meanwhile has moved to the front, past the pages that were still to come.
  for await (const item of client.transcripts.listAll(project, options)) {
    if (found.get(item.sessionId)?.mtime === item.mtime) break;
    found.set(item.sessionId, item);
  }
  return [...found.values()];
}
