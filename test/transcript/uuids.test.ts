import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { JsonObject } from '../../src/contract/session.ts';
import { Conversation } from '../support/transcripts.ts';

/** What a list of batches comes to: each uuid once, in order. */
function deduplicated(batches: readonly (readonly JsonObject[])[]): JsonObject[] {
  const known = new Set<string>();
  return batches.flat().filter(({ uuid }) => {
    if (typeof uuid !== 'string') return true;
    return known.has(uuid) ? false : known.add(uuid);
  });
}

describe('an entry whose uuid is known is left out', () => {
  it('within a batch, the first one staying', async () => {
    const conversation = new Conversation();
    const batch = [
      { uuid: 'a', n: 1 },
      { uuid: 'b', n: 2 },
      { uuid: 'a', n: 3 },
    ];
    expect(await conversation.append(batch)).toMatchObject({ appended: 2, total: 2 });
    expect(await conversation.read()).toEqual(batch.slice(0, 2));
  });

  it('over batches, so that a batch can be sent again', async () => {
    const conversation = new Conversation();
    const batch = [{ uuid: 'a' }, { uuid: 'b' }];
    await conversation.append(batch);
    expect(await conversation.append(batch)).toMatchObject({ appended: 0, total: 2 });
    expect(await conversation.append([...batch, { uuid: 'c' }])).toMatchObject({ appended: 1, total: 3 });
  });

  it('but only where it is known: in this session, in this subpath', async () => {
    const conversation = new Conversation();
    const batch = [{ uuid: 'a' }];
    await conversation.append(batch);
    for (const subpath of ['x', 'y', 'x/y'])
      expect(await conversation.append(batch, { subpath })).toMatchObject({ appended: 1, total: 1 });
    const other = new Conversation('other', conversation.project);
    expect(await other.append(batch)).toMatchObject({ appended: 1 });
    expect(await conversation.append(batch, { subpath: 'x' })).toMatchObject({ appended: 0 });
  });

  it('until it was deleted', async () => {
    const conversation = new Conversation();
    const batch = [{ uuid: 'a' }];
    await conversation.append(batch);
    await conversation.append(batch, { subpath: 'x' });
    await conversation.delete('x');
    expect(await conversation.append(batch, { subpath: 'x' })).toMatchObject({ appended: 1, total: 1 });
    await conversation.delete();
    expect(await conversation.append(batch)).toMatchObject({ appended: 1, total: 1 });
  });

  it.each([
    ['without one', {}],
    ['with null', { uuid: null }],
    ['with a number', { uuid: 1 }],
    ['with true', { uuid: true }],
    ['with an object', { uuid: { a: 1 } }],
    ['with a list', { uuid: ['a'] }],
  ])('an entry %s never is', async (_, entry) => {
    const conversation = new Conversation();
    expect(await conversation.append([entry, entry])).toMatchObject({ appended: 2, total: 2 });
    expect(await conversation.append([entry])).toMatchObject({ appended: 1, total: 3 });
  });

  it('and by nothing that merely looks like it', async () => {
    const alike = ['a', 'A', 'a ', 'a\u0000', 'a\u0000b', '', '"a"', '1', '\u00e9', 'e\u0301'];
    const surrogates = ['\ud800', '\ud801', '\ufffd', String.raw`\ud800`, String.raw`"\ud800"`];
    const long = ['x'.repeat(127), 'x'.repeat(128), 'y'.repeat(3_000_000), `${'y'.repeat(3_000_000)}z`];
    const batch = [...alike, ...surrogates, ...long].map((uuid) => ({ uuid }));
    const conversation = new Conversation();
    expect(await conversation.append(batch)).toMatchObject({ appended: batch.length });
    expect(await conversation.append(batch)).toMatchObject({ appended: 0, total: batch.length });
  });

  it('in any mix of batches, streams and repeats', async () => {
    const entry = fc.oneof(
      fc.constantFrom('a', 'b', 'c', 'd').map((uuid) => ({ uuid })),
      fc.constantFrom(null, 1, {}).map((uuid) => ({ uuid })),
    );
    const append = fc.record({ subpath: fc.constantFrom('', 'x'), batch: fc.array(entry, { maxLength: 5 }) });
    await fc.assert(
      fc.asyncProperty(fc.array(append, { maxLength: 6 }), async (appends) => {
        const conversation = new Conversation();
        for (const { subpath, batch } of appends)
          await conversation.append(batch, subpath === '' ? {} : { subpath });
        for (const stream of ['', 'x']) {
          const sent = appends.filter(({ subpath }) => subpath === stream).map(({ batch }) => batch);
          const expected = deduplicated(sent);
          const read = await conversation.read(stream === '' ? undefined : stream);
          expect(read).toEqual(expected.length === 0 ? null : expected);
        }
      }),
      { numRuns: 30 },
    );
  });
});
