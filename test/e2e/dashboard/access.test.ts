import { beforeAll, expect, test } from 'vitest';
import type { Page } from 'playwright-core';
import { faultsOf } from './axe.ts';
import { expectConnection, rowOf, useBrowser } from './browser.ts';
import { serveGuarded, tokenFor } from './server.ts';

const READER = 'sessions:read registry:read transcripts:read';

const open = useBrowser();
const server = await serveGuarded();
let sessionId: string;
beforeAll(async () => {
  const admin = await tokenFor(`${READER} sessions:write`);
  const response = await fetch(`${server.url}/v1/sessions`, {
    method: 'POST',
    headers: { Authorization: `Bearer ${admin}` },
  });
  ({ sessionId } = (await response.json()) as { sessionId: string });
});

async function signIn(page: Page, token: string): Promise<void> {
  await page.getByLabel('Bearer token').fill(token);
  await page.getByLabel('Bearer token').press('Enter');
}

test('the token is asked for, kept for the tab alone, and never part of an address', async () => {
  const { page, complaints } = await open(server.url);
  const addresses: string[] = [];
  page.on('request', (request) => addresses.push(request.url()));
  page.on('websocket', (socket) => addresses.push(socket.url()));
  const token = await tokenFor(READER);
  await signIn(page, token);
  await expectConnection(page, 'live');
  await rowOf(page, sessionId).waitFor();
  expect(addresses.length).toBeGreaterThan(2);
  expect(addresses.filter((address) => address.includes(token.slice(-20)))).toEqual([]);
  expect(page.url()).not.toContain('ey');
  expect(await page.evaluate(() => [Object.values(sessionStorage), Object.values(localStorage)])).toEqual([
    [token],
    [],
  ]);
  await page.reload();
  await expectConnection(page, 'live');
  const other = await page.context().newPage();
  await other.goto(server.url);
  await other.getByLabel('Bearer token').waitFor();
  await page.getByRole('button', { name: 'Sign out' }).click();
  await page.getByLabel('Bearer token').waitFor();
  expect(await page.evaluate(() => sessionStorage.length)).toBe(0);
  expect(complaints).toEqual([]);
});

test('who signs in again begins at no row', async () => {
  const { page } = await open(server.url);
  const token = await tokenFor(READER);
  await signIn(page, token);
  await rowOf(page, sessionId).waitFor();
  const grid = page.getByRole('grid');
  const current = () => grid.getAttribute('aria-activedescendant');
  await grid.focus();
  await page.keyboard.press('ArrowDown');
  await expect.poll(current).not.toBeNull();
  await page.getByRole('button', { name: 'Sign out' }).click();
  await signIn(page, token);
  await rowOf(page, sessionId).waitFor();
  expect(await current()).toBeNull();
});

test('what a token may not do is not offered', async () => {
  const { page } = await open(`${server.url}/#/sessions/${sessionId}`);
  await signIn(page, await tokenFor(READER));
  await page.locator('.detail .facts').waitFor();
  for (const name of [/Keep alive/, /End/, /Resume/, /Change/])
    expect(await page.getByRole('button', { name }).filter({ hasNotText: 'Ended' }).count()).toBe(0);
});

test('what a token may do is offered', async () => {
  const { page } = await open(`${server.url}/#/sessions/${sessionId}`);
  await signIn(page, await tokenFor(`${READER} sessions:write registry:write`));
  for (const name of ['Keep alive', 'End…', 'Change the limit'])
    await expect.poll(() => page.getByRole('button', { name }).count()).toBe(1);
});

test('without registry:read sessions are listed all the same, and nothing is said to be live', async () => {
  const { page } = await open(server.url);
  await signIn(page, await tokenFor('sessions:read'));
  await rowOf(page, sessionId).waitFor();
  await expectConnection(page, 'off');
  expect(await page.locator('.gauge').count()).toBe(0);
});

test('a token that is not taken is asked for again, and says so', async () => {
  const { page } = await open(server.url);
  await signIn(page, `${(await tokenFor(READER)).slice(0, -4)}AAAA`);
  await page.getByText('The server does not take this token').waitFor();
  await signIn(page, 'no token at all');
  await page.getByText('This does not look like a token').waitFor();
  expect(await faultsOf(page)).toEqual([]);
  expect(await page.getByRole('row').count()).toBe(0);
});

test('a token that runs out while one looks is asked for again', async () => {
  const { page } = await open(server.url);
  await signIn(page, await tokenFor(READER, 2));
  await expectConnection(page, 'live');
  await page.getByText('The server does not take this token').waitFor({ timeout: 60_000 });
});
