import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Session } from '../../../src/contract/session.ts';
import type { AppendResult, SubpathList, TranscriptPage } from '../../../src/contract/transcript.ts';
import { projectObjectName, tenantOf, transcriptObjectName } from '../../../src/protocol/names.ts';
import { callerOf, Service, type Caller } from '../../support/tokens.ts';

const service = new Service();

/** Names that one could take for another: by a slash, an escape, a dot, a letter that looks the same. */
const NAMES = [
  'a',
  'A',
  'a/b',
  'a%2Fb',
  'a%252Fb',
  'a\\b',
  'b',
  'b/c',
  '/a',
  'a/',
  '...',
  './a',
  '../a',
  '%2e%2e',
  'а', // Cyrillic
  'é', // NFC
  'e\u0301', // NFD
  'ａ', // full width
  'a\u200b', // with a zero-width space
  'a b',
  'a+b',
  '1:a',
  '1:a1:b',
  'a\u0000',
  '__proto__',
];

/** Each of these, cut in two anywhere, is the same text again when it is put together without care. */
const TOGETHER = ['a/b/c', 'a:b', '1:a1:b'];

/** A text cut in two at each place: with the character that stands there, and without. */
const cuts = (text: string): readonly (readonly [project: string, session: string])[] =>
  [0, 1].flatMap((gap) =>
    Array.from(
      { length: text.length - 1 - gap },
      (_, i) => [text.slice(0, i + 1), text.slice(i + 1 + gap)] as const,
    ),
  );

const SUBPATHS = ['', 'b', 'a/b', 'subagents/a'] as const;

interface Place {
  readonly tenant: string;
  readonly caller: Caller;
  readonly project: string;
  readonly session: string;
}

const projectPath = (project: string) => `/v1/projects/${encodeURIComponent(project)}/transcripts`;
const transcriptPath = ({ project, session }: Place) =>
  `${projectPath(project)}/${encodeURIComponent(session)}`;
const entriesPath = (place: Place, subpath = '') =>
  `${transcriptPath(place)}/entries${subpath === '' ? '' : `?subpath=${encodeURIComponent(subpath)}`}`;

const marked = ({ tenant, project, session }: Place, subpath = '') => ({
  uuid: 'the-same-everywhere',
  mark: JSON.stringify([tenant, project, session, subpath]),
});

async function append(place: Place, subpath = ''): Promise<AppendResult> {
  return place.caller.json<AppendResult>('POST', entriesPath(place, subpath), {
    body: { entries: [marked(place, subpath)] },
    headers: { 'Idempotency-Key': 'the-same-everywhere' },
  });
}

async function entriesIn(place: Place, subpath = ''): Promise<unknown[]> {
  const response = await place.caller.call('GET', entriesPath(place, subpath));
  if (response.status === 404) return [];
  const text = new TextDecoder().decode(await response.arrayBuffer());
  return text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as unknown);
}

const sessionsOf = async (caller: Caller, project: string) =>
  (await caller.json<TranscriptPage>('GET', projectPath(project))).data.map(({ sessionId }) => sessionId);

describe('names that could be taken for each other are not,', () => {
  test('in two tenants with the same ones: each transcript has its own entry alone', async () => {
    const callers = await Promise.all(['red', 'red-2'].map((tenant) => callerOf(service, tenant)));
    const pairs = [...NAMES.map((name) => ['a', name] as const), ...TOGETHER.flatMap(cuts)];
    const places = callers.flatMap((caller, i) =>
      pairs.map(([project, session]): Place => ({ tenant: `${i}`, caller, project, session })),
    );
    const unique = places.filter(
      (place, i) =>
        places.findIndex((it) => JSON.stringify(marked(it)) === JSON.stringify(marked(place))) === i,
    );
    for (const answer of await Promise.all(unique.map((place) => append(place))))
      expect(answer).toMatchObject({ appended: 1, total: 1 });
    const read = await Promise.all(unique.map((place) => entriesIn(place)));
    expect(read).toEqual(unique.map((place) => [marked(place)]));
    for (const caller of callers) {
      for (const project of new Set(pairs.map(([name]) => name))) {
        const sessions = pairs.filter(([name]) => name === project).map(([, session]) => session);
        expect((await sessionsOf(caller, project)).toSorted()).toEqual([...new Set(sessions)].toSorted());
      }
    }
  }, 30_000);

  test('and neither are subpaths and transcripts', async () => {
    const caller = await callerOf(service, 'subpaths');
    const places = ['a', 'a/b', 'a/b/b'].map((session) => ({ tenant: '', caller, project: 'p', session }));
    for (const place of places)
      for (const subpath of SUBPATHS) expect(await append(place, subpath)).toMatchObject({ total: 1 });
    for (const place of places)
      for (const subpath of SUBPATHS)
        expect(await entriesIn(place, subpath)).toEqual([marked(place, subpath)]);
  });

  test('whatever they hold: other parts are another object, of the same tenant', async () => {
    const tenant = fc.stringMatching(/^[a-z0-9][a-z0-9-]{0,9}$/);
    const part = fc.oneof(
      fc.constantFrom(...NAMES),
      fc.string({ unit: 'binary', maxLength: 8 }),
      fc.string({ unit: fc.constantFrom('a', '/', ':', '1', '%', '.'), maxLength: 6 }),
    );
    const triple = fc.oneof(
      fc.tuple(tenant, part, part),
      fc
        .tuple(fc.constantFrom('a', 'b'), fc.constantFrom(...TOGETHER.flatMap(cuts)))
        .map(([name, [project, session]]): [string, string, string] => [name, project, session]),
    );
    await fc.assert(
      fc.asyncProperty(triple, triple, async (one, other) => {
        const same = JSON.stringify(one) === JSON.stringify(other);
        expect((await transcriptObjectName(...one)) === (await transcriptObjectName(...other))).toBe(same);
        expect(tenantOf(await transcriptObjectName(...one))).toBe(one[0]);
        const project = await projectObjectName(one[0], one[1]);
        expect(tenantOf(project)).toBe(one[0]);
        expect(project === (await projectObjectName(other[0], other[1]))).toBe(
          one[0] === other[0] && one[1] === other[1],
        );
      }),
      { numRuns: 1_000 },
    );
  }, 30_000);
});

describe('what one tenant does to a transcript', () => {
  const twoPlaces = async (name: string): Promise<[Place, Place]> => {
    const [red, blue] = [await callerOf(service, `${name}-red`), await callerOf(service, `${name}-blue`)];
    const names = { project: 'p', session: 's' };
    return [
      { tenant: 'red', caller: red, ...names },
      { tenant: 'blue', caller: blue, ...names },
    ];
  };

  test('the other one’s of the same name does not know', async () => {
    const [red, blue] = await twoPlaces('same');
    await append(red);
    await append(red, 'subagents/a');
    expect(await entriesIn(blue)).toEqual([]);
    expect(await sessionsOf(blue.caller, 'p')).toEqual([]);
    expect(await blue.caller.json<SubpathList>('GET', `${transcriptPath(blue)}/subpaths`)).toEqual({
      data: [],
    });
    await append(blue);
    for (const path of [transcriptPath(blue), entriesPath(blue, 'subagents/a')])
      expect((await blue.caller.call('DELETE', path)).status).toBe(204);
    expect(await entriesIn(red)).toEqual([marked(red)]);
    expect(await entriesIn(red, 'subagents/a')).toEqual([marked(red, 'subagents/a')]);
    expect(await sessionsOf(red.caller, 'p')).toEqual(['s']);
    expect(await sessionsOf(blue.caller, 'p')).toEqual([]);
  });

  test('a summary’s version is each one’s own', async () => {
    const [red, blue] = await twoPlaces('summary');
    for (const { caller, tenant } of [red, blue])
      await caller.json('POST', entriesPath(red), {
        body: { entries: [{ a: 1 }], summary: { data: { tenant }, ifVersion: 0 } },
      });
    const { data } = await blue.caller.json<TranscriptPage>('GET', projectPath('p'));
    expect(data[0]?.summary).toEqual({ data: { tenant: 'blue' }, version: 1 });
  });

  test('is no activity of another’s session, nor linked to it', async () => {
    const [red, blue] = await twoPlaces('touch');
    const session = await red.caller.json<Session>('POST', '/v1/sessions');
    const answer = await blue.caller.json<AppendResult>(
      'POST',
      `${entriesPath(blue)}?touch=${session.sessionId}`,
      { body: { entries: [{ a: 1 }] } },
    );
    expect(answer).toMatchObject({ appended: 1, touched: false });
    expect(await red.caller.json('GET', `/v1/sessions/${session.sessionId}`)).toEqual(session);
  });
});

test.each(['.', '..', '%2e', '%2E%2e', '.%2e'])('%s is no name, however it is written', async (name) => {
  const caller = await callerOf(service, 'dots');
  const responses = [
    await caller.call('GET', `/v1/projects/${name}/transcripts`),
    await caller.call('POST', `/v1/projects/p/transcripts/${name}/entries`, {
      body: { entries: [{ a: 1 }] },
    }),
  ];
  // URLs take them out before anything can be asked, and what is left is no address.
  for (const { status } of responses) expect([400, 404, 405]).toContain(status);
});
