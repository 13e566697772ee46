/**
 * What is looked at in the table: by status, model and text; and in which order, where there is no room for
 * the heads of columns.
 *
 * @module
 */
import { useEffect, useRef } from 'preact/hooks';
import type { ListStatus } from '../contract/session.ts';
import { UNNAMED_MODEL } from '../contract/unnamed-model.ts';
import { now } from './clock.ts';
import { stats } from './feed.ts';
import { count } from './format.ts';
import { SORTS, wordsOf, type Sort, type SortKey } from './session-filter.ts';
import { complete, filter, loading, rows, setFilter, setSort, sort } from './session-list.ts';
import { SOON_MS } from './time.tsx';

const STATUSES: readonly { readonly status: ListStatus; readonly label: string }[] = [
  { status: 'active', label: 'Active' },
  { status: 'expired', label: 'Expired' },
  { status: 'ended', label: 'Ended' },
  { status: 'all', label: 'All' },
];
/** Typing is not followed by a request for each letter. */
const TYPING_MS = 200;

function totalOf(status: ListStatus): number | null {
  if (stats.value === null) return null;
  const { sessionsByStatus, totalInMemory } = stats.value;
  return status === 'all' ? totalInMemory : sessionsByStatus[status];
}

function Search() {
  const input = useRef<HTMLInputElement>(null);
  const timer = useRef<ReturnType<typeof setTimeout>>();
  useEffect(() => {
    const focus = (event: KeyboardEvent): void => {
      const { target } = event;
      const isTyping = target instanceof HTMLInputElement || target instanceof HTMLSelectElement;
      if (event.key !== '/' || isTyping || event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault();
      input.current?.focus();
    };
    addEventListener('keydown', focus);
    return () => removeEventListener('keydown', focus);
  }, []);
  return (
    <label class="search">
      <span class="sr">Search sessions by id, model or metadata</span>
      <svg viewBox="0 0 16 16" aria-hidden="true">
        <circle cx="7" cy="7" r="4.5" />
        <path d="m10.5 10.5 4 4" />
      </svg>
      <input
        ref={input}
        type="search"
        placeholder="Id, text, or team=search"
        autocomplete="off"
        spellcheck={false}
        onInput={({ currentTarget }) => {
          clearTimeout(timer.current);
          timer.current = setTimeout(() => setFilter({ text: currentTarget.value }), TYPING_MS);
        }}
      />
      <kbd aria-hidden="true">/</kbd>
    </label>
  );
}

function Models() {
  const { model } = filter.value;
  // None is to be found by the name of those that have none.
  const names = Object.keys(stats.value?.byModel ?? {}).filter((name) => name !== UNNAMED_MODEL);
  if (model !== null && !names.includes(model)) names.push(model);
  return (
    <label class="select">
      <span class="sr">Model</span>
      <select
        value={model ?? ''}
        onChange={({ currentTarget }) => setFilter({ model: currentTarget.value || null })}
      >
        <option value="">Any model</option>
        {names.toSorted().map((name) => (
          <option key={name} value={name}>
            {name}
          </option>
        ))}
      </select>
    </label>
  );
}

function Order() {
  const { key, descending } = sort.value;
  return (
    <label class="select order">
      <span class="sr">Order</span>
      <select
        value={key}
        onChange={({ currentTarget }) => setSort(orderBy(currentTarget.value as SortKey, null))}
      >
        {Object.entries(SORTS).map(([name, label]) => (
          <option key={name} value={name}>
            {label}
            {name === key && (descending ? ' ↓' : ' ↑')}
          </option>
        ))}
      </select>
    </label>
  );
}

/** The order by a column: first as it is mostly wanted, then the other way round. */
export function orderBy(key: SortKey, before: Sort | null): Sort {
  if (before?.key === key) return { key, descending: !before.descending };
  return { key, descending: key === 'created' || key === 'messages' || key === 'activity' };
}

/** How many are shown, of how many: a list that is not there yet doesn't pass for all. */
function Count() {
  const { status, text, model } = filter.value;
  const total = totalOf(status);
  const shown = rows.value.filter(({ leavesAt }) => leavesAt === null).length;
  const isFiltered = model !== null || text.trim() !== '';
  const searched = wordsOf(text).length > 0 && !complete.value;
  let words = count(shown);
  if (!complete.value && total !== null && !isFiltered) words += ` of ${count(Math.max(total, shown))}`;
  if (isFiltered) words += ' found';
  if (searched && loading.value === 'loading') words += ', searching…';
  // Not announced: where much happens, it changes several times a second.
  return <p class="count">{words}</p>;
}

/**
 * How much of what is listed is about to expire, and the way to it. It is not known before the list is there
 * to its end, which the order by expiry sees to.
 */
function Expiring() {
  const { status } = filter.value;
  if (status === 'expired' || status === 'ended') return null;
  const until = new Date(now.value + SOON_MS).toISOString();
  const soon = rows.value.filter(
    ({ session }) => session.status === 'active' && session.expiresAt < until,
  ).length;
  if (complete.value && soon === 0) return null;
  const words = soon === 1 ? '1 expires soon' : `${count(soon)} expire soon`;
  return (
    <button
      type="button"
      class="quiet soon"
      title={complete.value ? 'Within a minute. Shows them first.' : 'Orders by expiry.'}
      onClick={() => setSort({ key: 'expires', descending: false })}
    >
      {complete.value ? words : 'Soonest first'}
    </button>
  );
}

export function SessionTools() {
  return (
    <div class="tools">
      <h2 id="sessions-title">Sessions</h2>
      <div class="standing">
        <Count />
        <Expiring />
      </div>
      <div class="segments" role="group" aria-label="Status">
        {STATUSES.map(({ status, label }) => {
          const total = totalOf(status);
          return (
            <button
              key={status}
              type="button"
              aria-pressed={filter.value.status === status}
              onClick={() => setFilter({ status })}
            >
              {label} {total !== null && <small>{count(total)}</small>}
            </button>
          );
        })}
      </div>
      <Search />
      <Models />
      <Order />
    </div>
  );
}
