/**
 * What happened by minute, for as long as is looked back.
 *
 * @module
 */
import { effect, signal } from '@preact/signals';
import type { SeriesMinute } from '../contract/registry.ts';
import { now } from './clock.ts';
import { client, connection, follow, stats } from './feed.ts';

export const RANGES = [
  { minutes: 15, label: '15 min', words: '15 minutes' },
  { minutes: 60, label: '1 h', words: 'hour' },
  { minutes: 360, label: '6 h', words: '6 hours' },
  { minutes: 1_440, label: '24 h', words: '24 hours' },
] as const;

const MINUTE_MS = 60_000;
/** Changes are fetched at most this often: only the running minute is new, and the one before it. */
const REFRESH_MS = 3_000;
const REFRESHED_MINUTES = 2;

export const range = signal<number>(60);
export const series = signal<readonly SeriesMinute[]>([]);
/** Which of the minutes the cursor is on; null for none. */
export const cursor = signal<number | null>(null);

let fetched = 0;
let planned: ReturnType<typeof setTimeout> | null = null;

async function refetch(): Promise<void> {
  fetched += 1;
  const mine = fetched;
  const data = await client.registry.series({ minutes: range.peek() });
  if (mine === fetched) series.value = data;
}

/** Replaces the minutes that may have changed, and lets as many fall off the other end. */
async function refresh(): Promise<void> {
  const mine = fetched;
  const minutes = range.peek();
  const fresh = await client.registry.series({ minutes: Math.min(REFRESHED_MINUTES, minutes) });
  const [first] = fresh;
  const kept = series.peek();
  if (mine !== fetched || first === undefined) return;
  const before = kept.filter(({ minute }) => minute < first.minute);
  const reachesUp = Date.parse(before.at(-1)?.minute ?? '') === Date.parse(first.minute) - MINUTE_MS;
  if (minutes > REFRESHED_MINUTES && !reachesUp) return refetch();
  series.value = [...before, ...fresh].slice(-minutes);
}

/** A failure is the connection's, which is shown, and mended by what comes after it. */
function quietly(work: Promise<void>): void {
  work.catch(() => undefined);
}

function plan(): void {
  if (planned !== null || connection.peek()?.kind !== 'live') return;
  planned = setTimeout(() => {
    planned = null;
    quietly(refresh());
  }, REFRESH_MS);
}

export function lookBack(minutes: number): void {
  range.value = minutes;
  cursor.value = null;
  quietly(refetch());
}

follow({
  connected: () => quietly(refetch()),
  forget() {
    fetched += 1;
    if (planned !== null) clearTimeout(planned);
    planned = null;
    series.value = [];
    cursor.value = null;
  },
});
effect(() => {
  if (stats.value !== null) plan();
});
/** A minute begins even if nothing happens in it. */
let minute = 0;
effect(() => {
  const current = Math.floor(now.value / MINUTE_MS);
  if (current === minute) return;
  minute = current;
  if (series.peek().length > 0) plan();
});
