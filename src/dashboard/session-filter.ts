/**
 * What of the list is looked at: by status, model, metadata and text; and in which order.
 *
 * @module
 */
import type { SessionFilter } from '../client/index.ts';
import type { ListedSession, ListStatus } from '../contract/session.ts';

export interface Filter {
  readonly status: ListStatus;
  /** Null for any. */
  readonly model: string | null;
  /** What was typed: words, and `key=value` for metadata. */
  readonly text: string;
}

export const SORTS = {
  created: 'Newest',
  messages: 'Messages',
  activity: 'Last active',
  expires: 'Expires',
  model: 'Model',
  mode: 'Permission mode',
} as const;
export type SortKey = keyof typeof SORTS;

export interface Sort {
  readonly key: SortKey;
  readonly descending: boolean;
}

/** The server's own order: any other takes all of the list to know. */
export const NEWEST_FIRST: Sort = { key: 'created', descending: true };

const UUID = /^[\da-f]{8}-[\da-f]{4}-[\da-f]{4}-[\da-f]{4}-[\da-f]{12}$/i;

/** A whole id, which is asked for rather than looked for. */
export const isWholeId = (text: string): boolean => UUID.test(text.trim());

const parts = (text: string): string[] => text.split(/\s+/).filter(Boolean);
const isLabel = (part: string): boolean => /^[^=]+=./.test(part);

export function labelsOf(text: string): Record<string, string> {
  const labels: Record<string, string> = {};
  for (const part of parts(text).filter(isLabel)) {
    const at = part.indexOf('=');
    labels[part.slice(0, at)] = part.slice(at + 1);
  }
  return labels;
}

/** What is left for the page to find: lower-case words. */
export const wordsOf = (text: string): string[] => parts(text.toLowerCase()).filter((part) => !isLabel(part));

/** What the server can filter by. */
export function serverFilter({ status, model, text }: Filter): SessionFilter {
  return { status, model: model ?? undefined, metadata: labelsOf(text) };
}

const haystacks = new WeakMap<ListedSession, string>();

function haystackOf(session: ListedSession): string {
  let text = haystacks.get(session);
  if (text === undefined) {
    const { sessionId, claudeSessionId = '', config } = session;
    text = [sessionId, claudeSessionId, config.model ?? '', JSON.stringify(config.metadata)]
      .join(' ')
      .toLowerCase();
    haystacks.set(session, text);
  }
  return text;
}

/** Whether the server would list it. */
export function isListed(session: ListedSession, { status, model, text }: Filter): boolean {
  if (status !== 'all' && session.status !== status) return false;
  if (model !== null && session.config.model !== model) return false;
  return Object.entries(labelsOf(text)).every(([key, value]) => {
    const found = session.config.metadata[key];
    return found !== null && typeof found !== 'object' && String(found) === value;
  });
}

export function hasWords(session: ListedSession, words: readonly string[]): boolean {
  return words.every((word) => haystackOf(session).includes(word));
}

const text = (a: string, b: string): number => (a < b ? -1 : Number(a > b));

const COMPARE: Readonly<Record<SortKey, (a: ListedSession, b: ListedSession) => number>> = {
  // Ids begin with their time.
  created: (a, b) => text(a.sessionId, b.sessionId),
  messages: (a, b) => a.messageCount - b.messageCount,
  activity: (a, b) => text(a.lastActivity, b.lastActivity),
  expires: (a, b) => text(a.expiresAt, b.expiresAt),
  model: (a, b) => text(a.config.model ?? '', b.config.model ?? ''),
  mode: (a, b) => text(a.config.permissionMode, b.config.permissionMode),
};

/** An order, in which equals are newest first. */
export function comparator({ key, descending }: Sort): (a: ListedSession, b: ListedSession) => number {
  const compare = COMPARE[key];
  const sign = descending ? -1 : 1;
  return (a, b) => sign * compare(a, b) || text(b.sessionId, a.sessionId);
}
