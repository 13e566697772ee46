/**
 * The time, by the server's clock, once a second.
 *
 * @module
 */
import { signal } from '@preact/signals';

const TICK_MS = 1_000;
/** `Date` has whole seconds, and takes a while to come: less than this is no difference. */
const TOLERANCE_MS = 2_000;

let offsetMs = 0;

/** Milliseconds since the epoch, as the server would say. */
export const serverNow = (): number => Date.now() + offsetMs;

/** The same, for what is shown: it changes once a second. */
export const now = signal(serverNow());

setInterval(() => {
  if (!document.hidden) now.value = serverNow();
}, TICK_MS);
document.addEventListener('visibilitychange', () => {
  now.value = serverNow();
});

/** Learns how far the viewer's clock is off, from the time at which the server answers. */
export async function setClock(): Promise<void> {
  const startedAt = Date.now();
  const response = await fetch('/healthz', { cache: 'no-store' });
  const middle = (startedAt + Date.now()) / 2;
  const date = Date.parse(response.headers.get('Date') ?? '');
  if (Number.isNaN(date)) return;
  // A time in whole seconds is half a second old, on average.
  const difference = date + 500 - middle;
  offsetMs = Math.abs(difference) < TOLERANCE_MS ? 0 : difference;
  now.value = serverNow();
}
