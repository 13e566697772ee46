/**
 * What the service says of itself, to everyone.
 *
 * @module
 */
import * as z from 'zod/mini';
import { version } from '../../../package.json';
import { openApiDocument } from '../openapi.ts';
import { route, type Route } from '../route.ts';

const tag = 'Service';

const Health = z.object({ ok: z.literal(true), version: z.string() });

/** The service's own routes. The document describes `routes`, which are all the others. */
export function serviceRoutes(routes: readonly Route[]): readonly Route[] {
  const all: readonly Route[] = [
    ...routes,
    route({
      method: 'GET',
      path: '/healthz',
      scope: 'public',
      tag,
      summary: 'Whether the service is up, and its version',
      answers: { 200: { description: 'It is.', schema: Health } },
      errors: [],
      handle: (c) => {
        // By it, pages know how far the viewer's clock is off.
        c.header('Date', new Date().toUTCString());
        return c.json({ ok: true, version } satisfies z.infer<typeof Health>);
      },
    }),
    route({
      method: 'GET',
      path: '/openapi.json',
      scope: 'public',
      tag,
      summary: 'This document',
      answers: { 200: { description: 'OpenAPI 3.1.' } },
      errors: [],
      handle: (c) => c.json(openApiDocument(all, version)),
    }),
  ];
  return all.slice(routes.length);
}
