import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { JsonObject, JsonValue } from '../../src/contract/session.ts';
import { mergePatch } from '../../src/session/merge-patch.ts';
import { mergePatchByTheBook } from '../support/session-model.ts';

// RFC 7396, appendix A: those of its examples in which target and patch are objects, as metadata is.
const EXAMPLES: readonly (readonly [target: JsonObject, patch: JsonObject, result: JsonObject])[] = [
  [{ a: 'b' }, { a: 'c' }, { a: 'c' }],
  [{ a: 'b' }, { b: 'c' }, { a: 'b', b: 'c' }],
  [{ a: 'b' }, { a: null }, {}],
  [{ a: 'b', b: 'c' }, { a: null }, { b: 'c' }],
  [{ a: ['b'] }, { a: 'c' }, { a: 'c' }],
  [{ a: 'c' }, { a: ['b'] }, { a: ['b'] }],
  [{ a: { b: 'c' } }, { a: { b: 'd', c: null } }, { a: { b: 'd' } }],
  [{ a: [{ b: 'c' }] }, { a: [1] }, { a: [1] }],
  [{ e: null }, { a: 1 }, { e: null, a: 1 }],
  [{}, { a: { bb: { ccc: null } } }, { a: { bb: {} } }],
];

/** As a request's body is read: the only way in which an object gets an own `__proto__`. */
const parsed = (text: string) => JSON.parse(text) as JsonObject;

describe('merge patch', () => {
  it.each(EXAMPLES)('%j patched with %j gives %j', (target, patch, result) => {
    expect(mergePatch(target, patch)).toEqual(result);
  });

  it('applies the example of RFC 7396, section 3', () => {
    const target = {
      title: 'Goodbye!',
      author: { givenName: 'John', familyName: 'Doe' },
      tags: ['example', 'sample'],
      content: 'This will be unchanged',
    };
    const patch = {
      title: 'Hello!',
      phoneNumber: '+01-123-456-7890',
      author: { familyName: null },
      tags: ['example'],
    };
    expect(mergePatch(target, patch)).toEqual({
      title: 'Hello!',
      author: { givenName: 'John' },
      tags: ['example'],
      content: 'This will be unchanged',
      phoneNumber: '+01-123-456-7890',
    });
  });

  it('keeps nulls inside arrays: only members of objects are removed', () => {
    expect(mergePatch({}, { a: [null, { b: null }] })).toEqual({ a: [null, { b: null }] });
  });

  it('takes an own __proto__ for a key like any other', () => {
    const target = parsed('{ "__proto__": { "a": 1, "b": 2 }, "c": 3 }');
    const patch = parsed('{ "__proto__": { "a": null, "d": 4 }, "e": { "__proto__": 5 } }');
    const result = mergePatch(target, patch);
    expect(JSON.stringify(result)).toBe('{"__proto__":{"b":2,"d":4},"c":3,"e":{"__proto__":5}}');
    expect(Object.getPrototypeOf(result)).toBe(Object.prototype);
    expect(JSON.stringify(mergePatch(target, parsed('{ "__proto__": null }')))).toBe('{"c":3}');
  });

  it('does not take what every object inherits for a member', () => {
    expect(mergePatch({}, { toString: null, constructor: { a: 1 } })).toEqual({ constructor: { a: 1 } });
    expect(mergePatch({ toString: 'x', valueOf: 'y' }, { a: 1 })).toEqual({
      toString: 'x',
      valueOf: 'y',
      a: 1,
    });
  });

  it('agrees with the pseudocode of RFC 7396, and changes neither target nor patch', () => {
    const json = fc.letrec<{ value: JsonValue; object: JsonObject }>((tie) => ({
      value: fc.oneof(
        { maxDepth: 3 },
        fc.constantFrom<JsonValue>('x', 1, true, null),
        fc.array(tie('value'), { maxLength: 2 }),
        tie('object'),
      ),
      object: fc.dictionary(fc.constantFrom('a', 'b', 'c', 'd'), tie('value')),
    })).object;
    fc.assert(
      fc.property(json, json, (target, patch) => {
        const before = JSON.stringify([target, patch]);
        expect(mergePatch(target, patch)).toEqual(mergePatchByTheBook(target, patch));
        expect(JSON.stringify([target, patch])).toBe(before);
      }),
    );
  });
});
