/**
 * Summaries of sessions, folded by the SDK and compared-and-set in Berth.
 *
 * @module
 */
import { MAX_METADATA_DEPTH, MAX_SUMMARY_BYTES } from '../contract/limits.ts';
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

const encoder = new TextEncoder();

/** Whether JSON holds what it was made of, and the server takes it. Looks no deeper than `levels`. */
function isStorable(value: unknown, levels: number = MAX_METADATA_DEPTH): boolean {
  if (typeof value === 'number') return Number.isFinite(value);
  if (typeof value !== 'object' || value === null) return true;
  return levels > 0 && Object.values(value).every((inner) => isStorable(inner, levels - 1));
}

/** What is stored of a folded summary. Whatever is wrong with it, it must not cost the entries. */
function dataOf(fold: () => unknown): JsonObject {
  try {
    const data = fold();
    const isObject = typeof data === 'object' && data !== null && !Array.isArray(data);
    if (!isObject || !isStorable(data)) return NO_SUMMARY;
    const json = JSON.stringify(data);
    return encoder.encode(json).byteLength > MAX_SUMMARY_BYTES
      ? NO_SUMMARY
      : (JSON.parse(json) as JsonObject);
  } catch {
    return NO_SUMMARY;
  }
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

interface Remembered {
  /** Null for none. */
  readonly summary: TranscriptSummary | null;
  /** When it was stored, where that is known: of a conversation that was deleted since, nothing may be kept. */
  readonly mtime: number | undefined;
}

export class Summaries {
  #fold: Promise<FoldSessionSummary | null> | undefined;
  /** As last stored or seen, by transcript. In the order of use, the latest last. */
  readonly #remembered = new Map<string, Remembered>();

  constructor(fold: FoldSessionSummary | undefined) {
    if (fold !== undefined) this.#fold = Promise.resolve(fold);
  }

  /** What is to be stored with some entries; undefined where what is there holds. */
  async next(name: string, key: SessionKey, entries: SessionStoreEntry[]): Promise<SummaryWrite | undefined> {
    this.#fold ??= importFold();
    const fold = await this.#fold;
    const { summary: current = null, mtime: ifMtime } = this.#remembered.get(name) ?? {};
    const ifVersion = current?.version ?? 0;
    if (current !== null && !isSummary(current.data)) return undefined;
    const { sessionId } = key;
    const previous = current === null ? undefined : { sessionId, mtime: 0, data: current.data };
    return { data: dataOf(() => fold?.(previous, key, entries).data), ifVersion, ifMtime };
  }

  /** Takes note of what is stored; `mtime` where it was stored by us. */
  remember(name: string, summary: TranscriptSummary | null, mtime?: number): void {
    this.#remembered.delete(name);
    this.#remembered.set(name, { summary, mtime });
    const [oldest] = this.#remembered.keys();
    if (this.#remembered.size > MAX_REMEMBERED && oldest !== undefined) this.#remembered.delete(oldest);
  }

  forget(name: string): void {
    this.#remembered.delete(name);
  }
}
