import { beforeAll, describe, expect, test } from 'vitest';
import { faultsOf } from './axe.ts';
import { expectConnection, expectNoSidewaysScroll, rowOf, useBrowser } from './browser.ts';
import { serve } from './server.ts';

const open = useBrowser();
const server = await serve();
let sessionId: string;

beforeAll(async () => {
  const { client } = server;
  for (let number = 0; number < 12; number += 1) {
    await client.sessions.create({
      model: number % 3 === 0 ? 'claude-opus-5' : 'claude-sonnet-5',
      permissionMode: number === 5 ? 'bypassPermissions' : 'default',
      metadata: { team: 'search', task: 'a rather long name of a task that does not fit', attempt: number },
    });
  }
  const { sessionId: ended } = await client.sessions.create();
  await client.sessions.end(ended);
  await client.sessions.create({ sessionTimeoutMs: 1_000 });
  ({ sessionId } = await client.sessions.create({ metadata: { nested: { list: [1, true, null] } } }));
  await client.transcripts.append(
    { project: 'p', session: 'c' },
    {
      entries: [
        { type: 'user', timestamp: new Date().toISOString(), message: { role: 'user', content: 'Hi' } },
        {
          type: 'assistant',
          message: {
            role: 'assistant',
            content: [
              { type: 'text', text: 'Look:\n```\ncode\n```' },
              { type: 'tool_use', id: 't', name: 'Bash', input: { command: 'ls' } },
            ],
          },
        },
      ],
    },
    { touch: sessionId },
  );
});

describe.each(['light', 'dark'] as const)('in %s', (colorScheme) => {
  test.each([360, 1_280, 2_560])('%i pixels wide: nothing sticks out, axe finds nothing', async (width) => {
    const viewport = { width, height: width === 360 ? 740 : 1_000 };
    const { page, complaints } = await open(server.url, { viewport, colorScheme });
    await expectConnection(page, 'live');
    await rowOf(page, sessionId).waitFor();
    await page.getByRole('button', { name: /^All/ }).click();
    await page.locator('.row .status.expired').waitFor();
    await page.locator('.row .status.ended').waitFor();
    await expectNoSidewaysScroll(page);
    // Rows that came just now are still lit.
    await page.waitForTimeout(300);
    expect(await faultsOf(page)).toEqual([]);
    await page.goto(`${server.url}/#/sessions/${sessionId}`);
    await page.getByText('Look:').waitFor();
    await expectNoSidewaysScroll(page);
    expect(await faultsOf(page)).toEqual([]);
    await page.getByRole('button', { name: 'End…' }).click();
    expect(await faultsOf(page)).toEqual([]);
    expect(complaints).toEqual([]);
  });

  test('the background is that of the scheme', async () => {
    const { page } = await open(server.url, { colorScheme });
    const background = await page.evaluate(() => getComputedStyle(document.documentElement).backgroundColor);
    const [red = 0] = background.match(/\d+/g)?.map(Number) ?? [];
    expect(red > 128).toBe(colorScheme === 'light');
  });
});

test('nothing moves while the page fills', async () => {
  const { page } = await open('about:blank');
  await page.addInitScript(() => {
    const shifts: number[] = [];
    Object.assign(globalThis, { shifts });
    new PerformanceObserver((list) => {
      for (const entry of list.getEntries()) shifts.push((entry as unknown as { value: number }).value);
    }).observe({ type: 'layout-shift', buffered: true });
  });
  await page.goto(server.url);
  await rowOf(page, sessionId).waitFor();
  await page.waitForTimeout(500);
  const shifts = await page.evaluate(() => (globalThis as unknown as { shifts: number[] }).shifts);
  expect(shifts.reduce((sum, value) => sum + value, 0)).toBeLessThan(0.02);
});

test('all of it by keyboard: a session is found, opened, ended, and left', async () => {
  const own = await server.client.sessions.create({ metadata: { team: 'keyboard' } });
  const { page } = await open(server.url);
  await rowOf(page, own.sessionId).waitFor();
  await page.keyboard.press('/');
  await page.keyboard.type('team=keyboard');
  await page.getByText('1 found').waitFor();
  // Over the choices of model, and the heads of the columns, into the rows.
  await page.keyboard.press('Tab');
  await page.keyboard.press('Tab');
  expect(await page.evaluate(() => document.activeElement?.getAttribute('role'))).toBe('grid');
  await page.keyboard.press('ArrowDown');
  await page.locator(`[aria-activedescendant="row-${own.sessionId}"]`).waitFor();
  await page.keyboard.press('Enter');
  await page.locator('.detail .facts').waitFor();
  expect(await page.evaluate(() => document.activeElement?.id)).toBe('detail-title');
  for (const wanted of ['Close', 'Keep alive', 'End…']) {
    await page.keyboard.press('Tab');
    const name = await page.evaluate(
      () => document.activeElement?.ariaLabel ?? document.activeElement?.textContent,
    );
    expect(name).toBe(wanted);
  }
  await page.keyboard.press('Enter');
  await page.getByRole('dialog').waitFor();
  await page.keyboard.press('Escape');
  await page.getByRole('dialog').waitFor({ state: 'detached' });
  expect(await page.locator('.detail').count()).toBe(1);
  await page.getByRole('button', { name: 'End…' }).focus();
  await page.keyboard.press('Enter');
  await page.getByRole('dialog').waitFor();
  await page.keyboard.press('Tab');
  await page.keyboard.press('Enter');
  await page.locator('.detail .status.ended').waitFor();
  await page.keyboard.press('Escape');
  await page.locator('.detail').waitFor({ state: 'detached' });
  expect(await page.evaluate(() => document.activeElement?.getAttribute('role'))).toBe('grid');
});

test('the charts are read by keyboard', async () => {
  const { page } = await open(server.url);
  await expectConnection(page, 'live');
  await page.locator('.readings').getByText('–').first().waitFor({ state: 'detached' });
  await page.locator('.plots').focus();
  await page.keyboard.press('ArrowLeft');
  await page
    .locator('.charts [role="status"]')
    .getByText(/active, \d+ created/)
    .waitFor();
});

test('times are those of the viewer, the exact one on hover', async () => {
  const { page } = await open(`${server.url}/#/sessions/${sessionId}`, {
    timezoneId: 'Asia/Tokyo',
    locale: 'en-GB',
  });
  const { createdAt } = await server.client.sessions.get(sessionId);
  const time = page.locator(`.facts time[datetime="${createdAt}"]`).first();
  const expected = new Intl.DateTimeFormat('en-GB', { timeStyle: 'medium', timeZone: 'Asia/Tokyo' });
  expect(await time.textContent()).toContain(expected.format(new Date(createdAt)));
  expect(await time.getAttribute('title')).toBe(`${createdAt.replace('T', ' ').replace('Z', '')} UTC`);
});
