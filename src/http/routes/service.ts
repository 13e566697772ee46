/**
 * What the service says of itself, to everyone.
 *
 * @module
 */
import * as z from 'zod/mini';
import { version } from '../../../package.json';
import { servePage } from '../pages.ts';
import { respondJson } from '../respond.ts';
import { route, type Route } from '../route.ts';

const tag = 'Service';

const Health = z.object({ ok: z.literal(true), version: z.string() });

export const serviceRoutes: readonly Route[] = [
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
      const headers = { Date: new Date().toUTCString() };
      const health = { ok: true, version } satisfies z.infer<typeof Health>;
      return respondJson(c, JSON.stringify(health), 200, headers);
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
    // Made when the pages are built: what makes it is larger than all the rest of the routes.
    handle: servePage,
  }),
];
