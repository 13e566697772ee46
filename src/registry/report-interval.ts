/**
 * How often sessions may report mere activity.
 *
 * @module
 */

/** However few there are. */
const MIN_REPORT_INTERVAL_MS = 15_000;
/** What all of them together may cost the registry: 200 calls a second. */
const REPORTS_PER_MS = 0.2;

/** The least time between two reports of mere activity by one of so many active sessions, milliseconds. */
export function reportIntervalMs(active: number): number {
  return Math.max(MIN_REPORT_INTERVAL_MS, Math.ceil(active / REPORTS_PER_MS));
}
