/**
 * What the active sessions are: by model, and by what they may do without asking.
 *
 * @module
 */
import type { PermissionMode } from '../contract/session.ts';
import { UNNAMED_MODEL } from '../contract/unnamed-model.ts';
import { stats } from './feed.ts';
import { count, percent } from './format.ts';

/** Beyond these, the rest is one line. */
const LINES = 5;
/** As in the table. */
const NO_MODEL = 'unset';
/** In this order, none of them too: what one looks for is always in its place, and nothing below it moves. */
const MODES: Readonly<Record<PermissionMode, true>> = {
  default: true,
  acceptEdits: true,
  plan: true,
  auto: true,
  dontAsk: true,
  bypassPermissions: true,
};
const UNGUARDED: PermissionMode = 'bypassPermissions';

interface Share {
  readonly name: string;
  readonly value: number;
}

function modelShares(counts: Readonly<Record<string, number>>): Share[] {
  return Object.entries(counts)
    .filter(([, value]) => value > 0)
    .map(([name, value]) => ({ name: name === UNNAMED_MODEL ? NO_MODEL : name, value }))
    .toSorted((a, b) => b.value - a.value || (a.name < b.name ? -1 : 1));
}

const modeShares = (counts: Readonly<Record<string, number>>): Share[] =>
  Object.keys(MODES).map((name) => ({ name, value: counts[name] ?? 0 }));

function folded(all: readonly Share[]): readonly Share[] {
  if (all.length <= LINES) return all;
  const rest = all.slice(LINES - 1);
  const value = rest.reduce((sum, share) => sum + share.value, 0);
  return [...all.slice(0, LINES - 1), { name: `${rest.length} others`, value }];
}

interface BarsProps {
  readonly title: string;
  readonly shares: readonly Share[];
  /** The one that is warned of, where there is any. */
  readonly warned?: string;
}

function lineClass({ name, value }: Share, warned: string | undefined): string {
  if (value === 0) return 'none';
  return name === warned ? 'bypass' : '';
}

function Bars({ title, shares, warned }: BarsProps) {
  const whole = shares.reduce((sum, { value }) => sum + value, 0);
  return (
    <div class="bars">
      <h3>{title}</h3>
      {shares.length === 0 && <p class="none">No session is active.</p>}
      <ul>
        {shares.map(({ name, value }) => (
          <li key={name} class={lineClass({ name, value }, warned)}>
            <span class="name" title={name}>
              {name === warned && value > 0 && (
                <svg class="warning" viewBox="0 0 16 16" role="img" aria-label="Unguarded:">
                  <path d="M8 1 15.5 14.500H.5ZM8 6v4M8 12v.6" />
                </svg>
              )}
              {name}
            </span>
            <span class="value">
              {count(value)} {value > 0 && <small>{percent(value, whole)}</small>}
            </span>
            <i class="bar" aria-hidden="true">
              <i style={{ width: `${whole === 0 ? 0 : (100 * value) / whole}%` }} />
            </i>
          </li>
        ))}
      </ul>
    </div>
  );
}

export function Shares() {
  const of = stats.value;
  return (
    <section class={of === null ? 'card shares waiting' : 'card shares'} aria-labelledby="shares-title">
      <h2 id="shares-title">Active by kind</h2>
      <Bars title="Permission mode" shares={modeShares(of?.byPermissionMode ?? {})} warned={UNGUARDED} />
      <Bars title="Model" shares={folded(modelShares(of?.byModel ?? {}))} />
    </section>
  );
}
