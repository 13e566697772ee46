import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { TranscriptPage } from '../../src/contract/transcript.ts';
import { call, callJson, create } from '../support/api.ts';
import { failCalls, resetCalls } from '../support/calls.ts';
import { expectInvalid, expectProblem } from '../support/problems.ts';
import { advance, stopClock } from '../support/tenant.ts';
import { Conversation, entries, NOTHING, pathOf } from '../support/transcripts.ts';

beforeEach(() => {
  stopClock();
  resetCalls();
});
afterEach(() => vi.useRealTimers());

/** All pages of a project's list. */
async function listAll(project: string, limit: number): Promise<string[][]> {
  const pages: string[][] = [];
  for (let cursor: string | null = ''; cursor !== null;) {
    const from: string = cursor === '' ? '' : `&cursor=${encodeURIComponent(cursor)}`;
    const page: TranscriptPage = await callJson('GET', `${pathOf(project)}?limit=${limit}${from}`);
    pages.push(page.data.map(({ sessionId }) => sessionId));
    cursor = page.nextCursor;
  }
  return pages;
}

describe("a project's list", () => {
  it('is empty for a project that nobody wrote to, and stores nothing', async () => {
    const conversation = new Conversation();
    const list = await callJson('GET', pathOf(conversation.project));
    expect(list).toEqual({ data: [], nextCursor: null });
    expect(await conversation.storedByProject()).toEqual(NOTHING);
  });

  it('has the last changed first, page by page, each once', async () => {
    const { project } = new Conversation();
    const names = ['b', 'a', '日本', 'a/b', '__proto__', 'x\u0000y'];
    for (const name of names) {
      await new Conversation(name, project).append(entries(1));
      advance(1);
    }
    await new Conversation('only a subpath', project).append(entries(1), { subpath: 'a' });
    for (const limit of [1, 2, 3, 6, 100]) {
      const pages = await listAll(project, limit);
      expect(pages.flat()).toEqual(names.toReversed());
      expect(pages.every((page) => page.length > 0 && page.length <= limit)).toBe(true);
    }
  });

  it('misses none of those that were changed in the same millisecond', async () => {
    const { project } = new Conversation();
    const names = Array.from({ length: 7 }, (_, n) => `session-${n}`);
    for (const name of names) await new Conversation(name, project).append(entries(1));
    const pages = await listAll(project, 2);
    expect(pages.map(({ length }) => length)).toEqual([2, 2, 2, 1]);
    expect(pages.flat().toSorted()).toEqual(names);
  });

  it('has 50 on a page, where nothing else is said', async () => {
    const { project } = new Conversation();
    const all = Array.from({ length: 51 }, (_, n) => new Conversation(`session-${n}`, project));
    await Promise.all(all.map((conversation) => conversation.append(entries(1))));
    const page = await callJson<TranscriptPage>('GET', pathOf(project));
    expect(page.data).toHaveLength(50);
    expect(page.nextCursor).not.toBeNull();
  });

  it.each(['0', '101', '-1', 'x', '1.5', ''])('refuses limit=%s', async (limit) => {
    await expectInvalid(await call('GET', `${pathOf('p')}?limit=${limit}`), 'limit');
  });

  it.each(['', 'x', '!!!', btoa('{}'), btoa('[1]'), btoa('["1","a"]'), btoa('[-1,"a"]'), btoa('[1,"a",2]')])(
    'refuses the cursor %j',
    async (cursor) => {
      const response = await call('GET', `${pathOf('p')}?cursor=${encodeURIComponent(cursor)}`);
      await expectInvalid(response, 'cursor');
    },
  );

  it('refuses the cursor of a list of sessions', async () => {
    for (let n = 0; n < 2; n += 1) await create();
    const { nextCursor } = await callJson<TranscriptPage>('GET', '/v1/sessions?limit=1');
    expect(nextCursor).not.toBeNull();
    const response = await call('GET', `${pathOf('p')}?cursor=${encodeURIComponent(nextCursor ?? '')}`);
    await expectInvalid(response, 'cursor');
  });

  it('refuses what it does not know', async () => {
    await expectInvalid(await call('GET', `${pathOf('p')}?status=all`), 'status');
    await expectInvalid(await call('GET', `${pathOf('p', 's')}/subpaths?limit=1`), 'limit');
    await expectInvalid(await call('DELETE', `${pathOf('p', 's')}?subpath=a`), 'subpath');
    await expectInvalid(await call('DELETE', `${pathOf('p', 's')}/entries`), 'subpath');
  });

  it('says that it is not there, where its object is not', async () => {
    failCalls('project.list', 'before');
    await expectProblem(await call('GET', pathOf('p')), 'overloaded');
  });
});
