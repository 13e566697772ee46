import { beforeEach, describe, expect, it } from 'vitest';
import { call } from '../support/api.ts';
import { callsMade, resetCalls } from '../support/calls.ts';
import { expectInvalid, shown } from '../support/problems.ts';
import { Conversation, entry, pathOf } from '../support/transcripts.ts';

beforeEach(resetCalls);

describe('names', () => {
  const odd = [
    'a',
    '...',
    'a/b',
    'a b+c',
    '%',
    '%2F',
    '%FF',
    '100%25',
    'é'.repeat(256),
    'x'.repeat(512),
    '日本語 🎉',
    '__proto__',
    '?a=1&b=2#c',
    'a\\b',
    'a\nb',
    'a\u0000b',
    '\u0000',
    '\u{feff}bom',
    ' ',
    ':session',
    '*',
  ];

  it.each(odd.map((name) => [shown(name), name]))('can be %s, wherever they stand', async (_, name) => {
    const sent = [entry({ name })];
    const conversation = new Conversation(name);
    await conversation.append(sent, { subpath: name });
    await conversation.append(sent);
    expect(await conversation.read(name)).toEqual(sent);
    expect(await conversation.subpaths()).toEqual([name]);
    expect((await conversation.list()).map(({ sessionId }) => sessionId)).toEqual([name]);
    const inProject = new Conversation('conversation', name);
    await inProject.append(sent);
    expect(await inProject.read()).toEqual(sent);
    await conversation.delete(name);
    expect(await conversation.read(name)).toBeNull();
    await conversation.delete();
    expect(await conversation.list()).toEqual([]);
  });

  it.each([
    [
      ['a/b', 'c'],
      ['a', 'b/c'],
    ],
    [
      ['a', '1:b'],
      ['a1', ':b'],
    ],
    [
      ['1', '11'],
      ['11', '1'],
    ],
    [
      ['é', 'é'],
      ['e\u0301', 'é'],
    ],
    [
      ['A', 'b'],
      ['a', 'b'],
    ],
    [
      ['%2F', 'x'],
      ['/', 'x'],
    ],
  ])('%j and %j are two transcripts', async ([project, session], [otherProject, otherSession]) => {
    const [one, other] = [new Conversation(session, project), new Conversation(otherSession, otherProject)];
    const sent = [entry()];
    await one.append(sent);
    expect(await other.read()).toBeNull();
    await other.append(sent);
    await other.delete();
    expect(await one.read()).toEqual(sent);
  });

  const tooLong = ['x'.repeat(513), 'é'.repeat(257), '🎉'.repeat(129)].map(encodeURIComponent);
  it.each([...tooLong, '%FF', '%ZZ', 'a%', '%E2%82', '%C0%80', 'a%FFb%41'])('cannot be %s', async (name) => {
    const body = { entries: [{}] };
    const good = pathOf('good', 'name');
    await expectInvalid(
      await call('POST', `/v1/projects/${name}/transcripts/s/entries`, { body }),
      'project',
    );
    await expectInvalid(await call('GET', `/v1/projects/${name}/transcripts`), 'project');
    await expectInvalid(
      await call('POST', `/v1/projects/p/transcripts/${name}/entries`, { body }),
      'session',
    );
    await expectInvalid(await call('DELETE', `/v1/projects/p/transcripts/${name}`), 'session');
    await expectInvalid(await call('POST', `${good}/entries?subpath=${name}`, { body }), 'subpath');
    await expectInvalid(await call('GET', `${good}/entries?subpath=${name}`), 'subpath');
    await expectInvalid(await call('DELETE', `${good}/entries?subpath=${name}`), 'subpath');
    expect(callsMade()).toEqual([]);
  });

  it.each(['', '.', '..'])('cannot be %j as a subpath', async (subpath) => {
    const path = `${pathOf('good', 'name')}/entries?subpath=${subpath}`;
    await expectInvalid(await call('POST', path, { body: { entries: [{}] } }), 'subpath');
    await expectInvalid(await call('GET', path), 'subpath');
    await expectInvalid(await call('DELETE', path), 'subpath');
    expect(callsMade()).toEqual([]);
  });

  it.each(['.', '..', '%2E', '%2e%2E'])('%s in a path reaches no transcript', async (name) => {
    const response = await call('GET', `/v1/projects/p/transcripts/${name}/entries`);
    expect([404, 405]).toContain(response.status);
    expect(callsMade()).toEqual([]);
  });
});
