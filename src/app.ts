/**
 * The HTTP application: what every request passes through, and the table of routes.
 *
 * @module
 */
import { Hono, type MiddlewareHandler } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import { methodNotAllowed } from 'hono/method-not-allowed';
import { MAX_BODY_BYTES } from './contract/limits.ts';
import type { AppEnv } from './http/app-env.ts';
import { crossOrigin } from './http/cross-origin.ts';
import { guard } from './http/guard.ts';
import { pagePaths, protectPages, servePage } from './http/pages.ts';
import { problem } from './http/problem.ts';
import { track, unexpected } from './http/request.ts';
import { routes } from './http/routes/index.ts';

/** Refuses a body that is too large, before it is read where its length is said. */
function limitBody(maxSize: number): MiddlewareHandler<AppEnv> {
  return bodyLimit({
    maxSize,
    onError: (c) =>
      problem(c, { code: 'payload_too_large', detail: `A body may have ${maxSize} bytes at most.` }),
  });
}

/** Makes the application. It keeps nothing between requests. */
export function createApp(): Hono<AppEnv> {
  const app = new Hono<AppEnv>();
  app.onError(unexpected);
  app.notFound((c) => problem(c, { code: 'not_found', detail: 'There is nothing at this address.' }));
  app.use(track);
  for (const path of pagePaths) app.use(path, protectPages);
  for (const path of ['/v1/*', '/healthz', '/openapi.json']) app.use(path, crossOrigin);
  app.use(
    methodNotAllowed({
      app,
      onMethodNotAllowed: (c, methods) =>
        problem(
          c,
          { code: 'method_not_allowed', detail: `This address takes ${methods.join(', ')}.` },
          { Allow: methods.join(', ') },
        ),
    }),
  );
  for (const route of routes) {
    app.on(route.method, route.path, guard(route), limitBody(route.maxBodyBytes ?? MAX_BODY_BYTES), (c) =>
      route.handle(c),
    );
  }
  for (const path of pagePaths) app.get(path, (c) => servePage(c));
  return app;
}
