/** What is seen at a glance: everything in its place, and what is about to expire. */
import { expect, test } from 'vitest';
import type { Page } from 'playwright-core';
import { PermissionMode } from '../../../src/contract/session.ts';
import { expectConnection, rowOf, useBrowser } from './browser.ts';
import { serve } from './server.ts';

const open = useBrowser();
const server = await serve();

async function boxOf(page: Page, selector: string) {
  const box = await page.locator(selector).first().boundingBox();
  if (box === null) throw new Error(`There is no ${selector}`);
  return box;
}

test.each([360, 1_280])('at %i px, what stands where there are no sessions covers nothing', async (width) => {
  const { page } = await open(server.url, { viewport: { width, height: 900 } });
  await page.getByText('No session yet').waitFor();
  const tools = await boxOf(page, '.tools');
  const heads = await boxOf(page, '.row.heads');
  const { y } = await boxOf(page, '.empty');
  expect(y).toBeGreaterThanOrEqual(tools.y + tools.height);
  expect(y).toBeGreaterThanOrEqual(heads.y + (heads.height > 1 ? heads.height : 0));
});

test.each([1_280, 1_920, 2_560])('at %i px, the charts fill their card', async (width) => {
  const { page } = await open(server.url, { viewport: { width, height: 1_300 } });
  await page.locator('.uplot').last().waitFor();
  const card = await boxOf(page, '.charts');
  const plots = await page.locator('.plot').all();
  for (const plot of plots) {
    const chart = await plot.locator('.uplot').boundingBox();
    const place = await plot.boundingBox();
    expect(chart?.height).toBeCloseTo(place?.height ?? 0, -1);
  }
  const last = await plots.at(-1)?.boundingBox();
  expect(card.y + card.height - ((last?.y ?? 0) + (last?.height ?? 0))).toBeLessThan(24);
  const sessions = await boxOf(page, '.sessions');
  const isBeside = sessions.y < card.y;
  expect(isBeside).toBe(width >= 1_900);
  if (isBeside) expect(card.y + card.height).toBeCloseTo(sessions.y + sessions.height, 0);
});

test('nothing moves when sessions of other kinds come, or the limit is to be changed', async () => {
  const { page } = await open(server.url);
  await expectConnection(page, 'live');
  await page.locator('.bars .name').first().waitFor();
  const before = [await boxOf(page, '.sessions'), await boxOf(page, '.gauge')];
  const made = [];
  for (const permissionMode of PermissionMode.options)
    made.push(await server.client.sessions.create({ permissionMode, model: `claude-${permissionMode}` }));
  await page.locator('.bars .bypass').waitFor();
  await page.getByRole('button', { name: 'Change the limit' }).click();
  expect([await boxOf(page, '.sessions'), await boxOf(page, '.gauge')]).toEqual(before);
  for (const { sessionId } of made) await server.client.sessions.end(sessionId);
});

test('a session without a model is called the same everywhere', async () => {
  const { sessionId } = await server.client.sessions.create();
  const { page } = await open(server.url);
  await expect.poll(() => rowOf(page, sessionId).textContent()).toContain('unset');
  await expect.poll(() => page.locator('.bars').last().textContent()).toBe('Modelunset1 100 %');
  await server.client.sessions.end(sessionId);
});

test('what is about to expire is counted, and shown first when asked for', async () => {
  const [soon, later] = [
    await server.client.sessions.create({ sessionTimeoutMs: 50_000 }),
    await server.client.sessions.create({ sessionTimeoutMs: 600_000 }),
  ];
  const { page } = await open(server.url);
  await rowOf(page, later.sessionId).waitFor();
  expect(await rowOf(page, later.sessionId).getAttribute('aria-rowindex')).toBe('2');
  await page.getByRole('button', { name: '1 expires soon' }).click();
  await expect.poll(() => rowOf(page, soon.sessionId).getAttribute('aria-rowindex')).toBe('2');
  await page.getByRole('button', { name: /^Ended/ }).click();
  await page.getByRole('button', { name: /expires? soon/ }).waitFor({ state: 'detached' });
  await page.getByRole('button', { name: /^Active \d/ }).click();
  await server.client.sessions.end(soon.sessionId);
  await page.getByRole('button', { name: /expires? soon/ }).waitFor({ state: 'detached' });
});

test('the cursor stands on the minute whose values are read', async () => {
  const { page } = await open(server.url);
  await expectConnection(page, 'live');
  await page.getByRole('button', { name: '15 min' }).click();
  const plot = await boxOf(page, '.u-over');
  for (const part of [0.31, 0.52, 0.77]) {
    await page.mouse.move(plot.x + plot.width * part, plot.y + plot.height / 2);
    const line = await boxOf(page, '.u-cursor-x');
    const point = await boxOf(page, '.u-cursor-pt');
    expect(Math.abs(line.x + line.width - (point.x + point.width / 2))).toBeLessThan(2);
  }
});
