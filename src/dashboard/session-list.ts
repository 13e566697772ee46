/**
 * The list of sessions: fetched a page at a time, kept true by the feed.
 *
 * @module
 */
import { signal } from '@preact/signals';
import { AuthenticationError, BerthError, NotFoundError } from '../client/index.ts';
import type { LiveMessage } from '../contract/live.ts';
import type { ListedSession, SessionSummary } from '../contract/session.ts';
import { may } from './access.ts';
import { asked, client, connection, follow, refused } from './feed.ts';
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
/** What failed is tried again after the first, then twice as long each time, up to the other. */
const RETRY_MS = 1_000;
const MAX_RETRY_MS = 30_000;

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

const ACTIVE: Filter = { status: 'active', model: null, text: '' };

export const filter = signal<Filter>(ACTIVE);
export const sort = signal<Sort>(NEWEST_FIRST);
/** What is shown, in order. */
export const rows = signal<readonly Row[]>([]);
export const loading = signal<Loading>('loading');
/** Why what is shown may not be what is; null where it is. */
export const problem = signal<string | null>(null);
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
/** How many calls in a row have failed. */
let failed = 0;
let retrying: ReturnType<typeof setTimeout> | undefined;

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

function succeed(): void {
  failed = 0;
  problem.value = null;
  loading.value = 'idle';
}

/** Says what went wrong, and tries again later: the feed may be well all the while. */
function fail(error: unknown): void {
  loading.value = 'failed';
  if (error instanceof AuthenticationError) {
    refused(error);
    return;
  }
  if (!(error instanceof BerthError)) throw error;
  problem.value = error.detail;
  const waitMs = Math.min(MAX_RETRY_MS, RETRY_MS * 2 ** failed);
  failed += 1;
  clearTimeout(retrying);
  retrying = setTimeout(reload, Math.max(waitMs, (error.retryAfterS ?? 0) * 1_000));
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
    succeed();
  } catch (error) {
    if (mine === generation) fail(error);
  }
}

/** Fetches the next page, if there is one. */
export function loadMore(): void {
  if (loading.peek() === 'idle' && !complete.peek() && found === null) void load(1);
}

/** Fetches afresh, as far as the list was fetched before. What is shown stays until it is known better. */
function reload(): void {
  clearTimeout(retrying);
  if (!may('sessions:read') || asked.peek() !== null) return;
  generation += 1;
  if (found !== null) {
    void find(filter.peek().text);
    return;
  }
  cursor = undefined;
  lastId = null;
  void load(kept.size);
}

/** Fetches afresh now, rather than when it would be tried again. */
export function tryAgain(): void {
  failed = 0;
  reload();
}

/** What has an id: ours are lower-case, Claude's are as they are. */
async function allOfId(id: string): Promise<ListedSession[]> {
  const own = id.toLowerCase();
  const results: ListedSession[] = [];
  try {
    const session = await client.sessions.get(own);
    results.push({ ...session, reportedAt: session.lastActivity });
  } catch (error) {
    if (!(error instanceof NotFoundError)) throw error;
  }
  const linked = await client.sessions.list({ claudeSessionId: id, status: 'all' });
  return [...results, ...linked.data.filter(({ sessionId }) => sessionId !== own)];
}

async function find(text: string): Promise<void> {
  searches += 1;
  const mine = searches;
  loading.value = 'loading';
  try {
    const results = await allOfId(text.trim());
    if (mine !== searches) return;
    found = results;
    answered.value = true;
    succeed();
    planShow();
  } catch (error) {
    if (mine === searches) fail(error);
  }
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
    answered.value = false;
    problem.value = null;
    tryAgain();
    planShow();
    return;
  }
  if (
    JSON.stringify(serverFilter(after)) !== JSON.stringify(serverFilter(before)) ||
    isWholeId(before.text)
  ) {
    kept.clear();
    complete.value = false;
    answered.value = false;
    problem.value = null;
    tryAgain();
  } else if (needsAll()) loadMore();
  planShow();
}

export function setSort(next: Sort): void {
  sort.value = next;
  if (needsAll()) loadMore();
  planShow();
}

function take(session: ListedSession): void {
  const listed = isListed(session, filter.peek());
  const before = kept.get(session.sessionId);
  if (listed) put(session, null, true);
  else if (before !== undefined)
    put(session, before.leavesAt ?? performance.now() + LEAVING_MS, before.leavesAt === null);
  found = found?.map((it) => (it.sessionId === session.sessionId ? session : it)) ?? null;
  planShow();
}

/**
 * Takes a session as it was just answered. When the registry heard of that is not known here: by no clock is it
 * newer than what the registry tells from now on.
 */
export function takeAnswer(session: SessionSummary): void {
  const reportedAt = kept.get(session.sessionId)?.session.reportedAt ?? session.lastActivity;
  take({ ...session, reportedAt });
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

function forget(): void {
  generation += 1;
  searches += 1;
  failed = 0;
  clearTimeout(retrying);
  if (planned !== null) clearTimeout(planned);
  planned = null;
  kept.clear();
  found = null;
  cursor = undefined;
  lastId = null;
  filter.value = ACTIVE;
  rows.value = [];
  complete.value = false;
  answered.value = false;
  problem.value = null;
  loading.value = 'loading';
}

follow({ message: hear, connected: reload, forget });

setInterval(() => {
  if (connection.peek() === null && answered.peek() && loading.peek() === 'idle' && !document.hidden)
    reload();
}, POLL_MS);
