import type { Page } from 'playwright-core';
import { expect, test } from 'vitest';
import type { EntriesRef, JsonObject, JsonValue } from '../../../src/client/index.ts';
import { faultsOf } from './axe.ts';
import { useBrowser } from './browser.ts';
import { serve } from './server.ts';

const open = useBrowser();
const server = await serve();

const said = (role: 'user' | 'assistant', content: JsonValue): JsonObject => ({
  type: role,
  timestamp: '2026-11-22T11:35:00.194Z',
  message: { role, content },
});

/** Entries that say their numbers, each as long as it is made by something that is not shown. */
const numbered = (from: number, count: number, filler = ''): JsonObject[] =>
  Array.from({ length: count }, (_, index) =>
    Object.assign(said(index % 2 === 0 ? 'user' : 'assistant', `No. ${from + index}.`), { filler }),
  );

/** A session with a transcript of its own. */
async function withTranscript(entries: JsonObject[]) {
  const { sessionId } = await server.client.sessions.create();
  const ref: EntriesRef = { project: 'harbour', session: sessionId };
  const append = (more: JsonObject[], subpath?: string) =>
    server.client.transcripts.append({ ...ref, subpath }, { entries: more }, { touch: sessionId });
  await append(entries);
  return { ref, append, address: `${server.url}/#/sessions/${sessionId}` };
}

const logOf = (page: Page) => page.getByRole('log');
const saying = (page: Page, text: string) => page.locator('.turn').getByText(text, { exact: true });
const newest = (page: Page) => page.getByRole('button', { name: /Newest/ });
const scrollTop = (page: Page) => logOf(page).evaluate((log) => log.scrollTop);
const toEnd = (page: Page) =>
  logOf(page).evaluate((log) => Math.round(log.scrollHeight - log.scrollTop - log.clientHeight));

/** Sees a turn where the viewer would, with no scrolling of the test's. */
async function expectInSight(page: Page, text: string): Promise<void> {
  await saying(page, text).waitFor();
  await expect
    .poll(() =>
      saying(page, text).evaluate((turn) => {
        const { top, bottom } = turn.getBoundingClientRect();
        const log = turn.closest('[role="log"]')?.getBoundingClientRect();
        return log !== undefined && top >= log.top - 1 && bottom <= Math.min(log.bottom, innerHeight) + 1;
      }),
    )
    .toBe(true);
}

test('it opens at its end, in sight whatever is above it, and follows what comes', async () => {
  const { address, append } = await withTranscript(numbered(0, 100));
  for (const viewport of [
    { width: 360, height: 740 },
    { width: 1_280, height: 900 },
    { width: 2_560, height: 1_300 },
  ]) {
    const { page } = await open(address, { viewport });
    await expectInSight(page, 'No. 99.');
    // Folded, what is above it is where it was, and the end is in sight still.
    const about = page.locator('.about > summary');
    const before = await about.boundingBox();
    await about.click();
    await expectInSight(page, 'No. 99.');
    expect(await about.boundingBox()).toMatchObject({ x: before?.x, y: before?.y });
    await page.close();
  }
  const { page } = await open(address);
  await expectInSight(page, 'No. 99.');
  await append(numbered(100, 20));
  await expectInSight(page, 'No. 119.');
  expect(await newest(page).count()).toBe(0);
});

test('who has scrolled up stays there while it grows, and goes to the end when they want to', async () => {
  const { address, append } = await withTranscript(numbered(0, 100));
  const { page } = await open(address);
  await expectInSight(page, 'No. 99.');
  await logOf(page).evaluate((log) => (log.scrollTop = 500));
  await newest(page).waitFor();
  await append(numbered(100, 3));
  await page.getByRole('button', { name: 'Newest (3 more)' }).waitFor();
  expect(await scrollTop(page)).toBe(500);
  expect(await saying(page, 'No. 100.').count()).toBe(0);
  await newest(page).click();
  await expectInSight(page, 'No. 102.');
  await newest(page).waitFor({ state: 'detached' });
  // The button is gone, and the focus is where it leads to.
  expect(await page.evaluate(() => document.activeElement?.getAttribute('role'))).toBe('log');

  await logOf(page).evaluate((log) => (log.scrollTop = 500));
  await append(numbered(103, 1));
  await page.getByRole('button', { name: 'Newest (1 more)' }).waitFor();
  await logOf(page).evaluate((log) => (log.scrollTop = log.scrollHeight));
  await expectInSight(page, 'No. 103.');
});

test('who opens a piece at the end is not torn away from it', async () => {
  const long = Array.from({ length: 200 }, (_, line) => `line ${line}`).join('\n');
  const { address, append } = await withTranscript([
    ...numbered(0, 60),
    said('user', [{ type: 'tool_result', content: long }]),
  ]);
  const { page } = await open(address);
  await page.locator('.turn summary').getByText('Result').click();
  await newest(page).waitFor();
  const before = await scrollTop(page);
  await append(numbered(100, 3));
  await page.getByRole('button', { name: 'Newest (3 more)' }).waitFor();
  expect(await scrollTop(page)).toBe(before);
});

test('of 50,000 entries a page is held; the start and the end are a click away, the rest by pages', async () => {
  const count = 50_000;
  const batch = 10_000;
  const filler = 'x'.repeat(500);
  const { address, append } = await withTranscript(numbered(0, 1));
  for (let from = 1; from < count; from += batch)
    await append(numbered(from, Math.min(batch, count - from), filler));
  const { page, complaints } = await open(address);
  const session = await page.context().newCDPSession(page);
  const cost = async () => {
    await session.send('HeapProfiler.collectGarbage');
    const { usedSize } = await session.send('Runtime.getHeapUsage');
    return { usedSize, nodes: await page.evaluate(() => document.querySelectorAll('*').length) };
  };
  await expectInSight(page, 'No. 49999.');
  await page.getByText('49,701–50,000 of 50,000').waitFor();
  const atFirst = await cost();
  expect(atFirst.nodes).toBeLessThan(5_000);

  await page.getByRole('button', { name: 'Start' }).click();
  await expectInSight(page, 'No. 0.');
  // It stays there, with nothing more of it to be read.
  expect(await scrollTop(page)).toBe(0);
  await page.getByText('1–300 of 50,000').waitFor();
  await page.getByRole('button', { name: 'Later' }).click();
  await expectInSight(page, 'No. 300.');
  // Where one left off is at the top, and the way back has the focus still.
  await page.keyboard.press('Enter');
  await expectInSight(page, 'No. 600.');
  await page.getByRole('button', { name: 'Earlier' }).click();
  await expectInSight(page, 'No. 599.');
  expect(await toEnd(page)).toBeLessThan(50);
  await newest(page).click();
  await expectInSight(page, 'No. 49999.');
  await page.getByRole('button', { name: 'Earlier' }).click();
  await expectInSight(page, 'No. 49699.');
  await page.getByRole('button', { name: 'Later' }).click();
  await page.getByText('49,701–50,000 of 50,000').waitFor();

  const atLast = await cost();
  expect(atLast.nodes).toBeLessThan(5_000);
  // All of it would be 25 MB at the least.
  expect(atLast.usedSize - atFirst.usedSize).toBeLessThan(5_000_000);
  expect(complaints).toEqual([]);
});

test('a way that leads nowhere is said to, and keeps the focus', async () => {
  const { address } = await withTranscript(numbered(0, 700));
  const { page } = await open(address);
  await expectInSight(page, 'No. 699.');
  const later = page.getByRole('button', { name: 'Later' });
  expect(await later.getAttribute('aria-disabled')).toBe('true');
  const start = page.getByRole('button', { name: 'Start' });
  await start.click();
  await expectInSight(page, 'No. 0.');
  expect(await start.getAttribute('aria-disabled')).toBe('true');
  expect(await page.evaluate(() => document.activeElement?.textContent)).toBe('Start');
  await page.keyboard.press('Escape');
  await page.locator('.detail').waitFor({ state: 'detached' });
});

test('the transcripts of subagents are offered, and so is each beside its result', async () => {
  const { address, append, ref } = await withTranscript([
    said('assistant', [{ type: 'tool_use', id: 't', name: 'Agent', input: { description: 'Tide' } }]),
  ]);
  const { page, complaints } = await open(address);
  await page.locator('.turn').getByText('Agent').waitFor();
  const parts = page.getByLabel('Part of the transcript');
  expect(await parts.count()).toBe(0);
  await append([said('user', 'Report the tide.')], 'subagents/agent-a1');
  await append([said('user', 'Other')], 'a part of another kind');
  await append([
    {
      ...said('user', [{ type: 'tool_result', tool_use_id: 't', content: 'High.' }]),
      toolUseResult: { agentId: 'a1' },
    },
  ]);
  await page.getByRole('button', { name: 'What the subagent did' }).click();
  await expectInSight(page, 'Report the tide.');
  expect(await page.locator('.turn').count()).toBe(1);
  expect(await parts.evaluate((it) => (it as HTMLSelectElement).selectedOptions[0]?.text)).toBe(
    'Subagent a1',
  );
  await append([said('assistant', 'It is high.')], 'subagents/agent-a1');
  await expectInSight(page, 'It is high.');
  await parts.selectOption('a part of another kind');
  await expectInSight(page, 'Other');
  await server.client.transcripts.delete({ ...ref, subpath: 'a part of another kind' });
  await page.getByText('There is no transcript yet.').waitFor();
  await parts.selectOption('Main conversation');
  await page.locator('.turn').getByText('High.').first().waitFor();
  expect(complaints).toEqual([]);
});

test('a conversation is told from what tools and the program say, and what is long is shown when asked for', async () => {
  const text = `It is long. ${'The tide comes and goes. '.repeat(400)}And this is its end.`;
  const png = { type: 'base64', media_type: 'image/png', data: 'A'.repeat(4_000) };
  const { address } = await withTranscript([
    said('user', [
      { type: 'text', text: 'What is this?' },
      { type: 'image', source: png },
    ]),
    { type: 'mode', mode: 'normal' },
    said('assistant', [{ type: 'thinking', thinking: 'Let me see.' }]),
    said('assistant', [{ type: 'tool_use', id: 't', name: 'Bash', input: { command: 'ls\npwd' } }]),
    said('user', [{ type: 'tool_result', tool_use_id: 't', content: 'no such file', is_error: true }]),
    said('assistant', [{ type: 'text', text: 'Look:\n```sh\nls -l\n```\nThere.' }]),
    said('assistant', [{ type: 'hologram', of: 'a ship' }]),
    said('assistant', text),
  ]);
  const { page, complaints } = await open(address);
  await page.getByText('It is long.').waitFor();
  expect(await page.locator('.who b').allTextContents()).toEqual(['User', 'Claude']);
  expect(await page.locator('.media').textContent()).toBe('image image/png, 3 KB');
  expect(await page.locator('.turn.assistant > pre').textContent()).toBe('ls -l');
  const call = page.locator('.piece', { hasText: 'Bash' }).first();
  expect(await call.locator('summary').textContent()).toBe('Bash ls');
  expect(await call.locator('pre').textContent()).toBe('command:\nls\npwd');
  // What failed is open.
  await page.locator('.piece.failed pre').getByText('no such file').waitFor();
  expect(await page.locator('.piece.failed summary').textContent()).toBe('Failed Bash no such file');
  expect(await page.locator('.piece', { hasText: 'hologram' }).count()).toBe(1);

  expect(await page.getByText('And this is its end.').count()).toBe(0);
  await page.getByRole('button', { name: 'Show all of 10,032 characters' }).click();
  await page.getByText('And this is its end.').waitFor();
  await page.getByRole('button', { name: 'Show less' }).click();
  await page.getByText('And this is its end.').waitFor({ state: 'detached' });

  expect(await page.locator('.turn.program').count()).toBe(0);
  await page.getByLabel('All entries').check();
  await page.locator('.turn.program').getByText('mode', { exact: true }).waitFor();
  for (const summary of await page.locator('.turn summary').all()) await summary.click();
  expect(await faultsOf(page)).toEqual([]);
  expect(complaints).toEqual([]);
});

test('while nothing comes it is asked for less and less, until the session is heard of', async () => {
  const { append, address } = await withTranscript(numbered(0, 3));
  const { page } = await open('about:blank');
  await page.clock.install();
  let reads = 0;
  page.on('request', (request) => (reads += Number(request.url().includes('/entries?'))));
  await page.goto(address);
  await saying(page, 'No. 2.').waitFor();
  const pass = async (seconds: number): Promise<number> => {
    const before = reads;
    for (let second = 0; second < seconds; second += 1) {
      await page.clock.runFor(1_000);
      await page.waitForTimeout(25);
    }
    return reads - before;
  };
  await pass(60);
  expect(await pass(60)).toBeLessThanOrEqual(5);
  // Heard of by the feed, before it would be asked for again.
  await append(numbered(3, 1));
  await server.client.sessions.update(new URL(address).hash.split('/')[2] ?? '', { metadata: { a: 1 } });
  await pass(4);
  await saying(page, 'No. 3.').waitFor({ timeout: 2_000 });
  expect(await pass(20)).toBeGreaterThanOrEqual(3);
});
