import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MAX_CLOCK_SKEW_MS, RULES, type Rules } from './block-leases.ts';
import { Breach, PARENT, SHARDS, World, type Step } from './block-leases-world.ts';

// The protocol of docs/scale.md: what must hold of it whatever its network and its machines do.

/** Each takes a quarter of a millisecond. */
const RUNS = 4_000;
/** At most as many until a broken rule is seen. */
const MAX_SEARCH_RUNS = 50_000;
const SEARCH_TIMEOUT_MS = 60_000;
/** So that what was found once is found again. */
const SEED = 3;

const shard = fc.nat(SHARDS - 1);
const which = fc.nat(20);
const maxSessions = fc.nat(6);
const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    { weight: 9, arbitrary: fc.record({ do: fc.constant('create' as const), shard }) },
    { weight: 4, arbitrary: fc.record({ do: fc.constantFrom('end', 'renew', 'recall'), shard }) },
    { weight: 12, arbitrary: fc.record({ do: fc.constant('deliver' as const), which }) },
    { weight: 4, arbitrary: fc.record({ do: fc.constantFrom('repeat', 'lose'), which }) },
    {
      weight: 3,
      arbitrary: fc.record({
        do: fc.constant('pass' as const),
        ms: fc.constantFrom(1_000, 14_000, 16_000, 31_000),
      }),
    },
    { weight: 2, arbitrary: fc.record({ do: fc.constant('limit' as const), maxSessions }) },
    {
      weight: 2,
      arbitrary: fc.record({
        do: fc.constant('crash' as const),
        node: fc.nat(PARENT),
        offset: fc.nat(MAX_CLOCK_SKEW_MS),
      }),
    },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('review' as const) }) },
  ) as fc.Arbitrary<Step>,
  { maxLength: 60, size: 'max' },
);

/** Whatever happens, no rule is broken; and once it is quiet, exactly as many are admitted as the limit says. */
function holds(rules: Rules, writesFirst = true) {
  return fc.property(maxSessions, steps, fc.infiniteStream(shard), (max, taken, choices) => {
    const world = new World(max, rules, writesFirst);
    for (const step of taken) world.take(step);
    world.comeToRest(choices.take(world.parent.maxSessions + SHARDS));
  });
}

describe('blocks of capacity, leased to shards', () => {
  it('never hold more sessions than the limit, and lose none of it', () => {
    fc.assert(holds(RULES), { numRuns: RUNS });
  });
});

describe('without one of its rules the search finds a way past the limit, or capacity that is lost', () => {
  const broken: [rule: string, rules: Partial<Rules>][] = [
    ['a shard admits no more than it holds', { mayAdmit: (own, now) => now < own.leasedUntil }],
    ['a shard admits within its lease', { mayAdmit: (own) => own.admitted < own.held }],
    ['a shard keeps what it has admitted', { keeps: (own) => Math.max(0, own.admitted - 1) }],
    ['what is given back has a number of its own', { numberOfReturn: (own) => own.request }],
    ['only the answer to the last request counts', { takes: () => true }],
    [
      'an overtaken request is not heard',
      { isOld: (account, request) => request.request === account.request },
    ],
    [
      'a repeated request is answered as before',
      { isOld: (account, request) => request.request < account.request },
    ],
    ['no more is granted than there is', { more: (_, want) => want }],
    ['above the limit nobody gets time', { granting: (_, now) => now + 30_000 }],
    ['a lease is counted until its holder has heard of less', { leasedUntil: (_, granting) => granting }],
    [
      'a block that has lapsed is still counted',
      {
        countedFor: (account, now) => (account.leasedUntil + MAX_CLOCK_SKEW_MS <= now ? 0 : account.granted),
      },
    ],
    ['clocks that differ are waited for', { isQuiet: (account, now) => account.leasedUntil <= now }],
    ['a lower limit waits for leases', { isQuiet: () => true }],
  ];

  const found = (property: ReturnType<typeof holds>): unknown =>
    fc.check(property, { numRuns: MAX_SEARCH_RUNS, endOnFailure: true, seed: SEED }).errorInstance;

  it.each(broken)(
    '%s',
    (_, rules) => expect(found(holds({ ...RULES, ...rules }))).toBeInstanceOf(Breach),
    SEARCH_TIMEOUT_MS,
  );

  it(
    'what is sent is written first',
    () => expect(found(holds(RULES, false))).toBeInstanceOf(Breach),
    SEARCH_TIMEOUT_MS,
  );
});
