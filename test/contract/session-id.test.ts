import { v4, v7 } from 'uuid';
import { describe, expect, test } from 'vitest';
import { MAX_CLOCK_SKEW_MS } from '../../src/contract/limits.ts';
import { newSessionId, parseSessionId, sessionIdTime } from '../../src/contract/session-id.ts';

const NOW = Date.UTC(2026, 10, 22);

describe('a session id', () => {
  test('carries when it was made, and sorts by it', () => {
    const made = [NOW - 1, NOW, NOW + 1].map((msecs) => v7({ msecs }));
    expect(made.map(sessionIdTime)).toEqual([NOW - 1, NOW, NOW + 1]);
    expect(made.toSorted()).toEqual(made);
  });

  test('that was just made is newer than the one before', () => {
    const made = Array.from({ length: 1_000 }, newSessionId);
    expect(made.toSorted()).toEqual(made);
    expect(new Set(made).size).toBe(1_000);
  });

  test('is read in lower case', () => {
    const id = v7({ msecs: NOW });
    expect(parseSessionId(id.toUpperCase(), NOW)).toBe(id);
  });

  test('from the future is none of ours, beyond what clocks may differ', () => {
    const at = (msecs: number) => parseSessionId(v7({ msecs }), NOW);
    expect(at(NOW + MAX_CLOCK_SKEW_MS)).not.toBeNull();
    expect(at(NOW + MAX_CLOCK_SKEW_MS + 1)).toBeNull();
    expect(at(0)).not.toBeNull();
  });

  test.each(['', 'abc', v4(), `${v7({ msecs: NOW })} `, v7({ msecs: NOW }).slice(1)])(
    '%j is none',
    (text) => {
      expect(parseSessionId(text, NOW)).toBeNull();
    },
  );
});
