/**
 * The live feed on the wire.
 *
 * @module
 */
import type { RegistryStats } from './registry.ts';
import type { ListedSession } from './session.ts';

/** The subprotocol of the live feed. */
export const LIVE_SUBPROTOCOL = 'berth.v1';
/**
 * The same in which each text is a JSON array of the messages that there are, one at least: where much happens, a
 * viewer is woken once for many of them. For minutes after a deploy an old object may still send them one by one.
 */
export const LIVE_BATCH_SUBPROTOCOL = 'berth.v1.batch';
/** Before the token, in the subprotocol by which a browser, which can set no header, brings it. */
export const BEARER_SUBPROTOCOL_PREFIX = 'bearer.';

/** What has happened to a session. `purged`: it is kept no longer. */
export type LiveEvent = 'created' | 'updated' | 'expired' | 'ended' | 'resumed' | 'purged';

/** A message of the live feed. */
export type LiveMessage =
  | { readonly type: 'stats'; readonly stats: RegistryStats }
  | { readonly type: 'session'; readonly event: LiveEvent; readonly session: ListedSession };
