/**
 * The sessions: a table that changes in place. Only the rows in sight are there, however many there are.
 *
 * @module
 */
import { signal } from '@preact/signals';
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import { follow } from './feed.ts';
import { FirstSession } from './first-session.tsx';
import { open, opened } from './route.ts';
import { NEWEST_FIRST, type SortKey } from './session-filter.ts';
import {
  answered,
  filter,
  loading,
  loadMore,
  problem,
  rows,
  setSort,
  sort,
  tryAgain,
  type Row,
} from './session-list.ts';
import { rowId, SessionRow } from './session-row.tsx';
import { orderBy, SessionTools } from './session-tools.tsx';

const COLUMNS: readonly { readonly label: string; readonly name: string; readonly key: SortKey | null }[] = [
  { label: 'Session', name: 'id', key: 'created' },
  { label: 'Metadata', name: 'labels', key: null },
  { label: 'Model', name: 'model', key: 'model' },
  { label: 'Mode', name: 'permission', key: 'mode' },
  { label: 'Messages', name: 'messages', key: 'messages' },
  { label: 'Active', name: 'activity', key: 'activity' },
  { label: 'Expires', name: 'expiry', key: 'expires' },
];

/** As in the style sheet. */
const ROW_PX = 42;
const NARROW_ROW_PX = 66;
const narrow = matchMedia('(max-width: 899px)');

/** Rows that are there above and below what is seen, so that scrolling meets no gap. */
const MARGIN_ROWS = 8;
/** The next page is fetched when the end of what there is comes this near. */
const NEAR_END_ROWS = 40;

function useRowHeight(): number {
  const [isNarrow, setNarrow] = useState(narrow.matches);
  useEffect(() => {
    const look = (): void => setNarrow(narrow.matches);
    narrow.addEventListener('change', look);
    return () => narrow.removeEventListener('change', look);
  }, []);
  return isNarrow ? NARROW_ROW_PX : ROW_PX;
}

interface Scroller {
  readonly current: HTMLElement | null;
}

function Heads() {
  const current = sort.value;
  return (
    <div role="row" class="row heads" aria-rowindex={1}>
      {COLUMNS.map(({ label, name, key }) => {
        const isSorted = key === current.key;
        const direction = current.descending ? 'descending' : 'ascending';
        return (
          <div
            key={name}
            role="columnheader"
            class={`cell ${name}`}
            aria-sort={isSorted ? direction : key === null ? undefined : 'none'}
          >
            {key === null ? (
              label
            ) : (
              <button type="button" onClick={() => setSort(orderBy(key, current))}>
                {label}
                <i aria-hidden="true">{isSorted && (current.descending ? '↓' : '↑')}</i>
              </button>
            )}
          </div>
        );
      })}
    </div>
  );
}

// An effect that does not run again keeps all that stands where it was made, so none is made where a list stands:
// an old one would keep every row as it once was.

interface Seen {
  readonly top: number;
  readonly height: number;
}

/** What of the list is in sight, pixels. */
function useSeen(scroller: Scroller): Seen {
  const [seen, setSeen] = useState<Seen>({ top: 0, height: 800 });
  useEffect(() => {
    const element = scroller.current;
    if (element === null) return undefined;
    const look = (): void => setSeen({ top: element.scrollTop, height: element.clientHeight });
    look();
    const observer = new ResizeObserver(look);
    observer.observe(element);
    element.addEventListener('scroll', look, { passive: true });
    return () => {
      observer.disconnect();
      element.removeEventListener('scroll', look);
    };
  }, []);
  return seen;
}

/** Has the next page fetched where the last row that is there comes near the end. */
function useMore(last: number, length: number): void {
  useEffect(() => {
    if (last + NEAR_END_ROWS > length) loadMore();
  }, [last, length, loading.value]);
}

const idAt = (list: readonly Row[], index: number): string | null => list[index]?.session.sessionId ?? null;

/** The first row in sight, as it was when it was last looked for. */
function useFirstSeen(scroller: Scroller, rowPx: number): { current: string | null } {
  const first = useRef<string | null>(null);
  useEffect(() => {
    const element = scroller.current;
    const remember = (): void => {
      if (element !== null) first.current = idAt(rows.peek(), Math.floor(element.scrollTop / rowPx));
    };
    element?.addEventListener('scroll', remember, { passive: true });
    return () => element?.removeEventListener('scroll', remember);
  }, [rowPx]);
  return first;
}

/** Keeps what is looked at in its place while rows come above it. */
function useAnchor(scroller: Scroller, rowPx: number): void {
  const anchor = useFirstSeen(scroller, rowPx);
  const list = rows.value;
  useLayoutEffect(() => {
    const element = scroller.current;
    if (element === null) return;
    const first = Math.floor(element.scrollTop / rowPx);
    const isNewestFirst = sort.peek().key === NEWEST_FIRST.key && sort.peek().descending;
    if (first > 0 && anchor.current !== null && isNewestFirst) {
      const moved = list.findIndex(({ session }) => session.sessionId === anchor.current);
      if (moved >= 0 && moved !== first) element.scrollTop += (moved - first) * rowPx;
    }
    anchor.current = idAt(list, Math.floor(element.scrollTop / rowPx));
  }, [list]);
}

const PAGE_ROWS = 10;

/** The row that the keyboard is on. */
const currentId = signal<string | null>(null);
follow({
  connected: () => undefined,
  forget: () => {
    currentId.value = null;
  },
});

function openSession(sessionId: string): void {
  currentId.value = sessionId;
  open(sessionId);
}

export function SessionTable() {
  const scroller = useRef<HTMLDivElement>(null);
  const rowPx = useRowHeight();
  const seen = useSeen(scroller);
  const list = rows.value;
  const current = currentId.value;
  useAnchor(scroller, rowPx);
  const first = Math.max(0, Math.floor(seen.top / rowPx) - MARGIN_ROWS);
  const last = Math.min(list.length, Math.ceil((seen.top + seen.height) / rowPx) + MARGIN_ROWS);
  useMore(last, list.length);

  const move = (event: KeyboardEvent): void => {
    const element = scroller.current;
    if (element === null || event.target !== element) return;
    const at = list.findIndex(({ session }) => session.sessionId === current);
    const end = list.length - 1;
    const goals: Readonly<Record<string, number>> = {
      ArrowDown: at + 1,
      ArrowUp: at - 1,
      PageDown: at + PAGE_ROWS,
      PageUp: at - PAGE_ROWS,
      Home: 0,
      End: end,
    };
    if ((event.key === 'Enter' || event.key === ' ') && current !== null && at >= 0) {
      event.preventDefault();
      openSession(current);
    }
    const goal = goals[event.key];
    if (goal === undefined || end < 0) return;
    event.preventDefault();
    const index = Math.max(0, Math.min(end, goal));
    currentId.value = idAt(list, index);
    const heads = element.querySelector<HTMLElement>('.heads')?.offsetHeight ?? 0;
    const top = index * rowPx;
    const below = top + rowPx + heads - element.clientHeight;
    if (top < element.scrollTop) element.scrollTop = top;
    else if (below > element.scrollTop) element.scrollTop = below;
  };

  const visible = list.slice(first, last);
  const isCurrentThere = visible.some(({ session }) => session.sessionId === current);
  const { status, text, model } = filter.value;
  const isPlain = text.trim() === '' && model === null;
  return (
    <section class="card sessions" id="sessions" aria-labelledby="sessions-title">
      <SessionTools />
      {problem.value !== null && (
        <p class="failure" role="alert">
          The sessions could not be fetched: {problem.value}{' '}
          <button type="button" onClick={tryAgain}>
            Try again
          </button>
        </p>
      )}
      <div class="frame">
        <div
          class="grid"
          role="grid"
          ref={scroller}
          tabIndex={0}
          aria-labelledby="sessions-title"
          aria-rowcount={list.length + 1}
          aria-colcount={COLUMNS.length}
          aria-activedescendant={isCurrentThere && current !== null ? rowId(current) : undefined}
          onKeyDown={move}
        >
          <Heads />
          <div role="rowgroup" class="body" style={{ height: `${list.length * rowPx}px` }}>
            {visible.map((row, offset) => (
              <SessionRow
                key={row.session.sessionId}
                row={row}
                index={first + offset}
                top={(first + offset) * rowPx}
                isCurrent={row.session.sessionId === current}
                isOpen={row.session.sessionId === opened.value}
                onOpen={openSession}
              />
            ))}
          </div>
        </div>
        {list.length === 0 && answered.value && problem.value === null && (
          <div class="empty">
            {isPlain && (status === 'active' || status === 'all') ? (
              <FirstSession />
            ) : (
              <p>Nothing is found.</p>
            )}
          </div>
        )}
      </div>
    </section>
  );
}
