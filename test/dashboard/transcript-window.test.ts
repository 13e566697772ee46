import { describe, expect, it } from 'vitest';
import type { JsonObject } from '../../src/contract/session.ts';
import { PAGE_ENTRIES, TranscriptWindow } from '../../src/dashboard/transcript-window.ts';

/** A transcript of numbered entries, and how many of them were read. */
class Transcript {
  entries: JsonObject[] = [];
  readCount = 0;

  constructor(count: number) {
    this.append(count);
  }

  append(count: number, name = 'entry'): void {
    const before = this.entries.length;
    for (let n = before; n < before + count; n += 1)
      this.entries.push({ type: 'user', message: { content: `${name} ${n}` } });
  }

  open(): TranscriptWindow {
    return new TranscriptWindow((after, limit) => {
      const entries = this.entries.slice(after, after + limit);
      this.readCount += entries.length;
      return Promise.resolve({ total: this.entries.length, entries });
    });
  }
}

/** What is shown: from which entry up to which, of how many. */
function rangeOf({ shown: { from, to, total, turns } }: TranscriptWindow) {
  expect(turns.map(({ key }) => key)).toEqual(Array.from({ length: to - from }, (_, index) => from + index));
  return [from, to, total];
}

const P = PAGE_ENTRIES;

describe('a page of a transcript', () => {
  it('is the last one at first, and no more than that is read', async () => {
    const transcript = new Transcript(10 * P);
    const window = transcript.open();
    await window.follow(true);
    expect(rangeOf(window)).toEqual([9 * P, 10 * P, 10 * P]);
    expect(transcript.readCount).toBe(P);
  });

  it('is turned to the start and back to the end at once, and page by page', async () => {
    const window = new Transcript(3 * P + 10).open();
    await window.newest();
    await window.start();
    expect(rangeOf(window)).toEqual([0, P, 3 * P + 10]);
    await window.later();
    expect(rangeOf(window)).toEqual([P, 2 * P, 3 * P + 10]);
    await window.earlier();
    expect(rangeOf(window)).toEqual([0, P, 3 * P + 10]);
    await window.newest();
    expect(rangeOf(window)).toEqual([2 * P + 10, 3 * P + 10, 3 * P + 10]);
  });

  it('is a full one at either end', async () => {
    const window = new Transcript(P + 10).open();
    await window.newest();
    await window.earlier();
    expect(rangeOf(window)).toEqual([0, P, P + 10]);
    expect(window.shown.isLast).toBe(false);
    await window.later();
    expect(rangeOf(window)).toEqual([10, P + 10, P + 10]);
    expect(window.shown.isLast).toBe(true);
  });
});

describe('what is appended', () => {
  it('is shown where it is followed, and the page stays a page', async () => {
    const transcript = new Transcript(P - 1);
    const window = transcript.open();
    await window.follow(true);
    transcript.append(3);
    await window.follow(true);
    expect(rangeOf(window)).toEqual([2, P + 2, P + 2]);
    transcript.append(5 * P);
    await window.follow(true);
    expect(rangeOf(window)).toEqual([5 * P + 2, 6 * P + 2, 6 * P + 2]);
  });

  it('is only counted where it is not followed, and shown when it is again', async () => {
    const transcript = new Transcript(10);
    const window = transcript.open();
    await window.follow(true);
    const { turns } = window.shown;
    transcript.append(2);
    await window.follow(false);
    expect(window.shown).toEqual({ turns, from: 0, to: 10, total: 12, isLast: true });
    expect(window.shown.turns).toBe(turns);
    await window.follow(true);
    expect(rangeOf(window)).toEqual([0, 12, 12]);
  });

  it('is only counted where another page is looked at, without reading any of it', async () => {
    const transcript = new Transcript(3 * P);
    const window = transcript.open();
    await window.start();
    transcript.append(1);
    transcript.readCount = 0;
    await window.follow(true);
    expect(rangeOf(window)).toEqual([0, P, 3 * P + 1]);
    expect(transcript.readCount).toBe(0);
  });

  it('changes nothing where there is nothing', async () => {
    const transcript = new Transcript(10);
    const window = transcript.open();
    await window.follow(true);
    const { shown } = window;
    await window.follow(true);
    await window.follow(false);
    expect(window.shown).toBe(shown);
  });
});

describe('a transcript that was written anew', () => {
  it.each([true, false])('is shown anew, whatever its length; followed: %s', async (isFollowed) => {
    for (const count of [4, 10, 20]) {
      const transcript = new Transcript(10);
      const window = transcript.open();
      await window.follow(true);
      transcript.entries = [];
      transcript.append(count, 'other');
      await window.follow(isFollowed);
      expect(rangeOf(window)).toEqual([0, count, count]);
      expect(JSON.stringify(window.shown.turns)).not.toContain('entry');
    }
  });

  it('is shown from its end where the page that is looked at is none of it', async () => {
    const transcript = new Transcript(3 * P);
    const window = transcript.open();
    await window.start();
    await window.later();
    transcript.entries.length = 5;
    await window.follow(false);
    expect(rangeOf(window)).toEqual([0, 5, 5]);
  });

  it('is shown from its end where one turns to a page that is gone', async () => {
    const transcript = new Transcript(5 * P);
    const window = transcript.open();
    await window.newest();
    transcript.entries.length = 5;
    await window.earlier();
    expect(rangeOf(window)).toEqual([0, 5, 5]);
  });
});
