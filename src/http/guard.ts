/**
 * What stands before every route: settings that can be used, a caller who may, not too often.
 *
 * @module
 */
import { fail, ok, type Failed, type Result } from '../contract/errors.ts';
import type { AppContext } from './app-env.ts';
import { authenticate } from './auth/authenticate.ts';
import type { Principal } from './auth/principal.ts';
import { problem } from './problem.ts';
import { overLimit, RATE_LIMITS, type RateLimitName } from './rate-limits.ts';
import type { Route } from './route.ts';
import { settingsOf } from './settings.ts';

/** The longest that an IPv6 address can be written. Elsewhere than on the platform the header is the caller's. */
const MAX_ADDRESS_LENGTH = 45;

/** Whom a failed authentication is counted against. Without the platform's header everyone is one. */
const addressOf = (c: AppContext): string =>
  (c.req.header('CF-Connecting-IP') ?? 'unknown').slice(0, MAX_ADDRESS_LENGTH);

function rateLimited(c: AppContext, name: RateLimitName): Response {
  const retryAfterS = RATE_LIMITS[name].periodS;
  return problem(c, { code: 'rate_limited', detail: `There are too many of these (${name}).`, retryAfterS });
}

/** Counts a failed authentication, and answers it. */
async function refuse(c: AppContext, refused: Failed): Promise<Response> {
  if (refused.error.code !== 'unauthenticated') return problem(c, refused.error);
  const over = await overLimit(c.env, [['AUTH_FAILURES_BY_ADDRESS', addressOf(c)]]);
  if (over !== null) return rateLimited(c, over);
  const given = c.req.header('Authorization') !== undefined;
  const challenge = given ? 'Bearer realm="berth", error="invalid_token"' : 'Bearer realm="berth"';
  return problem(c, refused.error, { 'WWW-Authenticate': challenge });
}

/** Whether the caller may use this route, and on this session. */
function authorize(c: AppContext, route: Route, principal: Principal): Result<null> {
  if (route.scope === 'public') return ok(null);
  if (principal.sessionId !== null) {
    const own = route.session === true && c.req.param('id')?.toLowerCase() === principal.sessionId;
    if (!own) return fail('forbidden', 'This token is good for one session alone.');
  }
  if (!principal.scopes.has(route.scope)) return fail('forbidden', `This needs the scope ${route.scope}.`);
  return ok(null);
}

function counted(
  route: Route,
  { tenant, rateKey }: Principal,
): readonly (readonly [RateLimitName, string])[] {
  if (rateKey === null) return [];
  return route.creates === true
    ? [
        ['CREATES_BY_TENANT', tenant],
        ['CREATES_BY_TOKEN', rateKey],
      ]
    : [
        ['REQUESTS_BY_TENANT', tenant],
        ['REQUESTS_BY_TOKEN', rateKey],
      ];
}

/** Why a request may not go through to its route, or null where it may. Nothing is read of it before. */
export async function guard(c: AppContext, route: Route): Promise<Response | null> {
  if (route.scope === 'public') return null;
  const settings = settingsOf(c.env);
  if (!settings.ok) return problem(c, settings.error);
  c.set('settings', settings.value);
  const principal = await authenticate(c, settings.value);
  if (!principal.ok) return refuse(c, principal);
  c.set('principal', principal.value);
  const over = await overLimit(c.env, counted(route, principal.value));
  if (over !== null) return rateLimited(c, over);
  const authorized = authorize(c, route, principal.value);
  return authorized.ok ? null : problem(c, authorized.error);
}
