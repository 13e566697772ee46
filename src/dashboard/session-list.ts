/**
 * The list of sessions: fetched a page at a time, kept true by the feed.
 *
 * @module
 */
import { signal } from '@preact/signals';
import { NotFoundError } from '../client/index.ts';
import type { LiveMessage } from '../contract/live.ts';
import type { ListedSession } from '../contract/session.ts';
import { may } from './access.ts';
import { client, connection, follow } from './feed.ts';
import {
  comparator,
  hasWords,
  isListed,
  isWholeId,
  NEWEST_FIRST,
  serverFilter,
  wordsOf,
  type Filter,
  type Sort,
} from './session-filter.ts';

const PAGE_SIZE = 100;
/** What changes is shown at most this often. */
const SHOW_INTERVAL_MS = 200;
/** One that no longer belongs into the list is seen to go. */
const LEAVING_MS = 4_000;
/** Without a feed the first page is asked for again. */
const POLL_MS = 5_000;

/** A row. A new object whenever something of it has changed. */
export interface Row {
  readonly session: ListedSession;
  /** How often it was seen to change: what shows it flashes at each. */
  readonly changes: number;
  /** When it was last heard of, milliseconds since the page was opened. */
  readonly heardAt: number;
  /** When it goes, because it is listed no longer; null where it stays. */
  readonly leavesAt: number | null;
}

export type Loading = 'idle' | 'loading' | 'failed';

export const filter = signal<Filter>({ status: 'active', model: null, text: '' });
export const sort = signal<Sort>(NEWEST_FIRST);
/** What is shown, in order. */
export const rows = signal<readonly Row[]>([]);
export const loading = signal<Loading>('loading');
/** Whether the list has been fetched to its end. */
export const complete = signal(false);
/** Whether anything was fetched since the filter was set. */
export const answered = signal(false);

const kept = new Map<string, Row>();
/** What a search by a whole id has found, whatever the filter. */
let found: readonly ListedSession[] | null = null;
let cursor: string | undefined;
let lastId: string | null = null;
/** Grows with each filter and each connection: what was asked for before is not listened to. */
let generation = 0;
/** Grows with each search by a whole id. */
let searches = 0;
let shown = 0;
let planned: ReturnType<typeof setTimeout> | null = null;

const needsAll = (): boolean => {
  const { key, descending } = sort.peek();
  return key !== NEWEST_FIRST.key || !descending || wordsOf(filter.peek().text).length > 0;
};

/** Takes what is equal from the object before: each message brings texts of its own, of the same content. */
function sharing<T extends object>(fresh: T, before: T): T {
  const shared = { ...fresh };
  for (const key of Object.keys(fresh) as (keyof T)[])
    if (fresh[key] === before[key]) shared[key] = before[key];
  return shared;
}

function put(fresh: ListedSession, leavesAt: number | null, flashes: boolean): void {
  const { sessionId, reportedAt } = fresh;
  const before = kept.get(sessionId);
  const heardAt = performance.now();
  if (before === undefined) {
    kept.set(sessionId, { session: fresh, changes: Number(flashes), heardAt, leavesAt });
    return;
  }
  // A page can be older than what the feed has told since it was asked for.
  if (before.session.reportedAt > reportedAt) return;
  const isNews = flashes || before.session.reportedAt !== reportedAt || before.leavesAt !== leavesAt;
  if (!isNews) {
    kept.set(sessionId, { ...before, heardAt });
    return;
  }
  const config = sharing(fresh.config, before.session.config);
  const session = { ...sharing(fresh, before.session), config };
  kept.set(sessionId, { session, changes: before.changes + Number(flashes), heardAt, leavesAt });
}

function show(): void {
  planned = null;
  shown = performance.now();
  const order = comparator(sort.peek());
  const words = wordsOf(filter.peek().text);
  let next = Infinity;
  const list: Row[] = [];
  if (found === null) {
    for (const [id, row] of kept) {
      if (row.leavesAt !== null && row.leavesAt <= shown) kept.delete(id);
      else {
        if (row.leavesAt !== null) next = Math.min(next, row.leavesAt);
        if (hasWords(row.session, words)) list.push(row);
      }
    }
  } else {
    for (const session of found)
      list.push(kept.get(session.sessionId) ?? { session, changes: 0, heardAt: 0, leavesAt: null });
  }
  rows.value = list.toSorted((a, b) => order(a.session, b.session));
  if (next < Infinity) planShow(next - shown);
}

function planShow(inMs = 0): void {
  if (planned !== null) {
    if (inMs > 0) return;
    clearTimeout(planned);
  }
  planned = setTimeout(show, Math.max(inMs, shown + SHOW_INTERVAL_MS - performance.now()));
}

/** Forgets what a page would have if it were still listed: what lies between its ends, and isn't there. */
function forgetMissing(page: readonly ListedSession[], askedAt: number, isLast: boolean): void {
  const ids = new Set(page.map(({ sessionId }) => sessionId));
  const lowest = isLast ? '' : (page.at(-1)?.sessionId ?? '');
  for (const [id, row] of kept) {
    const within = id >= lowest && (lastId === null || id < lastId);
    if (within && !ids.has(id) && row.heardAt < askedAt && row.leavesAt === null) kept.delete(id);
  }
}

async function fetchPage(mine: number): Promise<void> {
  const askedAt = performance.now();
  const page = await client.sessions.list({ ...serverFilter(filter.peek()), limit: PAGE_SIZE, cursor });
  if (mine !== generation) return;
  const isLast = page.nextCursor === null;
  forgetMissing(page.data, askedAt, isLast);
  for (const session of page.data) put(session, null, false);
  cursor = page.nextCursor ?? undefined;
  lastId = page.data.at(-1)?.sessionId ?? lastId;
  complete.value = isLast;
  answered.value = true;
}

async function load(minimum: number): Promise<void> {
  const mine = generation;
  loading.value = 'loading';
  let fetched = 0;
  try {
    do {
      await fetchPage(mine);
      if (mine !== generation) return;
      fetched += PAGE_SIZE;
      planShow();
    } while (!complete.peek() && (fetched < minimum || needsAll()));
    loading.value = 'idle';
  } catch {
    // The connection says why, and fetches afresh when it is back.
    if (mine === generation) loading.value = 'failed';
  }
}

/** Fetches the next page, if there is one. */
export function loadMore(): void {
  if (loading.peek() === 'idle' && !complete.peek()) void load(1);
}

/** Fetches afresh, as far as the list was fetched before. What is shown stays until it is known better. */
function reload(): void {
  if (!may('sessions:read')) return;
  generation += 1;
  cursor = undefined;
  lastId = null;
  void load(kept.size);
  if (found !== null) void find(filter.peek().text);
}

async function find(text: string): Promise<void> {
  searches += 1;
  const mine = searches;
  const id = text.trim().toLowerCase();
  const results: ListedSession[] = [];
  try {
    const session = await client.sessions.get(id);
    results.push({ ...session, reportedAt: session.lastActivity });
  } catch (error) {
    if (!(error instanceof NotFoundError)) return;
  }
  const linked = await client.sessions.list({ claudeSessionId: id, status: 'all' });
  results.push(...linked.data.filter(({ sessionId }) => sessionId !== id));
  if (mine !== searches) return;
  found = results;
  planShow();
}

/** Looks at other sessions. */
export function setFilter(change: Partial<Filter>): void {
  const before = filter.peek();
  const after = { ...before, ...change };
  filter.value = after;
  searches += 1;
  found = null;
  if (isWholeId(after.text)) {
    found = [];
    void find(after.text);
    return;
  }
  if (
    JSON.stringify(serverFilter(after)) !== JSON.stringify(serverFilter(before)) ||
    isWholeId(before.text)
  ) {
    kept.clear();
    complete.value = false;
    answered.value = false;
    reload();
  } else if (needsAll()) loadMore();
  planShow();
}

export function setSort(next: Sort): void {
  sort.value = next;
  if (needsAll()) loadMore();
  planShow();
}

/** Takes a session as it was just answered. */
export function take(session: ListedSession): void {
  const listed = isListed(session, filter.peek());
  const before = kept.get(session.sessionId);
  if (listed) put(session, null, true);
  else if (before !== undefined)
    put(session, before.leavesAt ?? performance.now() + LEAVING_MS, before.leavesAt === null);
  found = found?.map((it) => (it.sessionId === session.sessionId ? session : it)) ?? null;
  planShow();
}

function hear(message: LiveMessage): void {
  if (message.type !== 'session') return;
  const { event, session } = message;
  if (event === 'purged') {
    kept.delete(session.sessionId);
    found = found?.filter(({ sessionId }) => sessionId !== session.sessionId) ?? null;
    planShow();
    return;
  }
  // What lies beyond the last page that was fetched comes with its page.
  const isBeyond = !complete.peek() && lastId !== null && session.sessionId < lastId;
  if (isBeyond && !kept.has(session.sessionId) && found === null) return;
  take(session);
}

follow({ message: hear, connected: reload });

setInterval(() => {
  if (connection.peek() === null && answered.peek() && loading.peek() === 'idle' && !document.hidden)
    reload();
}, POLL_MS);
