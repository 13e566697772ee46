/**
 * Calls from browsers on other origins: none, unless the operator lists them.
 *
 * @module
 */
import { cors } from 'hono/cors';
import type { AppContext } from './app-env.ts';
import { complete } from './respond.ts';
import { settingsOf } from './settings.ts';

/** How long a browser may keep the answer to its preflight, seconds. */
const PREFLIGHT_MAX_AGE_S = 600;

const answerCors = cors({
  // Asked only for origins that are listed.
  origin: (origin) => origin,
  allowMethods: ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'],
  allowHeaders: ['Authorization', 'Content-Type', 'Idempotency-Key', 'If-Match', 'X-Request-Id'],
  exposeHeaders: ['Berth-Total', 'ETag', 'Location', 'Retry-After', 'WWW-Authenticate', 'X-Request-Id'],
  maxAge: PREFLIGHT_MAX_AGE_S,
});

/** Whether a web page calls that is neither our own nor on a listed origin. Programs name no origin. */
export function isForeignOrigin(c: AppContext, corsOrigins: readonly string[]): boolean {
  const origin = c.req.header('Origin');
  if (origin === undefined || corsOrigins.includes(origin)) return false;
  const host = c.req.header('Host') ?? new URL(c.req.url).host;
  return origin !== `http://${host}` && origin !== `https://${host}`;
}

/** Adds to an answer what a browser wants to see, for the origins in `CORS_ORIGINS` alone. */
export async function crossOrigin(c: AppContext, answer: () => Promise<Response>): Promise<Response> {
  const settings = settingsOf(c.env);
  const allowed = settings.ok ? settings.value.corsOrigins : [];
  if (allowed.length === 0) return answer();
  const origin = c.req.header('Origin');
  if (origin !== undefined && allowed.includes(origin)) {
    const preflight = await answerCors(c, async () => {
      c.res = await answer();
    });
    return preflight === undefined ? c.res : complete(c, preflight);
  }
  const answered = await answer();
  // Caches must not give this answer to an origin that is listed.
  answered.headers.append('Vary', 'Origin');
  return answered;
}
