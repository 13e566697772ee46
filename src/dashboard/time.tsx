/**
 * Points in time, in the viewer's zone, with the exact one on hover; and how long to them or since.
 *
 * @module
 */
import { now } from './clock.ts';
import { ago, duration, fullTime } from './format.ts';

const exactly = (iso: string): string => `${iso.replace('T', ' ').replace('Z', '')} UTC`;

export function Time({ iso }: { readonly iso: string }) {
  return (
    <time dateTime={iso} title={exactly(iso)}>
      {fullTime(Date.parse(iso))}
    </time>
  );
}

export function Ago({ iso }: { readonly iso: string }) {
  return (
    <time dateTime={iso} title={exactly(iso)}>
      {ago(now.value - Date.parse(iso))}
    </time>
  );
}

/** What expires within this is about to. */
export const SOON_MS = 60_000;

/** Counts down to an expiry. The bar is what is left of the timeout. */
export function Countdown({ iso, ofMs }: { readonly iso: string; readonly ofMs: number }) {
  const leftMs = Date.parse(iso) - now.value;
  return (
    <time class={leftMs < SOON_MS ? 'countdown soon' : 'countdown'} dateTime={iso} title={exactly(iso)}>
      <span>{leftMs <= 0 ? 'due' : duration(leftMs)}</span>
      <i class="left" aria-hidden="true">
        <i style={{ width: `${Math.max(0, Math.min(100, (100 * leftMs) / ofMs))}%` }} />
      </i>
    </time>
  );
}
