/**
 * What the client and each of its calls can be told.
 *
 * @module
 */
import type { OpenSocket } from './live.ts';
import type { Token } from './token-source.ts';

/** The part of `fetch` that the client uses. */
export type Fetch = (url: string, init: RequestInit) => Promise<Response>;

/** How a client reaches Berth. */
export interface ClientOptions {
  /** Where Berth is, with a path prefix where it has one: `https://berth.example.com/agents`. */
  readonly baseUrl: string | URL;
  /**
   * A bearer token, or a function that fetches one, whose answer is kept until the server refuses it: a
   * call that gets 401 then fetches a new one, once. None by default, as `AUTH=off` takes it.
   */
  readonly token?: Token | undefined;
  /** Used in place of the global `fetch`: a service binding, a proxy, a test. */
  readonly fetch?: Fetch | undefined;
  /** Used in place of the global `WebSocket`, which Node has from 22 on, to watch the live feed. */
  readonly openSocket?: OpenSocket | undefined;
  /** How long one attempt may take, milliseconds; a stream, between two chunks. 30,000 by default. */
  readonly timeoutMs?: number | undefined;
  /** How often a call is attempted at most, the first time included. 4 by default. */
  readonly maxAttempts?: number | undefined;
  /**
   * The longest `Retry-After` that is waited for, milliseconds; where the server asks for more, the call
   * fails at once and the error says how long. 30,000 by default.
   */
  readonly maxRetryAfterMs?: number | undefined;
}

/** What every call can be told. */
export interface CallOptions {
  /** Gives the call up, waits between attempts included. It rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
  /** As in {@link ClientOptions}, for this call. */
  readonly timeoutMs?: number | undefined;
  /** As in {@link ClientOptions}, for this call: 1 for no second attempt. */
  readonly maxAttempts?: number | undefined;
}

/** What a call can be told that is repeated under a key. */
export interface KeyedOptions extends CallOptions {
  /**
   * Has the server carry the call out once, however often it arrives with this key: 1 to 255 printable
   * ASCII characters. Each call has a random one by default, for its own attempts.
   */
  readonly idempotencyKey?: string | undefined;
}

/** What a call can be told that changes a session. */
export interface ConditionalOptions extends CallOptions {
  /** Only changes the session if it is at this revision, else 412. */
  readonly ifMatch?: number | undefined;
}

/** What a call can be told that takes a slot. */
export interface SlotOptions extends CallOptions {
  /**
   * How long to wait for a slot while the limit of sessions is reached, milliseconds: the call is repeated
   * as `Retry-After` says, and a last time when the wait is over. 0 by default: a full house is an error
   * at once. These repetitions are not counted as attempts.
   */
  readonly waitForSlotMs?: number | undefined;
}

/**
 * A bound as it was given, or the one that holds where none was. Others than these would have a call never
 * attempted, or timed out at once.
 *
 * @throws TypeError where it is no number from 0 on. `Infinity` is one.
 */
export function bound(name: string, given: number | undefined, otherwise: number): number {
  if (given === undefined) return otherwise;
  if (typeof given !== 'number' || !(given >= 0)) throw new TypeError(`${name} must be a number from 0 on.`);
  return given;
}
