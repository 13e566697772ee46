/**
 * The one connection to the server: its client, the live feed, and how it stands.
 *
 * @module
 */
import { signal } from '@preact/signals';
import {
  AuthenticationError,
  BerthClient,
  BerthError,
  type Watch,
  type WatchState,
} from '../client/index.ts';
import type { LiveMessage } from '../contract/live.ts';
import type { RegistryStats } from '../contract/registry.ts';
import { claims, keepToken, may, token } from './access.ts';
import { setClock } from './clock.ts';

/** Why the token is asked for; null while it isn't. */
export const asked = signal<string | null>(null);
/** What the server said that no waiting mends; null where it is well. */
export const refusal = signal<string | null>(null);
/** How the feed stands; null where this token may not watch. */
export const connection = signal<WatchState | null>({ kind: 'connecting' });
/** When something was last heard, by the viewer's clock: the server's is learnt later. */
export const heardAt = signal<number | null>(null);
/** How many attempts in a row came to nothing. */
export const failures = signal(0);
export const stats = signal<RegistryStats | null>(null);

/** What wants to know of messages, and of a connection that is new: what was missed is to be fetched. */
interface Follower {
  message?(message: LiveMessage): void;
  connected(): void;
  /** Whoever is there next may see other things: nothing of this one is kept, nor taken when it comes late. */
  forget?(): void;
}
const followers: Follower[] = [];

export function follow(follower: Follower): void {
  followers.push(follower);
}

let watch: Watch | null = null;
export let client = makeClient();

function makeClient(): BerthClient {
  return new BerthClient({ baseUrl: location.origin, token: token.value ?? undefined });
}

function hear(message: LiveMessage): void {
  heardAt.value = Date.now();
  if (message.type === 'stats') stats.value = message.stats;
  for (const follower of followers) follower.message?.(message);
}

function becameLive(): void {
  failures.value = 0;
  asked.value = null;
  refusal.value = null;
  // Without it, countdowns are as right as the viewer's clock.
  setClock().catch(() => undefined);
  for (const follower of followers) follower.connected();
}

function changed(state: WatchState): void {
  connection.value = state;
  if (state.kind === 'live') becameLive();
  if (state.kind === 'waiting') {
    failures.value += 1;
    // What the server says for itself is worth reading: that there are too many viewers, say.
    refusal.value = state.error.status === null ? null : state.error.detail;
  }
  if (state.kind === 'closed' && state.error !== null) refused(state.error);
}

/** Shows what a call came to. A token that is not taken is asked for again. */
export function refused(error: unknown): void {
  if (error instanceof AuthenticationError) {
    asked.value = token.value === null ? '' : 'The server does not take this token, or it has run out.';
  } else if (error instanceof BerthError) {
    refusal.value = error.detail;
  } else throw error;
}

/** Connects, with the token as it is now. */
export async function connect(): Promise<void> {
  watch?.close();
  watch = null;
  client = makeClient();
  stats.value = null;
  refusal.value = null;
  failures.value = 0;
  connection.value = { kind: 'connecting' };
  if (claims.value.sessionId !== null) {
    connection.value = null;
    return;
  }
  if (may('registry:read')) {
    watch = client.registry.watch({ message: hear, state: changed });
    return;
  }
  connection.value = null;
  const mine = client;
  try {
    // Told by the answer whether the token is taken at all.
    await mine.sessions.list({ limit: 1 });
  } catch (error) {
    if (mine !== client) return;
    // Anything else passes: the list says what is wrong, and tries again.
    if (error instanceof AuthenticationError || !may('sessions:read')) {
      refused(error);
      return;
    }
  }
  if (mine !== client) return;
  asked.value = null;
  for (const follower of followers) follower.connected();
}

/** Leaves nothing of what a token has shown, and no call that could send it again. */
function forget(): void {
  watch?.close();
  watch = null;
  client = makeClient();
  stats.value = null;
  heardAt.value = null;
  refusal.value = null;
  failures.value = 0;
  for (const follower of followers) follower.forget?.();
}

export function signIn(text: string): void {
  keepToken(text);
  forget();
  asked.value = null;
  void connect();
}

export function signOut(): void {
  asked.value = '';
  keepToken(null);
  forget();
}

addEventListener('online', () => watch?.retryNow());
document.addEventListener('visibilitychange', () => {
  if (!document.hidden) watch?.retryNow();
});
