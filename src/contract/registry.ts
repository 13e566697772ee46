/**
 * The registry on the wire: statistics, the series by minute, limits.
 *
 * @module
 */
import * as z from 'zod/mini';
import { MAX_MAX_SESSIONS } from './limits.ts';

const count = z.int().check(z.gte(0));

/** What `GET /v1/registry/stats` answers. The first four names are the original manager's. */
export const RegistryStats = z.object({
  totalCreated: count,
  activeCount: count,
  totalInMemory: count,
  sessionsByStatus: z.object({ active: count, expired: count, ended: count }),
  maxSessions: count,
  totalExpired: count,
  totalEnded: count,
  totalRejected: count,
  totalMessages: count,
  averageDurationMs: z.number().check(z.gte(0)),
  byModel: z.record(z.string(), count),
  byPermissionMode: z.record(z.string(), count),
});
export type RegistryStats = z.infer<typeof RegistryStats>;

/** One minute of the series; `active` is the count at its end. */
export const SeriesMinute = z.object({
  minute: z.string().check(z.meta({ format: 'date-time' })),
  active: count,
  created: count,
  expired: count,
  ended: count,
  rejected: count,
  messages: count,
});
export type SeriesMinute = z.infer<typeof SeriesMinute>;

export const Series = z.object({ data: z.array(SeriesMinute) });
export type Series = z.infer<typeof Series>;

/** How many sessions a tenant may have admitted at once; 0 admits no one. */
export const RegistryLimits = z.strictObject({
  maxSessions: z.int().check(z.gte(0), z.lte(MAX_MAX_SESSIONS)),
});
export type RegistryLimits = z.infer<typeof RegistryLimits>;
