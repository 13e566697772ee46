/**
 * The HTTP application: the table of routes, and what is answered where there is none.
 *
 * @module
 */
import { Hono } from 'hono';
import { methodNotAllowed } from 'hono/method-not-allowed';
import type { AppEnv } from './http/app-env.ts';
import { crossOrigin } from './http/cross-origin.ts';
import { endpoint } from './http/endpoint.ts';
import { pagePaths, protectPages, servePage } from './http/pages.ts';
import { problem } from './http/problem.ts';
import { tracked, unexpected } from './http/request.ts';
import { routes } from './http/routes/index.ts';

/** Makes the application. It keeps nothing between requests. */
export function createApp(): Hono<AppEnv> {
  const app = new Hono<AppEnv>();
  for (const route of routes) app.on(route.method, route.path, endpoint(route));
  for (const path of pagePaths) app.get(path, protectPages, tracked(path, servePage));

  const otherMethods = methodNotAllowed({
    app,
    onMethodNotAllowed: (c, methods) =>
      problem(
        c,
        { code: 'method_not_allowed', detail: `This address takes ${methods.join(', ')}.` },
        { Allow: methods.join(', ') },
      ),
  });
  app.notFound(
    tracked('/*', (c) =>
      crossOrigin(c, async () => {
        c.res = problem(c, { code: 'not_found', detail: 'There is nothing at this address.' });
        await otherMethods(c, () => Promise.resolve());
        return c.res;
      }),
    ),
  );
  app.onError(unexpected);
  return app;
}
