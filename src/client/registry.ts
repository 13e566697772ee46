/**
 * `/v1/registry`
 *
 * @module
 */
import type { RegistryLimits, RegistryStats, Series, SeriesMinute } from '../contract/registry.ts';
import { LiveWatch, type Watch, type WatchListener } from './live.ts';
import type { CallOptions } from './options.ts';
import { queryOf } from './path.ts';
import { readJson, readText, type Transport } from './transport.ts';

/** The tenant's registry: how many sessions there are, were and may be. Reach it as `client.registry`. */
export class Registry {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /** The statistics: current counts and all-time totals. */
  stats(options?: CallOptions): Promise<RegistryStats> {
    return this.#transport.send(
      { method: 'GET', path: '/v1/registry/stats', read: readJson<RegistryStats> },
      options,
    );
  }

  /**
   * What happened minute by minute: oldest first, the running minute last, no gaps.
   *
   * @param query - `minutes` to look back, 1 to 1,440; 60 by default.
   */
  async series(
    query: { readonly minutes?: number | undefined } = {},
    options?: CallOptions,
  ): Promise<SeriesMinute[]> {
    const path = `/v1/registry/series${queryOf({ minutes: query.minutes })}`;
    const { data } = await this.#transport.send({ method: 'GET', path, read: readJson<Series> }, options);
    return data;
  }

  /** The limits in force. */
  limits(options?: CallOptions): Promise<RegistryLimits> {
    return this.#transport.send(
      { method: 'GET', path: '/v1/registry/limits', read: readJson<RegistryLimits> },
      options,
    );
  }

  /**
   * Changes the limits, at once and for every client of the tenant. Ends nobody: below the present count
   * new sessions are refused.
   *
   * @param limits - `maxSessions`, 0 to 100,000; 0 admits no one.
   */
  setLimits(limits: RegistryLimits, options?: CallOptions): Promise<RegistryLimits> {
    return this.#transport.send(
      { method: 'PUT', path: '/v1/registry/limits', body: limits, read: readJson<RegistryLimits> },
      options,
    );
  }

  /** The figures of {@link stats} as OpenMetrics text. */
  metrics(options?: CallOptions): Promise<string> {
    return this.#transport.send({ method: 'GET', path: '/v1/registry/metrics', read: readText }, options);
  }

  /**
   * Watches what happens: statistics at most once a second, and each change of a session. A connection that
   * is lost is made again, after a wait with full jitter, until the watch is closed or the token refused.
   *
   * @example
   * ```ts
   * const watch = client.registry.watch({
   *   message(message) {
   *     if (message.type === 'session') console.log(message.event, message.session.sessionId);
   *   },
   * });
   * // …
   * watch.close();
   * ```
   * @throws TypeError where there is no `WebSocket`, as in Node before 22, and no `openSocket` in its place.
   */
  watch(listener: WatchListener): Watch {
    this.#transport.checkSockets();
    return new LiveWatch(this.#transport, listener);
  }
}
