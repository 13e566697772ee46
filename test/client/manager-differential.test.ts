import { reset } from 'cloudflare:test';
import * as fc from 'fast-check';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { CWD, ExpectedRun, RealRun, type Step } from '../support/manager-script.ts';

/** Runs a script on both, comparing each result. Answers the expected ones. */
async function runBoth(script: readonly Step[]): Promise<unknown[]> {
  await reset();
  const expected = new ExpectedRun();
  const real = new RealRun();
  const results: unknown[] = [];
  for (const [index, step] of script.entries()) {
    const found = await real.run(step);
    const wanted = expected.run(step);
    expect(found, `step ${index}: ${JSON.stringify(step)}`).toStrictEqual(wanted);
    results.push(wanted);
  }
  return results;
}

// Ahead of the real clock, by which alarms would fire. It never goes back: ids would come from the future.
let clock = Date.now() + 86_400_000;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['Date'], now: clock });
  vi.stubGlobal('process', { cwd: () => CWD });
});
afterEach(() => {
  clock = Date.now();
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

it('answers a whole life as the original did', async () => {
  const create: Step = { call: 'create', config: {} };
  const full = { model: 'm', cwd: '/w', permissionMode: 'plan', maxTurns: 3, metadata: { a: [1] } };
  const results = await runBoth([
    { call: 'list' },
    { call: 'counts' },
    { call: 'get', session: 0 },
    { call: 'end', session: 0 },
    create,
    { call: 'create', config: full },
    { call: 'create', config: { appendSystemPrompt: 'Be brief.' } },
    create,
    create,
    { call: 'wait', ms: 1_003 },
    { call: 'touch', session: 1 },
    { call: 'link', session: 1 },
    { call: 'list' },
    { call: 'end', session: 0 },
    { call: 'end', session: 0 },
    { call: 'get', session: 0 },
    { call: 'touch', session: 0 },
    { call: 'counts' },
    create,
    { call: 'wait', ms: 59_100 },
    { call: 'get', session: 2 },
    { call: 'get', session: 1 },
    { call: 'touch', session: 2 },
    { call: 'link', session: 2 },
    { call: 'end', session: 2 },
    { call: 'get', session: 2 },
    { call: 'list' },
    create,
    { call: 'counts' },
  ]);
  // What would otherwise be compared with nothing.
  expect(results[8]).toBe('Maximum sessions limit reached: 4');
  expect(results[12]).toHaveLength(4);
  expect(results[20]).toMatchObject({ status: 'expired', sessionId: 2 });
  expect(results[21]).toMatchObject({ status: 'active', messageCount: 1, claudeSessionId: 'c1' });
});

it('answers any script as the original did', async () => {
  const session = fc.nat(7);
  const config = fc.record(
    {
      model: fc.string({ minLength: 1, maxLength: 20 }),
      cwd: fc.constantFrom('/a', '/b/ü'),
      permissionMode: fc.constantFrom('default', 'acceptEdits', 'plan', 'bypassPermissions'),
      appendSystemPrompt: fc.string({ minLength: 1, maxLength: 50 }),
      maxTurns: fc.integer({ min: 0, max: 50 }),
      metadata: fc.constantFrom({}, { team: 'search', nested: { deep: [1, null, 'x'] } }),
    },
    { requiredKeys: [] },
  );
  // No sum of these is the timeout: at that very moment the original still had the session.
  const ms = fc.constantFrom(1_003, 20_011, 61_001);
  const step = fc.oneof(
    { weight: 4, arbitrary: fc.record({ call: fc.constant('create' as const), config }) },
    {
      weight: 8,
      arbitrary: fc.record({ call: fc.constantFrom('get', 'touch', 'touch', 'link', 'end'), session }),
    },
    { weight: 3, arbitrary: fc.record({ call: fc.constantFrom('list', 'counts') }) },
    { weight: 3, arbitrary: fc.record({ call: fc.constant('wait' as const), ms }) },
  );
  const script = fc.array(step, { minLength: 8, maxLength: 30, size: 'max' });
  await fc.assert(
    fc.asyncProperty(script, async (steps) => {
      expect(await runBoth(steps)).toHaveLength(steps.length);
    }),
    { numRuns: 25 },
  );
}, 60_000);
