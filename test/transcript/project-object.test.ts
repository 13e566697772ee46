import { runDurableObjectAlarm, runInDurableObject } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { remote } from '../../src/protocol/remote.ts';
import type { TranscriptNews } from '../../src/protocol/transcript.ts';
import type { ProjectObject } from '../../src/transcript/project-object.ts';
import { advance, MINUTE, stopClock } from '../support/tenant.ts';

beforeEach(() => stopClock());
afterEach(() => vi.useRealTimers());

let projects = 0;

/** A project, as its transcripts and the Worker see it. */
function project() {
  const name = `default/by-hand-${(projects += 1)}`;
  const stub = env.PROJECTS.getByName(name);
  return { stub, index: remote<ProjectObject>(env.PROJECTS, name) };
}

const news = (generation: number, mtime = 1): TranscriptNews => ({
  session: 's',
  generation,
  mtime,
  summary: null,
});

const listed = { sessionId: 's', mtime: 1 };

describe('what a project is told', () => {
  it('twice is told once', async () => {
    const { index } = project();
    for (let times = 0; times < 2; times += 1) await index.put('p', news(1));
    expect(await index.list(null, 10)).toEqual([listed]);
    for (let times = 0; times < 2; times += 1) await index.remove('s', 2);
    expect(await index.list(null, 10)).toEqual([]);
  });

  it('is dropped where it comes late: news after a removal', async () => {
    const { index } = project();
    await index.put('p', news(1));
    await index.remove('s', 2);
    for (const generation of [1, 2]) await index.put('p', news(generation, 5));
    expect(await index.list(null, 10)).toEqual([]);
  });

  it('is dropped where it comes late: a removal after a new append', async () => {
    const { index } = project();
    await index.put('p', news(1));
    await index.put('p', news(3));
    await index.remove('s', 2);
    expect(await index.list(null, 10)).toEqual([listed]);
  });

  it('holds though nothing was known: a removal that overtook the news', async () => {
    const { index } = project();
    await index.remove('s', 2);
    await index.put('p', news(1));
    expect(await index.list(null, 10)).toEqual([]);
    await index.put('p', news(3));
    expect(await index.list(null, 10)).toEqual([listed]);
  });

  it('comes to the same in any order, with any of it told again', async () => {
    const step = fc.record({
      kind: fc.constantFrom('put', 'remove'),
      generation: fc.integer({ min: 1, max: 6 }),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 10 }), async (told) => {
        const { index } = project();
        // As transcripts do it: they live in odd generations, and are removed in even ones.
        const steps = told.map(({ kind, generation }) => ({
          kind,
          generation: 2 * generation + (kind === 'put' ? 1 : 0),
        }));
        for (const { kind, generation } of steps)
          await (kind === 'put' ? index.put('p', news(generation)) : index.remove('s', generation));
        const last = steps.reduce((a, b) => (b.generation > a.generation ? b : a));
        expect(await index.list(null, 10)).toEqual(last.kind === 'put' ? [listed] : []);
      }),
      { numRuns: 40 },
    );
  });
});

describe('a removal', () => {
  it('is remembered for longer than anything can be late, then forgotten', async () => {
    const { index, stub } = project();
    await index.put('p', news(1));
    await index.remove('s', 2);
    advance(9 * MINUTE);
    expect(await runDurableObjectAlarm(stub)).toBe(true);
    await index.put('p', news(1));
    expect(await index.list(null, 10)).toEqual([]);
    advance(MINUTE);
    expect(await runDurableObjectAlarm(stub)).toBe(true);
    const left = await runInDurableObject(stub, async (_, { storage }) => ({
      keys: [...storage.kv.list()].length,
      tables: storage.sql.exec('SELECT 1 FROM sqlite_master').toArray().length,
      alarm: await storage.getAlarm(),
    }));
    expect(left).toEqual({ keys: 0, tables: 0, alarm: null });
    // The same object goes on.
    await index.put('p', news(9));
    expect(await index.list(null, 10)).toEqual([listed]);
  });

  it('is forgotten without what is listed', async () => {
    const { index, stub } = project();
    await index.put('p', news(1));
    await index.put('p', { ...news(1), session: 'other' });
    await index.remove('other', 2);
    advance(10 * MINUTE);
    expect(await runDurableObjectAlarm(stub)).toBe(true);
    expect(await index.list(null, 10)).toEqual([listed]);
    expect(await runDurableObjectAlarm(stub)).toBe(false);
  });
});
