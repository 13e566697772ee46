/**
 * `/v1/registry`
 *
 * @module
 */
import * as z from 'zod/mini';
import { ok } from '../../contract/errors.ts';
import { NoQuery, SeriesQuery } from '../../contract/queries.ts';
import { RegistryLimits, RegistryStats, Series } from '../../contract/registry.ts';
import { answer, objectsOf } from '../caller.ts';
import { watch } from '../live.ts';
import { OPEN_METRICS_TYPE, openMetrics } from '../open-metrics.ts';
import { problem } from '../problem.ts';
import { respond } from '../respond.ts';
import { route, type Route } from '../route.ts';

const tag = 'Registry';

export const registryRoutes: readonly Route[] = [
  route({
    method: 'GET',
    path: '/v1/registry/stats',
    scope: 'registry:read',
    tag,
    summary: 'Get the statistics',
    query: NoQuery,
    answers: { 200: { description: 'The statistics.', schema: RegistryStats } },
    errors: [],
    async handle(c) {
      return answer(c, await objectsOf(c).registry(async (registry) => ok(await registry.stats())));
    },
  }),
  route({
    method: 'GET',
    path: '/v1/registry/series',
    scope: 'registry:read',
    tag,
    summary: 'Get what happened, minute by minute',
    query: SeriesQuery,
    answers: { 200: { description: 'Oldest first, the running minute last.', schema: Series } },
    errors: [],
    async handle(c, { query }) {
      return answer(
        c,
        await objectsOf(c).registry(async (registry) => ok({ data: await registry.series(query.minutes) })),
      );
    },
  }),
  route({
    method: 'GET',
    path: '/v1/registry/metrics',
    scope: 'registry:read',
    tag,
    summary: 'Get the statistics as OpenMetrics text, for Prometheus',
    query: NoQuery,
    answers: { 200: { description: 'OpenMetrics 1.0.', schema: z.string(), mediaType: OPEN_METRICS_TYPE } },
    errors: [],
    async handle(c) {
      const stats = await objectsOf(c).registry(async (registry) => ok(await registry.stats()));
      if (!stats.ok) return problem(c, stats.error);
      return respond(c, openMetrics(stats.value), 200, { 'Content-Type': OPEN_METRICS_TYPE });
    },
  }),
  route({
    method: 'GET',
    path: '/v1/registry/live',
    scope: 'registry:read',
    tag,
    summary: 'Watch what happens, over a WebSocket; send ping at least every two minutes',
    query: NoQuery,
    answers: {
      101: {
        description:
          'Statistics first, then each change, as JSON: one in each text, or with the subprotocol `berth.v1.batch` an array.',
      },
    },
    errors: [],
    handle: watch,
  }),
  route({
    method: 'GET',
    path: '/v1/registry/limits',
    scope: 'registry:read',
    tag,
    summary: 'Get the limits',
    query: NoQuery,
    answers: { 200: { description: 'The limits.', schema: RegistryLimits } },
    errors: [],
    async handle(c) {
      return answer(c, await objectsOf(c).registry(async (registry) => ok(await registry.limits())));
    },
  }),
  route({
    method: 'PUT',
    path: '/v1/registry/limits',
    scope: 'registry:write',
    tag,
    summary: 'Change the limits: at once, and ending nobody',
    body: { schema: RegistryLimits, required: true },
    query: NoQuery,
    answers: { 200: { description: 'The limits, changed.', schema: RegistryLimits } },
    errors: [],
    async handle(c, { body }) {
      return answer(c, await objectsOf(c).registry(async (registry) => ok(await registry.setLimits(body))));
    },
  }),
];
