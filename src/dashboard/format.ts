/**
 * Numbers, times and ids as people read them.
 *
 * @module
 */
const numbers = new Intl.NumberFormat();
const clock = new Intl.DateTimeFormat(undefined, { timeStyle: 'medium' });
const minutes = new Intl.DateTimeFormat(undefined, { timeStyle: 'short' });
const full = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'medium' });

const SECOND_MS = 1_000;
const MINUTE_MS = 60 * SECOND_MS;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

export const count = (value: number): string => numbers.format(value);
export const clockTime = (time: number): string => clock.format(time);
export const minuteTime = (time: number): string => minutes.format(time);
export const fullTime = (time: number): string => (Number.isFinite(time) ? full.format(time) : 'unknown');

/** `4 m 05 s`: two units, so that what counts down keeps its width. */
export function duration(ms: number): string {
  const rest = Math.max(0, ms);
  const part = (unitMs: number, of: number) => Math.floor((rest % of) / unitMs);
  const two = (value: number) => String(value).padStart(2, '0');
  if (rest >= DAY_MS) return `${Math.floor(rest / DAY_MS)} d ${two(part(HOUR_MS, DAY_MS))} h`;
  if (rest >= HOUR_MS) return `${Math.floor(rest / HOUR_MS)} h ${two(part(MINUTE_MS, HOUR_MS))} m`;
  if (rest >= MINUTE_MS) return `${Math.floor(rest / MINUTE_MS)} m ${two(part(SECOND_MS, MINUTE_MS))} s`;
  return `${Math.floor(rest / SECOND_MS)} s`;
}

/** `3 m ago`: one unit. */
export function ago(ms: number): string {
  if (ms < 2 * SECOND_MS) return 'now';
  if (ms < MINUTE_MS) return `${Math.floor(ms / SECOND_MS)} s ago`;
  if (ms < HOUR_MS) return `${Math.floor(ms / MINUTE_MS)} m ago`;
  if (ms < DAY_MS) return `${Math.floor(ms / HOUR_MS)} h ago`;
  return `${Math.floor(ms / DAY_MS)} d ago`;
}

/** Ids begin with their time: what tells neighbours apart is the end. */
export const shortId = (id: string): string => (id.length > 20 ? `${id.slice(0, 8)}…${id.slice(-6)}` : id);

export const percent = (part: number, whole: number): string =>
  `${whole === 0 ? 0 : Math.round((100 * part) / whole)} %`;
