/**
 * A `fetch` that reaches the real app, with the objects behind it.
 *
 * @module
 */
import { env } from 'cloudflare:workers';
import { createExecutionContext, waitOnExecutionContext } from 'cloudflare:test';
import { createApp } from '../../src/app.ts';
import { BerthClient, type Fetch } from '../../src/client/index.ts';
import { interpose } from './calls.ts';

const app = createApp();

export const BASE_URL = 'http://localhost:8787';

/** Calls the app as a server at {@link BASE_URL} would be called. */
export const appFetch: Fetch = async (url, init) => {
  const context = createExecutionContext();
  const response = await app.fetch(new Request(url, init), interpose({ ...env }), context);
  await waitOnExecutionContext(context);
  return response;
};

/** Calls the app, and loses the answers whose numbers, from 1, are given: they were carried out all the same. */
export function losingAnswers(...lost: readonly number[]): Fetch {
  let count = 0;
  return async (url, init) => {
    const response = await appFetch(url, init);
    count += 1;
    if (!lost.includes(count)) return response;
    await response.body?.cancel();
    throw new TypeError('Network connection lost');
  };
}

/** A client of the real app, which waits no time between attempts that is worth mentioning. */
export function appClient(fetch: Fetch = appFetch): BerthClient {
  return new BerthClient({ baseUrl: BASE_URL, fetch });
}
