import * as fc from 'fast-check';
import { expect, test, vi } from 'vitest';
import { newSessionId } from '../../src/contract/session-id.ts';
import type { RegistryStats } from '../../src/contract/registry.ts';
import type { ListedSession, SessionPage } from '../../src/contract/session.ts';
import { RATE_LIMITS } from '../../src/http/rate-limits.ts';
import { almost, awkwardText, valueOf, type JsonSchema } from '../support/arbitrary-json.ts';
import { differences, faultsWithin } from '../support/audit.ts';
import { callsSettled } from '../support/calls.ts';
import { advance, SECOND, stopClock, Tenant } from '../support/tenant.ts';
import { callerOf, ORIGIN, SECRET, Service, type Sent } from '../support/tokens.ts';

const ROUNDS = 100;
const REQUESTS_A_ROUND = 100;
/** So many are under way at once: as many as there are is no test of what they do to each other. */
const AT_ONCE = 10;
/** The largest answer is a page of 100 sessions, or of transcripts, each with some 20 KiB in it at most. */
const MAX_ANSWER_BYTES = 2 * 1024 * 1024;
const HANG_MS = 20_000;

interface Parameter {
  readonly name: string;
  readonly in: 'path' | 'query' | 'header';
  readonly schema: JsonSchema;
}

interface Operation {
  readonly parameters: readonly Parameter[];
  readonly requestBody?: { readonly content: Readonly<Record<string, { readonly schema: JsonSchema }>> };
  readonly responses: Readonly<Record<string, unknown>>;
}

interface Fuzzed extends Sent {
  readonly method: string;
  readonly path: string;
  readonly headers: Record<string, string>;
  /** The statuses that the document knows of; empty for what it does not describe. */
  readonly documented: readonly string[];
}

// Bindings are slow here, and are not what is tried.
const noBindings = Object.fromEntries(Object.keys(RATE_LIMITS).map((name) => [name, undefined]));
const service = new Service({ AUTH_JWT_SECRET: SECRET, ...noBindings });
stopClock();
const tenant = new Tenant();
const caller = await callerOf(service, tenant.name, { exp: 1e10 });
const described = await caller.json<{ paths: Record<string, Record<string, Operation>> }>(
  'GET',
  '/openapi.json',
);

/** Ids that there are, so that requests meet sessions in every state. */
const known: string[] = [newSessionId()];

/** What may stand in a path or query: kept well-formed, for a URL is. */
const encoded = (text: string) => encodeURIComponent(text.toWellFormed());

const pathValue = (name: string): fc.Arbitrary<string> => {
  const real = name === 'id' ? fc.nat().map((i) => known[i % known.length] ?? '') : fc.constantFrom('a', 'b');
  return fc.oneof(
    { weight: 8, arbitrary: real },
    { weight: 1, arbitrary: awkwardText.filter((text) => text !== '').map(encoded) },
    { weight: 1, arbitrary: fc.constantFrom('%', '%zz', '%c0%af', '.%2e', ';', '@') },
  );
};

const headerText = fc.oneof(
  fc.constantFrom('*', '"1"', 'W/"1"', 'a', 'k1', 'k2'),
  fc.string({ maxLength: 12 }),
);
const printable = (text: string) => text.replaceAll(/[^\x20-\x7e]/g, '').trim();

const oddHeaders = fc.dictionary(
  fc.constantFrom('Content-Type', 'X-Request-Id', 'If-Match', 'Idempotency-Key', 'Origin', 'Accept', 'Range'),
  fc.oneof(
    headerText,
    fc.constantFrom('application/json; charset=utf-16', 'text/plain', 'application/merge-patch+json'),
  ),
  { maxKeys: 2 },
);

function headersOf({ parameters }: Operation): fc.Arbitrary<Record<string, string>> {
  const names = parameters.filter((it) => it.in === 'header').map(({ name }) => name);
  const declared = fc.record(Object.fromEntries(names.map((name) => [name, headerText])), {
    requiredKeys: [],
  });
  return fc.oneof(
    { weight: 2, arbitrary: fc.constant<Record<string, string>>({}) },
    { weight: 2, arbitrary: declared as fc.Arbitrary<Record<string, string>> },
    { weight: 1, arbitrary: oddHeaders },
  );
}

function query(parameters: readonly Parameter[]): fc.Arbitrary<string> {
  const one = (name: string, schema: JsonSchema) =>
    fc
      .oneof({ weight: 4, arbitrary: valueOf(schema) }, { weight: 1, arbitrary: awkwardText })
      .map(
        (value) => `${encoded(name)}=${encoded(typeof value === 'string' ? value : JSON.stringify(value))}`,
      );
  const declared = parameters
    .filter((it) => it.in === 'query')
    .map(({ name, schema }) => fc.option(one(name, schema), { nil: '', freq: 2 }));
  const odd = fc.option(
    fc.oneof(
      awkwardText.map((text) => `${encoded(text)}=1`),
      awkwardText.map((text) => `metadata.${encoded(text)}=${encoded(text)}`),
      fc.constantFrom('cursor=a.b', 'limit=1&limit=2', '__proto__=1', 'metadata.team=red', '&&=&', '%=%'),
    ),
    { nil: '', freq: 8 },
  );
  return fc.tuple(...declared, odd).map((parts) => parts.filter(Boolean).join('&'));
}

function body({ requestBody }: Operation): fc.Arbitrary<Sent> {
  const [schema] = Object.values(requestBody?.content ?? {}).map((it) => it.schema);
  if (schema === undefined) return fc.constant({});
  return fc.oneof(
    { weight: 6, arbitrary: valueOf(schema).map((value) => ({ body: value })) },
    { weight: 3, arbitrary: almost(schema).map((value) => ({ body: value })) },
    { weight: 1, arbitrary: awkwardText.map((text) => ({ text })) },
    {
      weight: 1,
      arbitrary: fc.constant({ text: `{"metadata":${'['.repeat(20_000)}${']'.repeat(20_000)}}` }),
    },
  );
}

/** How many parts the path has that is asked for. */
const segments = (path: string): number =>
  new URL(path, ORIGIN).pathname.split('/').filter((part) => part !== '').length;

/** A request that the document describes, or almost. */
function requestTo(method: string, template: string, operation: Operation): fc.Arbitrary<Fuzzed> {
  const documented = Object.keys(operation.responses);
  const names = [...template.matchAll(/\{(\w+)\}/g)].map(([, name]) => name ?? '');
  return fc
    .record({
      values: fc.tuple(...names.map(pathValue)),
      search: query(operation.parameters),
      sent: body(operation),
      headers: headersOf(operation),
    })
    .map(({ values, search, sent, headers }) => {
      const path = names.reduce(
        (text, name, i) => text.replace(`{${name}}`, () => values[i] ?? ''),
        template,
      );
      const request: Fuzzed = {
        method,
        path: search === '' ? path : `${path}?${search}`,
        headers: Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, printable(value)])),
        // What a URL takes out of a path leads elsewhere.
        documented: segments(path) === segments(template) ? documented : [],
      };
      return Object.assign(request, sent);
    });
}

const operations = Object.entries(described.paths).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, operation]) => ({ method: method.toUpperCase(), path, operation })),
);
// What is public takes no parameters, and says so of none.
const guarded = operations.filter(({ operation }) => '401' in operation.responses);

/** What no document describes. */
const stray: fc.Arbitrary<Fuzzed> = fc.record({
  method: fc.constantFrom('GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'),
  path: fc.oneof(
    fc.constantFrom(...operations.map(({ path }) => path.replaceAll(/\{\w+\}/g, 'x'))),
    fc.array(awkwardText.map(encoded), { maxLength: 6 }).map((parts) => `/v1/${parts.join('/')}`),
  ),
  headers: fc.constant({}),
  documented: fc.constant([]),
});

/** Creates, touches and the like come more often: the rest needs something to meet. */
const request = fc.oneof(
  ...guarded.map(({ method, path, operation }) => ({
    weight: path.startsWith('/v1/sessions') ? 4 : 2,
    arbitrary: requestTo(method, path, operation),
  })),
  { weight: 3, arbitrary: stray },
);

let answered = 0;
const statuses = new Set<number>();

async function check({ method, path, documented, ...sent }: Fuzzed): Promise<void> {
  const what = `${method} ${path} ${JSON.stringify(sent)}`.slice(0, 600);
  const response = await caller.call(method, path, sent);
  const bytes = await response.arrayBuffer();
  answered += 1;
  statuses.add(response.status);
  expect(response.status, what).toBeLessThan(500);
  expect(bytes.byteLength, what).toBeLessThan(MAX_ANSWER_BYTES);
  expect(response.headers.get('X-Request-Id'), what).toMatch(/^[\w-]{1,64}$/);
  if (documented.length > 0) expect(documented, what).toContain(String(response.status));
  const text = new TextDecoder().decode(bytes);
  if (response.status >= 400 && method !== 'HEAD')
    expect(JSON.parse(text), what).toMatchObject({ status: response.status });
  if (response.status === 201) known.push((JSON.parse(text) as { sessionId: string }).sessionId);
}

/** Says which request it was, and how to have it again, without the hundreds that came before it. */
function expectSound<T>({ failed, seed, counterexamplePath, errorInstance: cause }: fc.RunDetails<T>): void {
  if (failed) throw new Error(`seed ${seed}, path ${counterexamplePath}: ${String(cause)}`, { cause });
}

/** Every page of a list. */
async function listed(status: string): Promise<ListedSession[]> {
  const all: ListedSession[] = [];
  let cursor = '';
  do {
    const page = await caller.json<SessionPage>('GET', `/v1/sessions?limit=100&status=${status}${cursor}`);
    all.push(...page.data);
    cursor = page.nextCursor === null ? '' : `&cursor=${page.nextCursor}`;
  } while (cursor !== '');
  return all;
}

test('some ten thousand requests that the document describes, or almost: each is answered, and all still adds up', async () => {
  vi.spyOn(console, 'log').mockReturnValue();
  vi.spyOn(console, 'warn').mockReturnValue();
  const errors = vi.spyOn(console, 'error').mockReturnValue();
  const run = await fc.check(
    fc
      .asyncProperty(
        fc.array(request, { minLength: REQUESTS_A_ROUND, maxLength: REQUESTS_A_ROUND, size: 'max' }),
        fc.nat({ max: 20 * SECOND }),
        async (requests, pause) => {
          await caller.json('PUT', '/v1/registry/limits', { body: { maxSessions: 60 } });
          for (let i = 0; i < requests.length; i += AT_ONCE)
            await Promise.all(requests.slice(i, i + AT_ONCE).map(check));
          advance(pause);
          known.splice(0, known.length - 200);
        },
      )
      .afterEach(callsSettled),
    // Shrinking what has changed the state for good would find something else.
    { numRuns: ROUNDS, timeout: HANG_MS, endOnFailure: true },
  );
  expectSound(run);
  expect(answered).toBeGreaterThanOrEqual(ROUNDS * REQUESTS_A_ROUND);
  // It has met what there is to meet, and not only refusals.
  const met = [...statuses];
  expect(met).toEqual(expect.arrayContaining([200, 201, 204, 400, 404, 405, 415]));
  // Which of the rarer ones it meets is chance.
  expect(met.length).toBeGreaterThanOrEqual(9);
  expect(errors.mock.calls).toEqual([]);

  while ((await listed('active')).some(({ expiresAt }) => Date.parse(expiresAt) <= Date.now()))
    advance(SECOND);
  await callsSettled();
  const sessions = await listed('all');
  const stats = await caller.json<RegistryStats>('GET', '/v1/registry/stats');
  // A sum over nothing is always right; how many there are is chance.
  expect(sessions.length).toBeGreaterThan(5);
  expect(stats.totalInMemory).toBe(sessions.length);
  for (const status of ['active', 'expired', 'ended'] as const)
    expect(stats.sessionsByStatus[status]).toBe(sessions.filter((it) => it.status === status).length);
  expect(stats.activeCount).toBe(stats.sessionsByStatus.active);
  expect(await faultsWithin(tenant, Number.POSITIVE_INFINITY)).toEqual([]);
  expect(
    await differences(
      tenant,
      sessions.map(({ sessionId }) => sessionId),
    ),
  ).toEqual([]);
}, 120_000);
