import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { Session } from '../../src/contract/session.ts';
import { call, create } from '../support/api.ts';
import { stopClock } from '../support/clock.ts';
import { inventory, limitTo } from '../support/inventory.ts';
import { expectInvalid, shown } from '../support/problems.ts';

const ASTRAL = '😀'; // One character, two UTF-16 units, four bytes.
const UMLAUT = 'ü'; // One character, two bytes.

const keys = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, i) => [`k${i}`, i]));
/** Metadata of exactly so many bytes as JSON: `{"k":"…"}`. */
const metadataOf = (bytes: number) => ({ k: 'x'.repeat(bytes - 8) });
/** Metadata of so many levels. */
const nested = (levels: number): object => (levels === 1 ? {} : { a: nested(levels - 1) });

interface Field {
  readonly good: readonly unknown[];
  readonly bad: readonly unknown[];
}

/** Each field at its bounds, and just beyond them. */
const FIELDS: Record<string, Field> = {
  model: {
    good: ['m', 'x'.repeat(128), ASTRAL.repeat(128), UMLAUT.repeat(128), '\u0000'],
    bad: ['', 'x'.repeat(129), ASTRAL.repeat(129), 1, true, {}, ['m']],
  },
  cwd: {
    good: ['/', '/'.repeat(4096), ASTRAL.repeat(4096), UMLAUT.repeat(4096)],
    bad: ['', '/'.repeat(4097), ASTRAL.repeat(4097), 1, false, {}, []],
  },
  permissionMode: {
    good: ['default', 'acceptEdits', 'bypassPermissions', 'plan', 'dontAsk', 'auto'],
    bad: ['', 'Default', 'yolo', 1, true, {}, ['plan'], 'toString'],
  },
  appendSystemPrompt: {
    good: ['', 'x'.repeat(32_768), UMLAUT.repeat(16_384), ASTRAL.repeat(8_192)],
    bad: ['x'.repeat(32_769), `${UMLAUT.repeat(16_384)}x`, `${ASTRAL.repeat(8_192)}x`, 1, {}, [], true],
  },
  maxTurns: { good: [1, 10_000, 10.0], bad: [0, 10_001, -1, 1.5, '10', true, {}, [1]] },
  metadata: {
    good: [
      {},
      keys(32),
      metadataOf(16_384),
      { k: ASTRAL.repeat((16_384 - 8) / 4) },
      { ['x'.repeat(64)]: 1, [ASTRAL.repeat(64)]: 2 },
      nested(100),
    ],
    bad: [
      keys(33),
      metadataOf(16_385),
      { k: `${ASTRAL.repeat((16_384 - 8) / 4)}x` },
      { '': 1 },
      { ['x'.repeat(65)]: 1 },
      { [ASTRAL.repeat(65)]: 1 },
      nested(101),
      [],
      'text',
      1,
      true,
    ],
  },
  sessionTimeoutMs: {
    good: [1_000, 2_592_000_000],
    bad: [999, 2_592_000_001, 0, -1, 1_000.5, '1000', true, {}, 1e300],
  },
  maxLifetimeMs: {
    good: [null, 1_000, 31_536_000_000],
    bad: [999, 31_536_000_001, 0, -1, 1_000.5, '1000', false, []],
  },
};

const UNKNOWN = [
  'nonsense',
  'sessionId',
  'status',
  'config',
  'Model',
  '__proto__',
  'constructor',
  'toString',
];

/** Cases as vitest shows them: short. */
const table = (pick: (field: Field) => readonly unknown[]) =>
  Object.entries(FIELDS).flatMap(([name, field]) =>
    pick(field).map((value) => ({ name, value, text: shown(value) })),
  );

// Or the shortest timeouts would run out meanwhile.
beforeAll(stopClock);
beforeAll(() => limitTo(100_000));

describe('POST /v1/sessions', () => {
  test.each(table((field) => field.good))('takes $name $text', async ({ name, value }) => {
    const response = await call('POST', '/v1/sessions', { body: { [name]: value } });
    expect(response.status).toBe(201);
    const session = await response.json<Session>();
    expect({ ...session, ...session.config }).toMatchObject({ [name]: value });
  });

  describe('refuses, and stores nothing:', () => {
    let before: Awaited<ReturnType<typeof inventory>>;
    const expectNothingStored = async () => expect(await inventory()).toEqual(before);
    beforeAll(async () => {
      before = await inventory();
    });
    afterEach(expectNothingStored);

    test.each(table((field) => field.bad))('$name $text', async ({ name, value }) => {
      await expectInvalid(await call('POST', '/v1/sessions', { body: { [name]: value } }), name);
    });

    test.each(Object.keys(FIELDS).filter((name) => name !== 'maxLifetimeMs'))('null for %s', async (name) => {
      await expectInvalid(await call('POST', '/v1/sessions', { body: { [name]: null } }), name);
    });

    test.each(UNKNOWN)('the unknown field %s', async (name) => {
      await expectInvalid(await call('POST', '/v1/sessions', { body: `{"${name}":1}` }), name);
    });

    test('several fields at once, naming each', async () => {
      const body = { model: '', maxTurns: 0, nonsense: 1, cwd: '/' };
      await expectInvalid(await call('POST', '/v1/sessions', { body }), 'model', 'maxTurns', 'nonsense');
    });

    test.each(['{"a":1e400}', '{"a":[{"b":-1e999}]}'])(
      'metadata with a number that cannot be given back: %s',
      async (metadata) => {
        const response = await call('POST', '/v1/sessions', { body: `{"metadata":${metadata}}` });
        await expectInvalid(response, 'metadata');
      },
    );
  });
});

describe('PATCH /v1/sessions/:id', () => {
  let session: Session;
  beforeAll(async () => {
    session = await create({ model: 'kept' });
  });

  // The bounds of metadata are those of the merged object, and have a test of their own.
  const bad = table((field) => field.bad).filter(({ name }) => name !== 'metadata');

  test.each(table((field) => field.good))('takes $name $text', async ({ name, value }) => {
    const { sessionId } = await create();
    const response = await call('PATCH', `/v1/sessions/${sessionId}`, { body: { [name]: value } });
    expect(response.status).toBe(200);
    const patched = await response.json<Session>();
    expect({ ...patched, ...patched.config }).toMatchObject({ [name]: value });
  });

  test.each([
    ...bad,
    ...[[], 'text', 1, true, nested(101)].map((value) => ({ name: 'metadata', value, text: shown(value) })),
    ...UNKNOWN.filter((name) => name !== '__proto__').map((name) => ({ name, value: 1, text: 'unknown' })),
  ])('refuses $name $text, and changes nothing', async ({ name, value }) => {
    const path = `/v1/sessions/${session.sessionId}`;
    await expectInvalid(await call('PATCH', path, { body: { [name]: value } }), name);
    expect(await (await call('GET', path)).json()).toEqual(session);
  });
});
