import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { JsonObject, JsonValue } from '../../src/contract/session.ts';
import { sliceEntries } from '../../src/http/entry-slices.ts';
import { send } from '../support/raw.ts';
import { Conversation, linesOf } from '../support/transcripts.ts';

const JSON_TYPE = { 'Content-Type': 'application/json' };

/** Any text, lone surrogates too. */
const anyText = fc.string({
  unit: fc.integer({ min: 0, max: 0xffff }).map((unit) => String.fromCharCode(unit)),
});
const keys = fc.oneof(fc.constantFrom('__proto__', 'uuid', 'entries', 'constructor', ''), anyText);
const { value: anyValue } = fc.letrec<{ value: JsonValue }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 3, withCrossShrink: true },
    fc.oneof(fc.constant(null), fc.boolean(), anyText, fc.double({ noNaN: true, noDefaultInfinity: true })),
    fc.array(tie('value')),
    fc.dictionary(keys, tie('value')),
  ),
}));
const anyEntry = fc.dictionary(keys, anyValue) as fc.Arbitrary<JsonObject>;

/** JSON as another program may write it: more whitespace, and every character escaped that can be. */
const styles: readonly ((value: unknown) => string)[] = [
  (value) => JSON.stringify(value),
  (value) => JSON.stringify(value, null, '\r\n\t '),
  (value) =>
    // No letter that stands in `true`, `false` and `null`, or after a backslash.
    JSON.stringify(value).replaceAll(
      /[^\x20-\x7e]|[g-kmopqv-z]/g,
      (text) => `\\u${text.charCodeAt(0).toString(16).padStart(4, '0')}`,
    ),
];

/** Equality that tells -0 from 0, and an own `__proto__` from none. */
const asJson = (value: unknown): string => JSON.stringify(value);

describe('entries come back deep-equal', () => {
  it('whatever JSON they hold, however it is written', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(anyEntry, { minLength: 1 }),
        fc.constantFrom(...styles),
        async (sent, write) => {
          const conversation = new Conversation();
          // A uuid of its own for each: what is left out is another rule's.
          const batch = sent.map((entry, i) => ({ ...entry, uuid: `${i}` }));
          const body = write({ entries: batch });
          const response = await send('POST', `${conversation.path}/entries`, { body, headers: JSON_TYPE });
          expect(response.status).toBe(200);
          const read = (await conversation.read()) ?? [];
          expect(read.map(asJson)).toEqual(batch.map(asJson));
          expect(read).toEqual(JSON.parse(body).entries);
        },
      ),
      { numRuns: 20 },
    );
  });

  it.each([
    '{"n":-0}',
    '{"n":1e400}',
    '{"n":12345678901234567890}',
    '{"n":0.1000000000000000055511151231257827}',
    '{"n":1.0E+2}',
    '{"a":1,"a":2}',
    '{"__proto__":{"uuid":"x"}}',
    '{"s":"\\ud800"}',
    '{"s":"\\/\\u0000\\""}',
    '{}',
  ])('%s, to the last digit', async (text) => {
    const conversation = new Conversation();
    const body = `{"entries":[${text}]}`;
    await send('POST', `${conversation.path}/entries`, { body, headers: JSON_TYPE });
    const response = await conversation.get();
    expect(new TextDecoder().decode(await response.arrayBuffer())).toBe(`${text}\n`);
  });

  it('however deep they are', async () => {
    const conversation = new Conversation();
    const deep = `{"a":${'['.repeat(100_000)}${']'.repeat(100_000)}}`;
    const body = `{"entries":[${deep}]}`;
    const response = await send('POST', `${conversation.path}/entries`, { body, headers: JSON_TYPE });
    expect(response.status).toBe(200);
    const read = await (await conversation.get()).arrayBuffer();
    expect(new TextDecoder().decode(read)).toBe(`${deep}\n`);
  });

  it('one a line, though they were sent on several', async () => {
    const conversation = new Conversation();
    const sent = [{ text: 'a\nb\r\nc' }, { list: [1, { two: [] }] }];
    const body = JSON.stringify({ entries: sent }, null, '\r\n  ');
    await send('POST', `${conversation.path}/entries`, { body, headers: JSON_TYPE });
    const response = await conversation.get();
    expect(await linesOf(response)).toEqual(sent);
  });

  it('of 10 MB', async () => {
    const conversation = new Conversation();
    // Random, so that a part in the wrong place would show.
    const bytes = crypto.getRandomValues(new Uint8Array(60_000));
    const block = btoa(String.fromCharCode(...bytes));
    const sent = [{ before: 1 }, { data: block.repeat(10_000_000 / block.length), end: 'ü🎉' }, { after: 2 }];
    expect(await conversation.append(sent)).toMatchObject({ appended: 3, total: 3 });
    const read = await conversation.read();
    expect(read?.length).toBe(3);
    expect(read?.map(asJson).join() === sent.map(asJson).join()).toBe(true);
    const rest = await conversation.get({ after: 1 });
    expect((await linesOf(rest)).map(({ end, after }) => end ?? after)).toEqual(['ü🎉', 2]);
  });
});

describe('sliceEntries', () => {
  const sliced = (text: string): unknown[] => {
    const bytes = new TextEncoder().encode(text);
    const decode = (slice: readonly [number, number]): unknown =>
      JSON.parse(new TextDecoder().decode(bytes.subarray(...slice)));
    return sliceEntries(bytes).map(decode);
  };

  it('finds what JSON.parse finds', () => {
    const list = fc.array(fc.oneof(anyEntry, anyValue));
    const body = fc.record({ before: anyValue, entries: list, summary: anyValue });
    fc.assert(
      fc.property(body, fc.constantFrom(...styles), (value, write) => {
        const text = write(value);
        expect(sliced(text).map(asJson)).toEqual((JSON.parse(text) as typeof value).entries.map(asJson));
      }),
      { numRuns: 100 },
    );
  });

  it.each([
    '{"entries":[]}',
    ' { "entries" : [ { } , { } ] , "summary" : 1 } ',
    '{"entries":[{"a":1}],"entries":[{"b":2}]}',
    '{"entries":5,"entries":[{"a":2}]}',
    '{"entries":null,"entries":[{"a":2}]}',
    '{"entries":{"a":[1]},"entries":[]}',
    '{"entries":"[{}]","entries":[{"a":2},{}]}',
    '{"entr\\u0069es":[{"a":1}]}',
    '{"a\\"entries\\"":[{"x":1}],"entries":[{"a":"]}\\\\"},{"b":"\\\\\\"]"}]}',
    '{"summary":{"entries":[{"inner":true}]},"entries":[{"outer":true}]}',
    '\u{feff}{"entries":[{"a":1}]}',
  ])('in %s', (text) => {
    const { entries } = JSON.parse(text.replace('\u{feff}', '')) as { entries: unknown[] };
    expect(sliced(text)).toEqual(entries);
  });
});
