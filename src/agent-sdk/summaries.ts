/**
 * Summaries of sessions, folded by the SDK and compared-and-set in Berth.
 *
 * @module
 */
import { MAX_SUMMARY_BYTES } from '../contract/limits.ts';
import type { JsonObject } from '../contract/session.ts';
import type { AppendEntries, TranscriptSummary } from '../contract/transcript.ts';
import type { FoldSessionSummary, SessionKey, SessionStoreEntry } from './session-store.ts';

export type SummaryWrite = NonNullable<AppendEntries['summary']>;

/** How many sessions' summaries are remembered: one that is not costs a conflict, no more. */
const MAX_REMEMBERED = 1_000;
/**
 * In place of a summary that could not be made: there is none, and the SDK reads the transcript instead. The
 * SDK's own are never empty. It stays, as what came before is no longer known.
 */
const NO_SUMMARY: JsonObject = {};

/** Whether stored data is a summary of the SDK's. */
export function isSummary(data: JsonObject): boolean {
  return Object.keys(data).length > 0;
}

/** The SDK's own fold, or null where there is no SDK to be found. */
async function importFold(): Promise<FoldSessionSummary | null> {
  try {
    // @ts-ignore -- An optional peer dependency: who uses the adapter has it, this package needn't.
    const sdk: unknown = await import('@anthropic-ai/claude-agent-sdk');
    const { foldSessionSummary } = sdk as { foldSessionSummary?: FoldSessionSummary };
    return foldSessionSummary ?? null;
  } catch {
    return null;
  }
}

export class Summaries {
  #fold: Promise<FoldSessionSummary | null> | undefined;
  /** As last stored or seen, by transcript; null for none. In the order of use, the latest last. */
  readonly #remembered = new Map<string, TranscriptSummary | null>();

  constructor(fold: FoldSessionSummary | undefined) {
    if (fold !== undefined) this.#fold = Promise.resolve(fold);
  }

  /** What is to be stored with some entries; undefined where what is there holds. */
  async next(name: string, key: SessionKey, entries: SessionStoreEntry[]): Promise<SummaryWrite | undefined> {
    this.#fold ??= importFold();
    const fold = await this.#fold;
    const current = this.#remembered.get(name) ?? null;
    const ifVersion = current?.version ?? 0;
    if (current !== null && !isSummary(current.data)) return undefined;
    const { sessionId } = key;
    const previous = current === null ? undefined : { sessionId, mtime: 0, data: current.data };
    const data = (fold?.(previous, key, entries).data ?? NO_SUMMARY) as JsonObject;
    const size = new TextEncoder().encode(JSON.stringify(data)).byteLength;
    return { data: size > MAX_SUMMARY_BYTES ? NO_SUMMARY : data, ifVersion };
  }

  /** Takes note of what is stored. */
  remember(name: string, summary: TranscriptSummary | null): void {
    this.#remembered.delete(name);
    this.#remembered.set(name, summary);
    const [oldest] = this.#remembered.keys();
    if (this.#remembered.size > MAX_REMEMBERED && oldest !== undefined) this.#remembered.delete(oldest);
  }

  forget(name: string): void {
    this.#remembered.delete(name);
  }
}
