/**
 * How much a run has, and how long its sessions last.
 *
 * @module
 */

export interface Amounts {
  /** How long the load lasts, milliseconds. */
  readonly loadMs: number;
  /** How often memory and descriptors are looked at, milliseconds. */
  readonly sampleMs: number;
  /** Apps that have one conversation after the other. */
  readonly apps: number;
  /** Sessions that are alive from the beginning to the end. */
  readonly kept: number;
  /** The limit of sessions changes from the one to the other: full houses are part of an app's life. */
  readonly maxSessions: { readonly ample: number; readonly tight: number };
  readonly limitChangeMs: number;
  readonly listers: number;
  /** Viewers that stay a moment, all the time. */
  readonly visitors: number;
  /** `RETENTION_MS` and `TRANSCRIPT_RETENTION_MS`. */
  readonly retentionMs: number;
  /** How idle a session may be, at least and at most. */
  readonly timeoutMs: readonly [least: number, most: number];
  /** Whether it is long enough for memory to be judged, and for erased sessions to be gone from the disk. */
  readonly isFull: boolean;
}

/**
 * Idle hours are seconds here. No more than a machine with two cores keeps up with, so that what is open and in
 * memory depends on the server alone.
 */
export const full = (minutes: number): Amounts => ({
  loadMs: minutes * 60_000,
  sampleMs: 1_000,
  apps: 40,
  kept: 25,
  maxSessions: { ample: 150, tight: 50 },
  limitChangeMs: 8_000,
  listers: 3,
  visitors: 6,
  retentionMs: 15_000,
  timeoutMs: [1_000, 6_000],
  isFull: true,
});

export const SMOKE: Amounts = {
  loadMs: 3_000,
  sampleMs: 250,
  apps: 30,
  kept: 10,
  maxSessions: { ample: 100, tight: 20 },
  limitChangeMs: 1_000,
  listers: 2,
  visitors: 4,
  retentionMs: 4_000,
  timeoutMs: [1_000, 1_500],
  isFull: false,
};
