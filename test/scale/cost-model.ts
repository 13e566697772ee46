/**
 * What sessions cost a month, from what each step of one costs: the figures of docs/scale.md.
 *
 * Requests and rows are counted, by a test that plays such a session. Prices are those of the platform's price
 * list. What else is needed is an estimate, and says so.
 *
 * @module
 */
import { reportIntervalMs } from '../../src/registry/report-interval.ts';

/** What a step costs: calls of objects and alarms, and rows. */
export interface Use {
  readonly requests: number;
  readonly written: number;
  readonly read: number;
}

/** The steps of a session's life, each with all that it brings about in other objects. */
export const STEPS = {
  create: { requests: 3, written: 10, read: 5 },
  link: { requests: 2, written: 4, read: 2 },
  touch: { requests: 1, written: 1, read: 0 },
  /** Of a touch that is reported: the registry's share. */
  report: { requests: 1, written: 3, read: 5 },
  /** An append of four entries that have a `uuid` each. */
  append: { requests: 1, written: 10, read: 14 },
  /** The first one of a transcript, its tables with it, beyond any other. */
  firstAppend: { requests: 0, written: 5, read: 6 },
  /** Its project hears of it, and the alarm that sees to that is put back where it stood. */
  tell: { requests: 2, written: 5, read: 1 },
  end: { requests: 2, written: 8, read: 4 },
  /** Two alarms of the session and the report. The last touch is not among them. */
  expire: { requests: 3, written: 9, read: 7 },
  /** One of the registry's alarms. It has one for all sessions, so that a session alone has the most of them. */
  registryAlarm: { requests: 1, written: 1, read: 8 },
  /** After the retention: the session's alarm, and its row in the registry. */
  forget: { requests: 1, written: 3, read: 12 },
  /** The same of a transcript: its alarm, its project, and the project's alarm. */
  forgetTranscript: { requests: 3, written: 6, read: 3 },
  /** A minute of a tenant in which something is counted, written and a day later deleted. */
  minute: { requests: 0, written: 2, read: 2 },
} as const satisfies Record<string, Use>;

/** A session as it is assumed. Times in milliseconds. */
export interface AssumedSession {
  readonly touches: number;
  readonly touchEveryMs: number;
  readonly appends: number;
  readonly timeoutMs: number;
  /** The share of sessions that are ended; the others expire. */
  readonly ended: number;
}

export const ASSUMED: AssumedSession = {
  touches: 20,
  touchEveryMs: 90_000,
  appends: 10,
  timeoutMs: 3_600_000,
  ended: 0.5,
};

/** How many alarms of the registry a session brings about: after its creation, after its end, and to forget it. */
const REGISTRY_ALARMS = 3;

const MONTH_MS = 30 * 86_400_000;
const DAY_MS = 86_400_000;
const MINUTE_MS = 60_000;

const plus = (a: Use, b: Use, times = 1): Use => ({
  requests: a.requests + times * b.requests,
  written: a.written + times * b.written,
  read: a.read + times * b.read,
});

/** How many of a session's touches are reported, where its tenant has so many. */
export function reportsOf(session: AssumedSession, activeInTenant: number): number {
  const wait = Math.min(reportIntervalMs(activeInTenant), session.timeoutMs / 2);
  return Math.floor(session.touches / Math.max(1, Math.ceil(wait / session.touchEveryMs)));
}

/** What one session costs, from its creation until nothing is left of it, its transcript included. */
export function useOf(session: AssumedSession, activeInTenant: number): Use {
  const parts: readonly (readonly [Use, number])[] = [
    [STEPS.create, 1],
    [STEPS.link, 1],
    [STEPS.touch, session.touches],
    [STEPS.report, reportsOf(session, activeInTenant)],
    [STEPS.firstAppend, session.appends > 0 ? 1 : 0],
    [STEPS.append, session.appends],
    [STEPS.tell, session.appends],
    [STEPS.end, session.ended],
    [STEPS.expire, 1 - session.ended],
    [STEPS.registryAlarm, REGISTRY_ALARMS],
    [STEPS.forget, 1],
    [STEPS.forgetTranscript, session.appends > 0 ? 1 : 0],
  ];
  return parts.reduce((sum, [use, times]) => plus(sum, use, times), { requests: 0, written: 0, read: 0 });
}

/** How long a session is active, on average. */
export const lifetimeMs = ({ touches, touchEveryMs, timeoutMs, ended }: AssumedSession): number =>
  touches * touchEveryMs + (1 - ended) * timeoutMs;

/** HTTP requests of one session. */
export const httpRequestsOf = ({ touches, appends, ended }: AssumedSession): number =>
  2 + touches + appends + ended;

/** US dollars. What is included in the plan comes first. */
interface Price {
  readonly included: number;
  readonly perMillion: number;
}

/** Cloudflare's price list for its paid plan, late 2026. */
export const PRICES = {
  plan: 5,
  workerRequests: { included: 10e6, perMillion: 0.3 },
  workerCpuMs: { included: 30e6, perMillion: 0.02 },
  objectRequests: { included: 1e6, perMillion: 0.15 },
  gbSeconds: { included: 400_000, perMillion: 12.5 },
  written: { included: 50e6, perMillion: 1 },
  read: { included: 25e9, perMillion: 0.001 },
  /** A GB for a month. */
  storage: { included: 5, perMillion: 0.2e6 },
  logLines: { included: 20e6, perMillion: 0.6 },
} as const;

/** What was not measured on the platform itself. */
export const ESTIMATES = {
  /** How long an object is at work for one request, milliseconds; it is billed for 128 MB. */
  objectMs: 10,
  /** CPU time of the Worker for one request, milliseconds. */
  workerCpuMs: 1,
  /** Log lines for one request: Berth's, and the platform's own of the invocation. */
  logLinesPerRequest: 2,
  /** On top: created, linked, ended or expired. */
  logLinesPerSession: 3,
} as const;

/** GB of memory that an object is billed for. */
const OBJECT_GB = 0.128;

/** Measured: the databases of such a session and of its transcript, and how long they are kept. */
const SESSION_BYTES = 4_096;
const SESSION_KEPT_MS = DAY_MS;
const TRANSCRIPT_BYTES = 73_728;
const TRANSCRIPT_KEPT_MS = MONTH_MS;
/** A row of the registry with its indexes and its labels: an estimate. */
const REGISTRY_ROW_BYTES = 1_500;

export interface Month {
  readonly sessions: number;
  readonly tenants: number;
}

export const MONTHS: readonly Month[] = [
  { sessions: 10_000, tenants: 1 },
  { sessions: 1_000_000, tenants: 20 },
  { sessions: 100_000_000, tenants: 2_000 },
];

/** Quantities of a month. */
export interface Quantities {
  readonly active: number;
  readonly workerRequests: number;
  readonly workerCpuMs: number;
  readonly objectRequests: number;
  readonly written: number;
  readonly read: number;
  readonly gbSeconds: number;
  readonly storage: number;
  readonly logLines: number;
}

export function quantitiesOf({ sessions, tenants }: Month, session = ASSUMED): Quantities {
  const active = (sessions * lifetimeMs(session)) / MONTH_MS;
  const one = useOf(session, active / tenants);
  // A tenant has no more minutes than there are, and no more than its sessions have events.
  const eventsOf = 3 + session.touches;
  const minutes = Math.min(MONTH_MS / MINUTE_MS, (sessions / tenants) * eventsOf) * tenants;
  const http = sessions * httpRequestsOf(session);
  const requests = sessions * one.requests;
  const keptGb = (bytes: number, ms: number) => (sessions * bytes * (ms / MONTH_MS)) / 1e9;
  return {
    active,
    workerRequests: http,
    workerCpuMs: http * ESTIMATES.workerCpuMs,
    objectRequests: requests,
    written: sessions * one.written + minutes * STEPS.minute.written,
    read: sessions * one.read + minutes * STEPS.minute.read,
    gbSeconds: requests * (ESTIMATES.objectMs / 1_000) * OBJECT_GB,
    storage:
      keptGb(SESSION_BYTES + REGISTRY_ROW_BYTES, lifetimeMs(session) + SESSION_KEPT_MS) +
      keptGb(TRANSCRIPT_BYTES, TRANSCRIPT_KEPT_MS),
    logLines: http * ESTIMATES.logLinesPerRequest + sessions * ESTIMATES.logLinesPerSession,
  };
}

const costOf = (quantity: number, { included, perMillion }: Price): number =>
  (Math.max(0, quantity - included) / 1e6) * perMillion;

/** US dollars a month. */
export type Bill = Readonly<Record<'plan' | Exclude<keyof Quantities, 'active'> | 'total', number>>;

export function billOf(month: Month, session = ASSUMED): Bill {
  const all = quantitiesOf(month, session);
  const parts = {
    plan: PRICES.plan,
    workerRequests: costOf(all.workerRequests, PRICES.workerRequests),
    workerCpuMs: costOf(all.workerCpuMs, PRICES.workerCpuMs),
    objectRequests: costOf(all.objectRequests, PRICES.objectRequests),
    written: costOf(all.written, PRICES.written),
    read: costOf(all.read, PRICES.read),
    gbSeconds: costOf(all.gbSeconds, PRICES.gbSeconds),
    storage: costOf(all.storage, PRICES.storage),
    logLines: costOf(all.logLines, PRICES.logLines),
  };
  return { ...parts, total: Object.values(parts).reduce((sum, it) => sum + it, 0) };
}

/** A pair of servers and a managed Redis, in one region: all of it estimated. US dollars a month, on demand. */
export interface Servers {
  readonly servers: string;
  readonly serversCost: number;
  readonly balancer: number;
  readonly redis: string;
  readonly redisCost: number;
  readonly transcripts: number;
  readonly total: number;
}

const HOURS = 730;
/** On-demand prices by the hour, USA, 2026. Linux servers, and nodes of a managed Redis. */
const SERVERS = [
  { name: 't4g.small', hour: 0.0168, requestsPerSecond: 300 },
  { name: 'm7g.large', hour: 0.0816, requestsPerSecond: 2_000 },
  { name: 'm7g.xlarge', hour: 0.1632, requestsPerSecond: 4_000 },
] as const;
const REDIS_NODES = [
  { name: 'cache.t4g.small', hour: 0.032, gb: 1 },
  { name: 'cache.t4g.medium', hour: 0.065, gb: 2.3 },
  { name: 'cache.r7g.large', hour: 0.219, gb: 9.8 },
  { name: 'cache.r7g.xlarge', hour: 0.437, gb: 19.7 },
] as const;
const BALANCER_HOUR = 0.0225;
const BALANCER_PER_GB = 0.008;
/** The busiest hour beside the average one. */
const PEAK = 3;
/** A session in Redis, with the keys of a list and of an expiry, bytes. */
const REDIS_SESSION_BYTES = 2_000;
/** Object storage: a million writes, and a GB for a month. An entry is of about a kilobyte. */
const PUTS_PER_MILLION = 5;
const OBJECT_STORAGE_GB = 0.023;
const ENTRY_BYTES = 1_000;
const ENTRIES_PER_APPEND = 4;

export function serversFor({ sessions }: Month, session = ASSUMED): Servers {
  const perSecond = (PEAK * sessions * httpRequestsOf(session)) / (MONTH_MS / 1_000);
  const keptGb = (sessions * REDIS_SESSION_BYTES * (DAY_MS + lifetimeMs(session))) / MONTH_MS / 1e9;
  // One of a pair carries all while the other is away.
  const server = SERVERS.find(({ requestsPerSecond }) => requestsPerSecond >= perSecond) ?? SERVERS[2];
  const node = REDIS_NODES.find(({ gb }) => gb >= keptGb) ?? REDIS_NODES[3];
  const transcriptGb = (sessions * session.appends * ENTRIES_PER_APPEND * ENTRY_BYTES) / 1e9;
  const parts = {
    serversCost: 2 * HOURS * server.hour,
    balancer: HOURS * BALANCER_HOUR + BALANCER_PER_GB * transcriptGb,
    redisCost: 2 * HOURS * node.hour,
    transcripts: (sessions * session.appends * PUTS_PER_MILLION) / 1e6 + transcriptGb * OBJECT_STORAGE_GB,
  };
  const total = Object.values(parts).reduce((sum, it) => sum + it, 0);
  return { ...parts, total, servers: `2 × ${server.name}`, redis: `2 × ${node.name}` };
}
