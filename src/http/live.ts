/**
 * Viewers of the live feed, on their way to the registry.
 *
 * @module
 */
import { LIVE_BATCH_SUBPROTOCOL, LIVE_SUBPROTOCOL } from '../contract/live.ts';
import { LIVE_EXPIRES_HEADER } from '../protocol/live.ts';
import type { AppContext } from './app-env.ts';
import { objectsOf } from './caller.ts';
import { isForeignOrigin } from './cross-origin.ts';
import { problem } from './problem.ts';
import { complete } from './respond.ts';

/** The registry is asked for nothing else by a request, and looks at no address. */
const REGISTRY_ADDRESS = 'https://registry.invalid/live';

/** Those that are spoken, the best first. */
const SUBPROTOCOLS: readonly string[] = [LIVE_BATCH_SUBPROTOCOL, LIVE_SUBPROTOCOL];

/** Trying again makes sense once a viewer may have left, seconds. */
const TOO_MANY_RETRY_AFTER_S = 10;

/** The platform's alarms know no time beyond 2189, milliseconds since the epoch. */
const LATEST_EXPIRY_MS = Date.UTC(2189, 0);

/**
 * Upgrades to the live feed. Browsers send a WebSocket's request from any page, without asking first: so the
 * origin is checked here. The token goes no further than this.
 */
export async function watch(c: AppContext): Promise<Response> {
  if (c.req.method !== 'GET' || c.req.header('Upgrade')?.toLowerCase() !== 'websocket')
    return problem(
      c,
      { code: 'invalid_request', detail: 'This address is for WebSockets.' },
      { Upgrade: 'websocket' },
    );
  if (isForeignOrigin(c, c.get('settings').corsOrigins))
    return problem(c, { code: 'forbidden', detail: 'Pages of this origin may not watch.' });
  const headers = new Headers({ Upgrade: 'websocket' });
  const { expiresAt } = c.get('principal');
  if (expiresAt !== null) headers.set(LIVE_EXPIRES_HEADER, String(Math.min(expiresAt, LATEST_EXPIRY_MS)));
  const header = c.req.header('Sec-WebSocket-Protocol') ?? '';
  const offered = new Set(header.split(',').map((name) => name.trim()));
  const picked = SUBPROTOCOLS.find((name) => offered.has(name));
  if (picked !== undefined) headers.set('Sec-WebSocket-Protocol', picked);
  const answered = await objectsOf(c).upgrade(new Request(REGISTRY_ADDRESS, { headers }));
  if (!answered.ok) return problem(c, answered.error);
  // Made anew: headers of an answer that comes from an object can't be added to.
  if (answered.value.status === 101) return complete(c, new Response(null, answered.value));
  return problem(c, {
    code: 'rate_limited',
    detail: 'There are too many viewers.',
    retryAfterS: TOO_MANY_RETRY_AFTER_S,
  });
}
