import { runDurableObjectAlarm } from 'cloudflare:test';
import * as fc from 'fast-check';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { fail, type Result } from '../../src/contract/errors.ts';
import type { JsonObject, JsonValue, Session } from '../../src/contract/session.ts';
import { SessionModel, type Outcome, type Patch, type Step } from '../support/session-model.ts';
import { DEFAULTS, Place, RETENTION_MS, type Stored } from '../support/sessions.ts';
import { stopClock } from '../support/tenant.ts';

/** Two clocks may differ by seconds; what is promised of late creates is promised within that. */
const MAX_SETBACK_MS = 8_000;
/** How long an erased session may leave a mark. */
const MARK_LIFETIME_MS = 30_000;
/** How long a slot is reserved for a create. */
const RESERVATION_MS = 15_000;

const timeout = fc.integer({ min: 1_000, max: 6_000 });
const lifetime = fc.option(fc.integer({ min: 1_000, max: 20_000 }), { freq: 1 });
const json = fc.letrec<{ value: JsonValue; object: JsonObject }>((tie) => ({
  value: fc.oneof({ maxDepth: 2 }, fc.constantFrom('x', 1, null), tie('object')),
  object: fc.dictionary(fc.constantFrom('a', 'b', 'c'), tie('value'), { maxKeys: 3, noNullPrototype: true }),
})).object;
const anyPatch: fc.Arbitrary<Patch> = fc.record(
  {
    model: fc.constantFrom('claude-a', 'claude-b', null),
    maxTurns: fc.constantFrom(1, 10, null),
    metadata: fc.option(json),
    sessionTimeoutMs: fc.option(timeout, { freq: 9 }),
    maxLifetimeMs: lifetime,
  },
  { requiredKeys: [], noNullPrototype: true },
);
const touch = fc.record(
  {
    do: fc.constant('touch' as const),
    messages: fc.integer({ min: 0, max: 2 }),
    key: fc.option(
      fc.integer({ min: 0, max: 19 }).map((n) => `key-${n}`),
      { freq: 5 },
    ),
  },
  { noNullPrototype: true },
);
const anyStep: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: touch },
  {
    weight: 6,
    arbitrary: fc.constantFrom<Step>(
      { do: 'get' },
      { do: 'resume' },
      { do: 'resume' },
      { do: 'evict' },
      { do: 'alarm' },
      { do: 'createAgain' },
    ),
  },
  { weight: 1, arbitrary: fc.constantFrom<Step>({ do: 'end' }, { do: 'purge' }, { do: 'outliveRetention' }) },
  { weight: 2, arbitrary: anyPatch.map((patch): Step => ({ do: 'patch', patch })) },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('link' as const),
      claudeSessionId: fc.constantFrom('c1', 'c2', 'c3'),
      projectKey: fc.constantFrom(undefined, '-workspace', '-other'),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.integer({ min: -MAX_SETBACK_MS, max: 4_000 }).map((ms): Step => ({ do: 'wait', ms })),
  },
  {
    weight: 3,
    arbitrary: fc.integer({ min: -1, max: 1 }).map((offsetMs): Step => ({ do: 'waitForExpiry', offsetMs })),
  },
);

beforeEach(() => stopClock());
afterEach(() => vi.useRealTimers());

/** Moves the clock as a step says; what was forgotten is not to come back into its retention. */
function moveClock(model: SessionModel, by: Step): void {
  const now = Date.now();
  if (by.do === 'wait') {
    const next = Math.max(now + by.ms, model.createdAt - MAX_SETBACK_MS);
    vi.setSystemTime(now >= model.forgottenAt ? Math.max(next, model.forgottenAt) : next);
  } else if (by.do === 'waitForExpiry' && model.active) {
    vi.setSystemTime(Math.max(now, model.expiresAt + by.offsetMs));
  } else if (by.do === 'outliveRetention' && !model.active) {
    vi.setSystemTime(Math.max(now, model.forgottenAt));
  }
}

function ask(place: Place, step: Step, deadline: number): Promise<Result<Session>> {
  const { session } = place;
  if (step.do === 'touch') return session.touch(step.messages, step.key);
  if (step.do === 'patch') return session.patch(step.patch, DEFAULTS, null);
  if (step.do === 'end' || step.do === 'purge') return session.end(step.do === 'purge', null);
  if (step.do === 'resume') return place.resume();
  if (step.do === 'link') {
    const { claudeSessionId, projectKey } = step;
    return session.link({ claudeSessionId, ...(projectKey === undefined ? {} : { projectKey }) }, null);
  }
  if (step.do !== 'createAgain') return session.get();
  return session.create(place.id, {}, DEFAULTS, deadline).then((made): Result<Session> => {
    if (made.ok) return made;
    // `conflict` from the mark of what was erased, `overloaded` once that is gone: either keeps it out.
    return fail('conflict', made.error.detail);
  });
}

/** Takes one step. Answers what was heard and what was to be, where the step is one that is answered. */
async function take(place: Place, model: SessionModel, step: Step): Promise<[Outcome, Outcome] | null> {
  if (step.do === 'evict') {
    await place.evict();
  } else if (step.do === 'alarm') {
    await runDurableObjectAlarm(place.stub);
    model.expireIfDue(Date.now());
  } else if (step.do === 'wait' || step.do === 'waitForExpiry' || step.do === 'outliveRetention') {
    moveClock(model, step);
  } else {
    const result = await ask(place, step, model.createdAt + RESERVATION_MS);
    const heard = result.ok ? { ...result.value } : { code: result.error.code };
    return [heard, model.perform(step, Date.now())];
  }
  return null;
}

/** What is wrong with the storage: whatever has happened, something wakes the session in time. */
function problemOf(stored: Stored, model: SessionModel): string | null {
  if (stored.keys.length === 0) {
    const gone = model.purged || Date.now() >= model.forgottenAt;
    return gone && stored.alarm === null ? null : 'was deleted too early, or with its alarm left';
  }
  const markUntil = model.createdAt + MARK_LIFETIME_MS;
  const latest = model.active ? model.expiresAt : Math.max(model.forgottenAt, markUntil);
  return stored.alarm !== null && stored.alarm <= latest ? null : 'has no alarm, or one that is too late';
}

it('answers as the API says, whatever is called when, with evictions between any two calls', async () => {
  const start = Date.now();
  const run = async (given: { sessionTimeoutMs: number; maxLifetimeMs: number | null }, steps: Step[]) => {
    vi.setSystemTime(start);
    const place = new Place();
    await place.create(given);
    const model = new SessionModel(place.id, DEFAULTS, given, RETENTION_MS, start);
    for (const step of [...steps, { do: 'get' } as const]) {
      const [heard, promised] = (await take(place, model, step)) ?? [];
      expect(heard).toEqual(promised);
      expect(problemOf(await place.stored(), model)).toBeNull();
    }
  };
  const limits = fc.record({ sessionTimeoutMs: timeout, maxLifetimeMs: lifetime }, { noNullPrototype: true });
  const steps = fc.array(anyStep, { minLength: 5, maxLength: 40, size: 'max' });
  await fc.assert(fc.asyncProperty(limits, steps, run), { numRuns: 50 });
}, 30_000);
