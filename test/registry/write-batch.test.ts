import { describe, expect, it, vi } from 'vitest';
import { WriteBatch } from '../../src/registry/write-batch.ts';

/** A store that counts its transactions, each of which is made whole or not at all. */
function store() {
  const made: string[] = [];
  let transactions = 0;
  const batch = new WriteBatch((change) => {
    transactions += 1;
    const before = made.length;
    try {
      change(transactions);
    } catch (error) {
      made.length = before;
      throw error;
    }
  });
  const add = (name: string, fails = false) =>
    batch.add((now) => {
      made.push(name);
      if (fails) throw new Error(`${name} can not be made`);
      return `${name} by ${now}`;
    });
  return { add, made, transactions: () => transactions };
}

describe('writes that nobody waits for', () => {
  it('are made in one transaction, in order, and answered when they are', async () => {
    const { add, made, transactions } = store();
    const all = Promise.all([add('a'), add('b'), add('c')]);
    expect(made).toEqual([]);
    expect(await all).toEqual(['a by 1', 'b by 1', 'c by 1']);
    expect(made).toEqual(['a', 'b', 'c']);
    expect(transactions()).toBe(1);
  });

  it('that come after a batch was made are made with the next', async () => {
    const { add, transactions } = store();
    await add('a');
    expect(await add('b')).toBe('b by 2');
    expect(transactions()).toBe(2);
  });

  it('are made without the one that can not be, which alone fails', async () => {
    const { add, made } = store();
    const outcomes = await Promise.allSettled([add('a'), add('b', true), add('c')]);
    expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect(made).toEqual(['a', 'c']);
  });

  it('set one timer, and none while there are none', async () => {
    const timers = vi.spyOn(globalThis, 'setTimeout');
    try {
      const { add } = store();
      expect(timers).not.toHaveBeenCalled();
      await Promise.all([add('a'), add('b')]);
      expect(timers).toHaveBeenCalledTimes(1);
    } finally {
      timers.mockRestore();
    }
  });
});
