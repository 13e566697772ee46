import { randomUUID } from 'node:crypto';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { EdgeSessionStore } from '../../src/agent-sdk/index.ts';
import { Berth } from './support/berth.ts';
import { scenario } from './support/scenario.ts';
import { Trial } from './support/trial.ts';

const RUNS = 60;

const berth = await Berth.start();

test("the store is as the SDK's own, whatever is appended, tried again, raced for and deleted", async () => {
  const sameAsReference = fc.asyncProperty(scenario, async (drawn) => {
    const trial = new Trial(berth.url, drawn);
    await trial.run();
    await trial.demandSameInAll();
  });
  await expect(fc.assert(sameAsReference, { numRuns: RUNS, endOnFailure: true })).resolves.toBe(undefined);
});

test('many writers of one conversation lose nothing, neither of its entries nor of its summary', async () => {
  const [writers, each] = [8, 12];
  const key = { projectKey: 'crowd', sessionId: randomUUID() };
  const numbers = Array.from({ length: each }, (_, number) => number);
  const write = async (writer: number): Promise<void> => {
    const store = new EdgeSessionStore(berth.client());
    // All at once: a store keeps to the order of its calls.
    await Promise.all(numbers.map((number) => store.append(key, [{ type: 'user', writer, number }])));
  };
  await Promise.all(Array.from({ length: writers }, (_, writer) => write(writer)));

  const entries = (await new EdgeSessionStore(berth.client()).load(key)) ?? [];
  expect(entries).toHaveLength(writers * each);
  for (let writer = 0; writer < writers; writer += 1) {
    const own = entries.filter((entry) => entry['writer'] === writer);
    expect(own.map(({ number }) => number)).toEqual(numbers);
  }
  const { data } = await berth.client().transcripts.list('crowd');
  expect(data[0]?.summary?.version).toBe(writers * each);
});
