/**
 * The part of a transcript that is looked at: one page of its entries, however many there are.
 *
 * @module
 */
import type { JsonObject } from '../contract/session.ts';
import { turnOf, type Turn } from './conversation.ts';

/** Entries a page. Of what Claude Code writes, a third is said and the rest is for the program. */
export const PAGE_ENTRIES = 300;

/** Beyond the end of any transcript: what is read from here is nothing but how many entries there are. */
const BEYOND = 2 ** 37;

export interface Entries {
  /** How many there are in all. */
  readonly total: number;
  readonly entries: readonly JsonObject[];
}

/** Reads `limit` entries at most, after the `after`-th. */
export type ReadEntries = (after: number, limit: number) => Promise<Entries>;

/** What of a transcript is there to be shown. */
export interface Shown {
  readonly turns: readonly Turn[];
  /** How many entries are before what is shown. */
  readonly from: number;
  /** How many entries there are up to its end. */
  readonly to: number;
  readonly total: number;
  /** Whether nothing came after this page when it was turned to: what comes now is for it. */
  readonly isLast: boolean;
}

export const NOTHING: Shown = { turns: [], from: 0, to: 0, total: 0, isLast: true };

const MARK_CHARACTERS = 200;

/** What an entry is known by when it is met again. */
function markOf(entry: JsonObject): string {
  const { uuid } = entry;
  if (typeof uuid === 'string') return uuid;
  const text = JSON.stringify(entry);
  return `${text.length} ${text.slice(0, MARK_CHARACTERS)}`;
}

/** Holds one page, and turns to others. One call at a time. */
export class TranscriptWindow {
  readonly #read: ReadEntries;
  #shown: Shown = NOTHING;
  /** What the last entry that is shown is known by. */
  #lastMark = '';

  constructor(read: ReadEntries) {
    this.#read = read;
  }

  get shown(): Shown {
    return this.#shown;
  }

  /** Forgets what is shown: it is there no more. */
  clear(): void {
    this.#shown = NOTHING;
  }

  /** Turns to the first page. */
  start(): Promise<void> {
    return this.#show(0);
  }

  /** Turns to the last page. */
  async newest(): Promise<void> {
    const { total } = await this.#read(BEYOND, 0);
    await this.#show(Math.max(0, total - PAGE_ENTRIES), true);
  }

  /** Turns to the page before. The first one is a full page too. */
  earlier(): Promise<void> {
    return this.#show(Math.max(0, this.#shown.from - PAGE_ENTRIES));
  }

  /** Turns to the page after. The last one is a full page too. */
  later(): Promise<void> {
    const { to, total } = this.#shown;
    return to + PAGE_ENTRIES >= total ? this.newest() : this.#show(to);
  }

  /**
   * Learns what was appended. It is shown if `extend` says so and the page is the last one, which then loses
   * as many of its oldest; else it is only counted. A transcript that was deleted and written anew is shown
   * anew.
   */
  async follow(extend: boolean): Promise<void> {
    const { from, to, turns, isLast } = this.#shown;
    if (to === 0) return this.newest();
    if (!isLast) return this.#count();
    // The last entry is read once more: where it isn't there, this is another transcript.
    const { total, entries } = await this.#read(to - 1, extend ? PAGE_ENTRIES : 1);
    const [last, ...others] = entries;
    if (last === undefined || markOf(last) !== this.#lastMark) return this.newest();
    if (extend && total > to + others.length) return this.newest();
    if (others.length === 0) return this.#say(total);
    const grown = [...turns, ...others.map((entry, index) => turnOf(entry, to + index))];
    const cut = Math.max(0, grown.length - PAGE_ENTRIES);
    this.#lastMark = markOf(others.at(-1) ?? last);
    this.#shown = { turns: grown.slice(cut), from: from + cut, to: to + others.length, total, isLast };
  }

  async #count(): Promise<void> {
    const { total } = await this.#read(BEYOND, 0);
    return total < this.#shown.to ? this.newest() : this.#say(total);
  }

  /** Says how many there are. What is shown stays as it is, to the identity. */
  #say(total: number): void {
    if (total !== this.#shown.total) this.#shown = { ...this.#shown, total };
  }

  async #show(after: number, isLast = false): Promise<void> {
    const { total, entries } = await this.#read(after, PAGE_ENTRIES);
    const last = entries.at(-1);
    // Meanwhile it has become another one, which is shorter.
    if (last === undefined) return after === 0 ? this.clear() : this.newest();
    this.#lastMark = markOf(last);
    const to = after + entries.length;
    const turns = entries.map((entry, index) => turnOf(entry, after + index));
    this.#shown = { turns, from: after, to, total, isLast: isLast || to >= total };
  }
}
