/**
 * A server that keeps sessions, as the benchmark of requests sees it: `POST /v1/sessions`,
 * `GET /v1/sessions/:id` and `POST /v1/sessions/:id/activity`.
 *
 * @module
 */

export interface Subject {
  readonly name: string;
  readonly url: string;
  /** Sent with each request. */
  readonly headers: Readonly<Record<string, string>>;
  stop(): Promise<void>;
}
