/**
 * Values that a JSON schema describes, and values that it almost does.
 *
 * @module
 */
import * as fc from 'fast-check';

export type JsonSchema = Readonly<Record<string, unknown>>;

/** Texts that have broken something somewhere. */
const AWKWARD = [
  '',
  ' ',
  '\u0000',
  '\ud800',
  '\u202e',
  '\r\n',
  '"',
  '\\',
  '%',
  '%00',
  '%ff',
  '../..',
  "' OR 1=1 --",
  '__proto__',
  'constructor',
  'null',
  '-0',
  '1e400',
  'NaN',
  '٣',
  'x'.repeat(300),
];

/** A text that may break something. */
export const awkwardText = fc.oneof(
  fc.constantFrom(...AWKWARD),
  fc.string({ maxLength: 20 }),
  fc.string({ unit: 'binary', maxLength: 20 }),
);

const awkwardNumber = fc.oneof(
  fc.constantFrom(0, -0, -1, 0.5, 1e21, -1e308, Number.MAX_SAFE_INTEGER + 1, 2 ** 31, 2 ** 63),
  fc.integer(),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
);

/** Anything that JSON can say. */
export const anyJson = fc.letrec<{ any: unknown }>((tie) => ({
  any: fc.oneof(
    { maxDepth: 4, depthSize: 'small' },
    fc.constantFrom(null, true, false),
    awkwardNumber,
    awkwardText,
    fc.array(tie('any'), { maxLength: 4 }),
    fc.dictionary(awkwardText, tie('any'), { maxKeys: 4 }),
  ),
})).any;

function objectOf(schema: JsonSchema): fc.Arbitrary<unknown> {
  const properties = (schema['properties'] ?? {}) as Record<string, JsonSchema>;
  const required = (schema['required'] ?? []) as readonly string[];
  if (Object.keys(properties).length === 0)
    return fc.dictionary(fc.string({ minLength: 1, maxLength: 8 }), anyJson, { maxKeys: 5 });
  const fields = Object.entries(properties).map(([name, inner]) => [name, valueOf(inner)] as const);
  return fc.record(Object.fromEntries(fields), {
    requiredKeys: required.filter((name) => Object.hasOwn(properties, name)),
  });
}

function textOf(schema: JsonSchema): fc.Arbitrary<string> {
  if (typeof schema['pattern'] === 'string') return fc.stringMatching(new RegExp(schema['pattern']));
  const minLength = (schema['minLength'] as number | undefined) ?? 0;
  const maxLength = Math.min((schema['maxLength'] as number | undefined) ?? 20, minLength + 20);
  return fc.string({ minLength, maxLength });
}

/** What a schema describes. */
export function valueOf(schema: JsonSchema): fc.Arbitrary<unknown> {
  const anyOf = schema['anyOf'] as readonly JsonSchema[] | undefined;
  if (anyOf !== undefined) return fc.oneof(...anyOf.map(valueOf));
  if (Array.isArray(schema['enum'])) return fc.constantFrom(...(schema['enum'] as unknown[]));
  if ('const' in schema) return fc.constant(schema['const']);
  const [min, max] = [schema['minimum'] as number | undefined, schema['maximum'] as number | undefined];
  switch (schema['type']) {
    case 'object':
      return objectOf(schema);
    case 'array':
      return fc.array(valueOf((schema['items'] ?? {}) as JsonSchema), { maxLength: 5 });
    case 'integer':
    case 'number': {
      const [from, to] = [min ?? 0, max ?? 1_000_000];
      return fc.oneof(fc.constantFrom(from, to), fc.integer({ min: from, max: to }));
    }
    case 'string':
      return textOf(schema);
    case 'boolean':
      return fc.boolean();
    case 'null':
      return fc.constant(null);
    default:
      return anyJson;
  }
}

/** A value of a schema with something about it changed, or of another altogether. */
export function almost(schema: JsonSchema): fc.Arbitrary<unknown> {
  const changed = fc
    .tuple(valueOf(schema), fc.oneof(awkwardText, fc.constant('')), anyJson)
    .map(([value, name, other]) =>
      typeof value === 'object' && value !== null && !Array.isArray(value)
        ? Object.assign(value, { [name || (Object.keys(value)[0] ?? 'x')]: other })
        : other,
    );
  return fc.oneof(changed, anyJson);
}
