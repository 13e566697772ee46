/**
 * Load by many connections at once.
 *
 * @module
 */
import autocannon from 'autocannon';

/** One request of a kind: a kind takes turns over its paths. */
export interface Kind {
  readonly method: 'GET' | 'POST';
  readonly paths: readonly string[];
  /** Sent as JSON. */
  readonly body?: object;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface Load {
  readonly connections: number;
  readonly requests: number;
}

/** What became of one sample. */
export interface Sample {
  /** Requests a second. */
  readonly rate: number;
  /** What 99 of 100 requests waited less than, milliseconds. */
  readonly p99: number;
}

/** What this share of the values is at most. */
function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.ceil(share * sorted.length) - 1] ?? NaN;
}

/**
 * Makes so many requests, each connection one after the other.
 *
 * @throws Error where one of them failed: the speed of errors is of no interest.
 */
export async function drive(url: string, kind: Kind, { connections, requests }: Load): Promise<Sample> {
  let turn = 0;
  const startedAt = performance.now();
  let answeredAt = startedAt;
  const waits: number[] = [];
  const result = await autocannon({
    url,
    connections,
    amount: requests,
    requests: [
      {
        method: kind.method,
        headers: {
          ...(kind.body === undefined ? {} : { 'Content-Type': 'application/json' }),
          ...kind.headers,
        },
        ...(kind.body === undefined ? {} : { body: JSON.stringify(kind.body) }),
        setupRequest(request) {
          const path = kind.paths[turn % kind.paths.length] ?? '/';
          turn += 1;
          return { ...request, path };
        },
      },
    ],
    // It notices its end only now and then: this often, milliseconds.
    sampleInt: 100,
    setupClient: (client) =>
      void client.on('response', (_status, _bytes, waitedMs) => {
        answeredAt = performance.now();
        // Its own percentiles know no part of a millisecond.
        waits.push(waitedMs);
      }),
  });
  const seconds = (answeredAt - startedAt) / 1_000;
  if (result['2xx'] !== requests || result.errors > 0 || result.timeouts > 0)
    throw new Error(
      `${kind.method} at ${url}: ${result['2xx']} of ${requests} succeeded, ` +
        `${result['4xx']} had 4xx, ${result['5xx']} 5xx, ${result.errors} errors`,
    );
  return { rate: requests / seconds, p99: percentile(waits, 0.99) };
}
