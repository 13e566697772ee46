/**
 * The head of the page: where one is, as whom, and whether what is shown is true.
 *
 * @module
 */
import { claims, token } from './access.ts';
import { now } from './clock.ts';
import { asked, connection, failures, heardAt, signOut } from './feed.ts';
import { ago, clockTime, duration } from './format.ts';

/** After so many attempts that came to nothing, a few seconds, hope is no longer what to show. */
const OFFLINE_FAILURES = 6;

function standing(): { kind: 'live' | 'reconnecting' | 'offline' | 'off'; text: string; more: string } {
  const state = connection.value;
  const heard = heardAt.value;
  const time = now.value;
  const since = heard === null ? 0 : Date.now() - heard;
  const age = heard === null ? '' : `as of ${clockTime(time - since)}, ${ago(since)}`;
  if (asked.value !== null) return { kind: 'off', text: 'Signed out', more: '' };
  if (state === null) return { kind: 'off', text: 'Not watching', more: 'without registry:read' };
  if (state.kind === 'live')
    return { kind: 'live', text: 'Live', more: heard === null ? '' : `heard ${ago(since)}` };
  if (state.kind === 'closed') return { kind: 'offline', text: 'Offline', more: age };
  if (failures.value >= OFFLINE_FAILURES) return { kind: 'offline', text: 'Offline', more: age };
  if (heard === null && failures.value === 0) return { kind: 'reconnecting', text: 'Connecting', more: '' };
  const wait = state.kind === 'waiting' ? state.retryAt - Date.now() : 0;
  return {
    kind: 'reconnecting',
    text: wait > 1_000 ? `Reconnecting in ${duration(wait)}` : 'Reconnecting',
    more: age,
  };
}

function Connection() {
  const { kind, text, more } = standing();
  return (
    <p class={`connection ${kind}`} data-state={kind}>
      <i aria-hidden="true" />
      <span role="status">{text.replace(/ in .*/, '')}</span>
      <span class="more">
        {/ in .*/.exec(text)?.[0]} {more}
      </span>
    </p>
  );
}

export function Header() {
  const { tenant } = claims.value;
  return (
    <header class="top">
      <h1>
        <svg viewBox="0 0 32 32" aria-hidden="true">
          <path d="M8 20.500c2.7 2.6 5.300 2.6 8 0 2.7 2.6 5.300 2.6 8 0M16 7v9M11 12.500h10" />
        </svg>
        Berth
      </h1>
      {tenant !== null && <span class="tenant">{tenant}</span>}
      <Connection />
      <nav aria-label="More">
        <a href="/docs">API</a>
        {token.value !== null && (
          <button type="button" class="quiet" onClick={signOut}>
            Sign out
          </button>
        )}
      </nav>
    </header>
  );
}
