/**
 * Berth's client, for programs of the command line.
 *
 * @module
 */
import { BerthClient } from '../src/client/index.ts';
import { UsageError } from './usage.ts';

export const DEFAULT_URL = 'http://localhost:8787';

/** A client of the server at an address; `BERTH_TOKEN` is its token. */
export function clientOf(url: string): BerthClient {
  if (!URL.canParse(url)) throw new UsageError(`--url must be the address of a server, not "${url}"`);
  return new BerthClient({ baseUrl: url, token: process.env['BERTH_TOKEN'] });
}
