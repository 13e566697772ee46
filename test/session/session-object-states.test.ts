import { runDurableObjectAlarm } from 'cloudflare:test';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Result } from '../../src/contract/errors.ts';
import { callsMade, resetCalls } from '../support/calls.ts';
import { DEFAULTS, NOTHING, Place, RETENTION_MS } from '../support/sessions.ts';
import { advance, outcome, stopClock, valueOf } from '../support/tenant.ts';

const TIMEOUT_MS = DEFAULTS.sessionTimeoutMs;

beforeEach(() => {
  stopClock();
  resetCalls();
});
afterEach(() => vi.useRealTimers());

/** Every state that a caller can meet a session in, and how it comes to be. */
const STATES = {
  unknown: async () => undefined,
  active: async (place: Place) => void (await place.create()),
  // Past its expiry, but no alarm has fired and no one has asked.
  due: async (place: Place) => {
    await place.create();
    advance(TIMEOUT_MS);
  },
  expired: async (place: Place) => {
    await STATES.due(place);
    await runDurableObjectAlarm(place.stub);
  },
  ended: async (place: Place) => {
    await place.create();
    valueOf(await place.session.end(false, null));
  },
  purged: async (place: Place) => {
    await place.create();
    valueOf(await place.session.end(true, null));
  },
  // Past its retention, but not deleted yet.
  outlived: async (place: Place) => {
    await STATES.ended(place);
    advance(RETENTION_MS);
  },
  deleted: async (place: Place) => {
    await STATES.outlived(place);
    await runDurableObjectAlarm(place.stub);
  },
} satisfies Record<string, (place: Place) => Promise<void>>;
type State = keyof typeof STATES;

const METHODS = {
  get: (place) => place.session.get(),
  touch: (place) => place.session.touch(1, null),
  patch: (place) => place.session.patch({ maxTurns: 3 }, DEFAULTS, null),
  link: (place) => place.session.link({ claudeSessionId: 'c' }, null),
  end: (place) => place.session.end(false, null),
  purge: (place) => place.session.end(true, null),
  planResume: (place) => place.session.planResume(),
  resume: (place) => place.resume(),
} satisfies Record<string, (place: Place) => Promise<Result<unknown>>>;
type Method = keyof typeof METHODS;

const NOT_FOUND = 'session_not_found';
const CHANGES = ['touch', 'patch', 'link', 'end'] as const;
const changesAnswer = (code: string) => Object.fromEntries(CHANGES.map((method) => [method, code]));

/** The code that each method answers where it does not succeed. */
const REFUSALS: Record<State, Partial<Record<Method, string>> | typeof NOT_FOUND> = {
  unknown: NOT_FOUND,
  active: {},
  due: changesAnswer('session_expired'),
  expired: changesAnswer('session_expired'),
  ended: { ...changesAnswer('session_ended'), planResume: 'session_ended', resume: 'session_ended' },
  purged: NOT_FOUND,
  outlived: NOT_FOUND,
  deleted: NOT_FOUND,
};

const states = Object.keys(STATES) as State[];
const methods = Object.keys(METHODS) as Method[];

describe.each([false, true])('with an eviction before the call: %s', (evicted) => {
  describe.each(states)('a session that is %s', (state) => {
    it.each(methods)('answers %s as it should', async (method) => {
      const place = new Place();
      await STATES[state](place);
      if (evicted) await place.evict();
      const refusals = REFUSALS[state];
      const expected = refusals === NOT_FOUND ? NOT_FOUND : (refusals[method] ?? 'ok');
      expect(outcome(await METHODS[method](place))).toBe(expected);
    });
  });
});

describe('what a read says of each state', () => {
  it.each([
    ['active', 'active', undefined],
    ['due', 'expired', 'idle_timeout'],
    ['expired', 'expired', 'idle_timeout'],
    ['ended', 'ended', 'ended'],
  ] as const)('%s reads %s', async (state, status, endReason) => {
    const place = new Place();
    await STATES[state](place);
    const session = valueOf(await place.session.get());
    expect(session.status).toBe(status);
    expect(session.endReason).toBe(endReason);
  });
});

describe('what the registry hears when it asks', () => {
  it.each([
    ['active', 'active', true],
    ['due', 'expired', true],
    ['expired', 'expired', true],
    ['ended', 'ended', true],
    ['purged', 'ended', false],
    ['outlived', 'ended', true],
  ] as const)('%s: %s', async (state, status, summarised) => {
    const place = new Place();
    await STATES[state](place);
    const answer = await place.session.settle();
    expect(answer?.status).toBe(status);
    expect(answer?.summary !== null).toBe(summarised);
  });

  it.each(['unknown', 'deleted'] as const)('%s: nothing is stored', async (state) => {
    const place = new Place();
    await STATES[state](place);
    expect(await place.session.settle()).toBeNull();
  });
});

describe('an id that was never created, or of which nothing is left', () => {
  const all: [string, (place: Place) => Promise<unknown>][] = [
    ...Object.entries(METHODS),
    ['settle', (place) => place.session.settle()],
    ['resume, past the plan', (place) => place.session.resume(1, Date.now() + 1_000)],
    ['create past its deadline', (place) => place.session.create(place.id, {}, DEFAULTS, Date.now())],
  ];

  it.each(all)('stores nothing and costs the registry nothing: %s', async (_, call) => {
    const place = new Place();
    for (let times = 0; times < 3; times += 1) await call(place);
    expect(await place.stored()).toEqual(NOTHING);
    await place.evict();
    expect(await place.stored()).toEqual(NOTHING);
    expect(callsMade()).toEqual([]);
  });

  it.each(all)('stores nothing again once it was deleted: %s', async (_, call) => {
    const place = new Place();
    await STATES.deleted(place);
    resetCalls();
    await call(place);
    expect(await place.stored()).toEqual(NOTHING);
    expect(callsMade()).toEqual([]);
  });
});

describe('If-Match', () => {
  it.each([
    ['patch', (place: Place, match: number[]) => place.session.patch({ maxTurns: 3 }, DEFAULTS, match)],
    ['link', (place: Place, match: number[]) => place.session.link({ claudeSessionId: 'c' }, match)],
    ['end', (place: Place, match: number[]) => place.session.end(false, match)],
    ['purge', (place: Place, match: number[]) => place.session.end(true, match)],
  ])('%s holds to it, and activity leaves it true', async (_, call) => {
    const place = new Place();
    await place.create();
    valueOf(await place.session.touch(1, null));
    expect(outcome(await call(place, [2, 7]))).toBe('precondition_failed');
    expect(valueOf(await place.session.get())).toMatchObject({ status: 'active', revision: 1 });
    expect(outcome(await call(place, [7, 1]))).toBe('ok');
  });
});
