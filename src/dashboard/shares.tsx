/**
 * What the active sessions are: by model, and by what they may do without asking.
 *
 * @module
 */
import { stats } from './feed.ts';
import { count, percent } from './format.ts';

/** Beyond these, the rest is one line. */
const LINES = 5;
const NO_MODEL = '(unset)';

interface Share {
  readonly name: string;
  readonly value: number;
}

function sharesOf(counts: Readonly<Record<string, number>>): Share[] {
  return Object.entries(counts)
    .filter(([, value]) => value > 0)
    .map(([name, value]) => ({ name: name || NO_MODEL, value }))
    .toSorted((a, b) => b.value - a.value);
}

function folded(all: readonly Share[]): readonly Share[] {
  if (all.length <= LINES) return all;
  const rest = all.slice(LINES - 1);
  const value = rest.reduce((sum, share) => sum + share.value, 0);
  return [...all.slice(0, LINES - 1), { name: `${rest.length} others`, value }];
}

interface BarsProps {
  readonly title: string;
  readonly shares: readonly Share[];
  /** The one that is warned of. */
  readonly unguarded?: string;
}

function Bars({ title, shares, unguarded }: BarsProps) {
  const whole = shares.reduce((sum, { value }) => sum + value, 0);
  return (
    <div class="bars">
      <h3>{title}</h3>
      {shares.length === 0 && <p class="none">No session is active.</p>}
      <ul>
        {shares.map(({ name, value }) => (
          <li key={name} class={name === unguarded ? 'bypass' : ''}>
            <span class="name" title={name}>
              {name === unguarded && (
                <svg class="warning" viewBox="0 0 16 16" role="img" aria-label="Unguarded:">
                  <path d="M8 1 15.5 14.500H.5ZM8 6v4M8 12v.6" />
                </svg>
              )}
              {name}
            </span>
            <span class="value">
              {count(value)} <small>{percent(value, whole)}</small>
            </span>
            <i class="bar" aria-hidden="true">
              <i style={{ width: `${(100 * value) / whole}%` }} />
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
    <section class="card shares" aria-labelledby="shares-title">
      <h2 id="shares-title">Active by kind</h2>
      {of !== null && (
        <>
          <Bars title="Model" shares={folded(sharesOf(of.byModel))} />
          {/* Never folded: the one that is warned of may be the rarest. */}
          <Bars
            title="Permission mode"
            shares={sharesOf(of.byPermissionMode)}
            unguarded="bypassPermissions"
          />
        </>
      )}
    </section>
  );
}
