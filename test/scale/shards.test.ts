import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { newSessionId, parseSessionId } from '../../src/contract/session-id.ts';
import { newSessionIdIn, page, shardOf, type Division } from './shards.ts';

const HOUR = 3_600_000;
const shards = fc.constantFrom(1, 2, 4, 8, 16, 64);

describe('the shard of a session', () => {
  it('stays the same however often the tenant is divided later, also of sessions from before there were shards', () => {
    fc.assert(
      fc.property(fc.array(shards, { maxLength: 3 }), shards, (before, after) => {
        const id = newSessionId();
        const now = Date.now();
        const known: Division[] = before.map((count, i) => ({ from: now - (10 - i) * HOUR, shards: count }));
        const divided = [...known, { from: now + HOUR, shards: after }];
        expect(shardOf(id, divided)).toBe(shardOf(id, known));
        if (known.length === 0) expect(shardOf(id, divided)).toBe(0);
      }),
    );
  });

  it('is the one that its id was made for, and the id is one of ours', () => {
    fc.assert(
      fc.property(shards, fc.nat(63), (count, choice) => {
        const id = newSessionIdIn(choice % count, count);
        expect(shardOf(id, [{ from: 0, shards: count }])).toBe(choice % count);
        expect(parseSessionId(id, Date.now())).toBe(id);
      }),
    );
  });

  it('is as likely to be any', () => {
    const counts = Array.from({ length: 8 }, () => 0);
    for (let i = 0; i < 8_000; i += 1) {
      const index = shardOf(newSessionId(), [{ from: 0, shards: 8 }]);
      counts[index] = (counts[index] ?? 0) + 1;
    }
    // Seven standard deviations.
    for (const count of counts) expect(Math.abs(count - 1_000)).toBeLessThan(210);
  });
});

describe('a list over shards', () => {
  it('has each session once, newest first, page by page, with the cursor that it has today', () => {
    fc.assert(
      fc.property(shards, fc.nat(60), fc.integer({ min: 1, max: 7 }), (count, sessions, limit) => {
        const ids = Array.from({ length: sessions }, newSessionId);
        const spread = Array.from({ length: count }, (_, shard) =>
          ids.filter((id) => shardOf(id, [{ from: 0, shards: count }]) === shard),
        );
        const walked: string[] = [];
        for (let before: string | null = null, pages = 0; pages <= sessions; pages += 1) {
          const { data, next } = page(spread, limit, before);
          walked.push(...data);
          if (next === null) break;
          before = next;
        }
        expect(walked).toEqual(ids.toSorted().toReversed());
      }),
    );
  });
});
