/**
 * What happens to a store, at random.
 *
 * @module
 */
import type { SessionStoreEntry } from '@anthropic-ai/claude-agent-sdk';
import * as fc from 'fast-check';
import type { Mishap } from './faulty-network.ts';

/** Which of the names of a scenario; null for the main transcript. */
export interface Place {
  readonly project: number;
  readonly session: number;
  readonly subpath: number | null;
}

export type Step =
  | { what: 'append'; place: Place; entries: SessionStoreEntry[]; writer: number; mishap: Mishap | null }
  | { what: 'race'; place: Place; entries: SessionStoreEntry[]; others: SessionStoreEntry[] }
  | { what: 'delete'; place: Place; writer: number };

export interface Scenario {
  readonly projects: string[];
  readonly sessions: string[];
  readonly subpaths: string[];
  readonly steps: Step[];
}

const AWKWARD = [
  '__proto__',
  'constructor',
  'a',
  'a/b',
  'a.b',
  '...',
  '/',
  '%2F',
  'a b?c#d&e=f+g',
  'ü/海/🦭',
];

const name = fc.oneof(
  fc.constantFrom(...AWKWARD),
  fc.string({ unit: 'grapheme', minLength: 1, maxLength: 12 }).filter((it) => it !== '.' && it !== '..'),
);
const names = fc.uniqueArray(name, { minLength: 2, maxLength: 2 });

const text = fc.oneof(fc.string({ unit: 'binary' }), fc.constant('half a character: \ud83e'));

/** Entries as the SDK has them, with all that its summaries are made of. */
const entry = fc
  .record(
    {
      type: fc.constantFrom('user', 'assistant', 'custom-title', 'tag', 'last-prompt', 'relocated'),
      // Few, so that they come again.
      uuid: fc.constantFrom('u1', 'u2', 'u3', 'u4', 'u5', 'u6', 'U1', '__proto__'),
      timestamp: fc.date({ noInvalidDate: true }).map((date) => date.toISOString()),
      isSidechain: fc.boolean(),
      cwd: text,
      customTitle: text,
      lastPrompt: text,
      tag: text,
      message: fc.record({ role: fc.constant('user'), content: text }),
      payload: fc.jsonValue({ stringUnit: 'binary' }),
    },
    { requiredKeys: ['type'] },
  )
  .map((fields) => JSON.parse(JSON.stringify(fields)) as SessionStoreEntry);
const entries = fc.array(entry, { maxLength: 6 });

const place = fc.record({
  project: fc.nat(1),
  session: fc.nat(1),
  subpath: fc.option(fc.nat(1), { freq: 2 }),
});
const writer = fc.nat(1);
const mishap = fc.option(fc.constantFrom<Mishap>('lost', 'failed'), { freq: 8 });

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({ what: fc.constant('append'), place, entries, writer, mishap }),
  },
  { weight: 2, arbitrary: fc.record({ what: fc.constant('race'), place, entries, others: entries }) },
  { weight: 2, arbitrary: fc.record({ what: fc.constant('delete'), place, writer }) },
);

export const scenario: fc.Arbitrary<Scenario> = fc.record({
  projects: names,
  sessions: names,
  subpaths: names,
  steps: fc.array(step, { minLength: 1, maxLength: 12 }),
});
