/**
 * From a declared route to what runs for it.
 *
 * @module
 */
import type { Handler } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import { MAX_BODY_BYTES } from '../contract/limits.ts';
import type { AppContext, AppEnv } from './app-env.ts';
import { crossOrigin } from './cross-origin.ts';
import { guard } from './guard.ts';
import { problem } from './problem.ts';
import { tracked, unexpected } from './request.ts';
import type { Route } from './route.ts';

/** Refuses a body that is too large, before it is read where its length is said; undefined where it may pass. */
function bodyGuard(maxSize: number): (c: AppContext) => Promise<Response | void> {
  const limit = bodyLimit({
    maxSize,
    onError: (c) =>
      problem(c, { code: 'payload_too_large', detail: `A body may have ${maxSize} bytes at most.` }),
  });
  return (c) => limit(c, () => Promise.resolve());
}

/**
 * What stands before a route and the route itself, as one handler: in this order, in one place, and with no chain of
 * middleware to be made anew for each request.
 */
export function endpoint(route: Route): Handler<AppEnv> {
  // The body of a GET has no meaning, and is not read: how large it is says nothing.
  const refuseBody = route.method === 'GET' ? () => null : bodyGuard(route.maxBodyBytes ?? MAX_BODY_BYTES);
  const answer = async (c: AppContext): Promise<Response> =>
    (await guard(c, route)) ?? (await refuseBody(c)) ?? (await route.handle(c));
  // Errors are answered within, so that pages on other origins can read that answer too.
  return tracked(route.path, (c) =>
    crossOrigin(c, () => answer(c).catch((error: unknown) => unexpected(error, c))),
  );
}
