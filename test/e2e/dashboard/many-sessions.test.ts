/**
 * The page under load. `BERTH_LONG=1` has ten thousand sessions change for a minute; the short form is for
 * every day.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { CDPSession, Page } from 'playwright-core';
import { beforeAll, expect, test } from 'vitest';
import { expectConnection, useBrowser } from './browser.ts';
import { serve } from './server.ts';

const LONG = process.env['BERTH_LONG'] === '1';
const SESSIONS = LONG ? 10_000 : 1_500;
/** Two of them are compared. */
const WINDOW_MS = LONG ? 20_000 : 5_000;
const WARM_UP_MS = LONG ? 20_000 : 3_000;
const SAMPLES = 4;
const CHANGES_A_SECOND = 50;
const CREATORS = 24;
/** Updates come from the server this often. */
const UPDATE_MS = 1_000;

const open = useBrowser();
const server = await serve({ MAX_SESSIONS: SESSIONS + 10, SESSION_TIMEOUT_MS: 86_400_000 });
let ids: readonly string[];

beforeAll(
  async () => {
    const made: string[] = [];
    const create = async (): Promise<void> => {
      while (made.length < SESSIONS) {
        // Counted before it is there, so that there are no more than that.
        const place = made.push('') - 1;
        const { sessionId } = await server.client.sessions.create({
          model: `claude-${place % 5}`,
          metadata: { team: 'search', change: 0 },
        });
        made[place] = sessionId;
      }
    };
    await Promise.all(Array.from({ length: CREATORS }, create));
    ids = made;
  },
  LONG ? 600_000 : 120_000,
);

/** Changes sessions, one after the other, until told to stop; tells how many it were. */
function keepChanging(): () => Promise<number> {
  let count = 0;
  const over = new AbortController();
  const pending = new Set<Promise<unknown>>();
  const running = (async () => {
    const startedAt = performance.now();
    while (!over.signal.aborted) {
      const due = ((performance.now() - startedAt) / 1_000) * CHANGES_A_SECOND;
      for (; count < due && pending.size < CHANGES_A_SECOND; count += 1) {
        const id = ids[(count * 7_919) % ids.length] ?? '';
        const change = server.client.sessions.update(id, { metadata: { change: count } });
        pending.add(change);
        void change.finally(() => pending.delete(change));
      }
      await sleep(20);
    }
    await Promise.all(pending);
  })();
  return async () => {
    over.abort();
    await running;
    return count;
  };
}

async function measure(cdp: CDPSession): Promise<{ heap: number; nodes: number }> {
  await cdp.send('HeapProfiler.collectGarbage');
  const { metrics } = await cdp.send('Performance.getMetrics');
  const value = (wanted: string) => metrics.find(({ name }) => name === wanted)?.value ?? Number.NaN;
  return { heap: value('JSHeapUsedSize'), nodes: value('Nodes') };
}

async function measureWindow(cdp: CDPSession): Promise<{ heap: number; nodes: number[] }> {
  const found: { heap: number; nodes: number }[] = [];
  for (let sample = 0; sample < SAMPLES; sample += 1) {
    await sleep(WINDOW_MS / SAMPLES);
    found.push(await measure(cdp));
  }
  return {
    heap: found.reduce((sum, { heap }) => sum + heap, 0) / SAMPLES,
    nodes: found.map(({ nodes }) => nodes),
  };
}

/** How many rows the page keeps, with those that something holds as they once were. */
async function rowsKept(cdp: CDPSession): Promise<number> {
  const { result: prototype } = await cdp.send('Runtime.evaluate', { expression: 'Object.prototype' });
  // It collects garbage before.
  const { objects } = await cdp.send('Runtime.queryObjects', {
    prototypeObjectId: prototype.objectId ?? '',
  });
  const { result } = await cdp.send('Runtime.callFunctionOn', {
    objectId: objects.objectId ?? '',
    functionDeclaration: `function () {
      return this.filter((it) => Object.hasOwn(it, 'session') && Object.hasOwn(it, 'leavesAt')).length;
    }`,
    returnByValue: true,
  });
  return Number(result.value);
}

/** Types a text, and tells for each letter how long it took to be seen, milliseconds. */
async function typingTimes(page: Page, text: string): Promise<number[]> {
  await page.evaluate(() => {
    const times: number[] = [];
    Object.assign(globalThis, { times });
    document.querySelector('input[type="search"]')?.addEventListener('input', ({ timeStamp }) => {
      // The frame that shows it is drawn when the task after it begins.
      requestAnimationFrame(() => setTimeout(() => times.push(performance.now() - timeStamp)));
    });
  });
  const input = page.getByRole('searchbox');
  await input.focus();
  await page.keyboard.type(text, { delay: 120 });
  expect(await input.inputValue()).toBe(text);
  await expect
    .poll(() => page.evaluate(() => (globalThis as unknown as { times: number[] }).times.length))
    .toBe(text.length);
  return page.evaluate(() => (globalThis as unknown as { times: number[] }).times);
}

test(`${SESSIONS} sessions, ${CHANGES_A_SECOND} changes a second: memory and nodes stay, typing is not held up`, async () => {
  const { page, complaints } = await open(server.url);
  const cdp = await page.context().newCDPSession(page);
  await cdp.send('Performance.enable');
  await expectConnection(page, 'live');
  // An order of the page's own takes the whole list.
  await page.getByRole('button', { name: 'Expires' }).click();
  await expect
    .poll(() => page.locator('.count').textContent(), { timeout: 120_000 })
    .toBe(new Intl.NumberFormat('en-US').format(SESSIONS));
  expect(await page.getByRole('row').count()).toBeLessThan(60);

  const stop = keepChanging();
  await sleep(WARM_UP_MS);
  const before = await measureWindow(cdp);
  const startedAt = performance.now();
  const after = await measureWindow(cdp);
  const times = await typingTimes(page, 'claude-');
  const changes = await stop();
  const kept = await rowsKept(cdp);

  const rate = (changes * 1_000) / (performance.now() - startedAt + WINDOW_MS + WARM_UP_MS);
  const sorted = times.toSorted((a, b) => a - b);
  process.stderr.write(
    `heap ${(after.heap / before.heap).toFixed(3)} of the window before (${(after.heap / 1e6).toFixed(1)} MB), ` +
      `nodes ${before.nodes.join(' ')} | ${after.nodes.join(' ')}, ` +
      `typing ${sorted.map((time) => time.toFixed(0)).join(' ')} ms, ${rate.toFixed(0)} changes/s, ${kept} rows kept\n`,
  );
  expect(kept).toBeGreaterThanOrEqual(SESSIONS);
  expect(kept).toBeLessThan(SESSIONS + 100);
  expect(rate).toBeGreaterThan(CHANGES_A_SECOND * 0.7);
  expect(after.heap / before.heap).toBeLessThan(1.1);
  expect(after.heap / before.heap).toBeGreaterThan(0.9);
  expect(Math.max(...after.nodes)).toBeLessThanOrEqual(Math.max(...before.nodes) * 1.02);
  expect(sorted.at(-1)).toBeLessThan(UPDATE_MS);
  expect(sorted[Math.floor(sorted.length / 2)]).toBeLessThan(200);
  expect(complaints).toEqual([]);
}, 300_000);

test('scrolling through all of them shows each row in its place', async () => {
  const { page } = await open(server.url);
  await expectConnection(page, 'live');
  await page.getByRole('button', { name: 'Session' }).click();
  const grid = page.getByRole('grid');
  await expect.poll(() => grid.getAttribute('aria-rowcount'), { timeout: 60_000 }).toBe(String(SESSIONS + 1));
  const oldestFirst = ids.toSorted();
  await grid.focus();
  await page.keyboard.press('End');
  await page.locator(`[id="row-${oldestFirst.at(-1)}"]`).waitFor();
  await page.keyboard.press('Home');
  const first = page.locator(`[id="row-${oldestFirst[0]}"]`);
  await first.waitFor();
  expect(await first.getAttribute('aria-rowindex')).toBe('2');
});
