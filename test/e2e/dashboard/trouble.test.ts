import type { Page } from 'playwright-core';
import { expect, test } from 'vitest';
import { expectConnection, rowOf, useBrowser } from './browser.ts';
import { serve, serveGuarded, tokenFor } from './server.ts';

const open = useBrowser();
const server = await serve();
const guarded = await serveGuarded();

const READER = 'sessions:read registry:read';
const LIST = /\/v1\/sessions\?/;

async function signIn(page: Page, token: string): Promise<void> {
  await page.getByLabel('Bearer token').fill(token);
  await page.getByLabel('Bearer token').press('Enter');
}

/** Has calls refused until what it answers is called. */
async function refuse(page: Page, calls: RegExp): Promise<() => Promise<void>> {
  await page.route(calls, (route) =>
    route.fulfill({
      status: 403,
      contentType: 'application/problem+json',
      body: JSON.stringify({ title: 'Forbidden', status: 403, code: 'forbidden', detail: 'Not today.' }),
    }),
  );
  return () => page.unroute(calls);
}

test('an entry whose time is none is shown without one, and so is what follows', async () => {
  const { sessionId } = await server.client.sessions.create();
  const entry = (content: string) => ({
    type: 'user',
    timestamp: 'not a date',
    message: { role: 'user', content },
  });
  const ref = { project: 'p', session: 'timeless' };
  await server.client.transcripts.append(ref, { entries: [entry('One')] }, { touch: sessionId });
  const { page, complaints } = await open(`${server.url}/#/sessions/${sessionId}`);
  await page.locator('.turn').getByText('One').waitFor();
  await server.client.transcripts.append(ref, { entries: [entry('Two')] }, { touch: sessionId });
  await page.locator('.turn').getByText('Two').waitFor();
  expect(complaints).toEqual([]);
});

test('a transcript that is written anew is read from its beginning', async () => {
  const { sessionId } = await server.client.sessions.create();
  const entry = (content: string) => ({ type: 'user', message: { role: 'user', content } });
  const ref = { project: 'p', session: 'anew' };
  const { transcripts } = server.client;
  await transcripts.append(ref, { entries: [entry('One'), entry('Two')] }, { touch: sessionId });
  const { page } = await open(`${server.url}/#/sessions/${sessionId}`);
  await page.locator('.turn').getByText('Two').waitFor();
  await transcripts.delete(ref);
  await page.getByText('There is no transcript yet.').waitFor();
  await transcripts.append(ref, { entries: [entry('Three')] }, { touch: sessionId });
  await page.locator('.turn').getByText('Three').waitFor();
  expect(await page.locator('.turn').count()).toBe(1);
  await page.getByText('There is no transcript yet.').waitFor({ state: 'detached' });
});

test('what runs unguarded has a line of its own, however rare it is', async () => {
  for (const permissionMode of ['default', 'acceptEdits', 'plan', 'dontAsk', 'auto'] as const)
    for (let number = 0; number < 2; number += 1) await server.client.sessions.create({ permissionMode });
  await server.client.sessions.create({
    permissionMode: 'bypassPermissions',
    model: 'bypassPermissions',
  });
  const { page } = await open(server.url);
  await page.locator('.bars .bypass').getByText('bypassPermissions').waitFor();
  expect(await page.locator('.bars .bypass').count()).toBe(1);
});

test('a list that can not be fetched says why, and is fetched when asked to', async () => {
  const { sessionId } = await server.client.sessions.create();
  const { page, complaints } = await open('about:blank');
  const relent = await refuse(page, LIST);
  await page.goto(server.url);
  await page.getByText('could not be fetched: Not today.').waitFor();
  await relent();
  await page.getByRole('button', { name: 'Try again' }).click();
  await rowOf(page, sessionId).waitFor();
  await page.getByText('Not today.').waitFor({ state: 'detached' });
  expect(complaints).toEqual([]);
});

test('a list that can not be fetched is tried again by itself', async () => {
  const { sessionId } = await server.client.sessions.create();
  const { page } = await open('about:blank');
  const relent = await refuse(page, LIST);
  await page.goto(server.url);
  await page.getByText('Not today.').waitFor();
  await relent();
  await rowOf(page, sessionId).waitFor({ timeout: 10_000 });
  await expect.poll(() => page.locator('.failure').count()).toBe(0);
});

test('a session that can not be read says why, and is read later', async () => {
  const { sessionId } = await server.client.sessions.create();
  const { page } = await open('about:blank');
  const relent = await refuse(page, new RegExp(`/v1/sessions/${sessionId}`));
  await page.goto(`${server.url}/#/sessions/${sessionId}`);
  await page.locator('.detail').getByText('Not today.').waitFor();
  await relent();
  await page.locator('.detail .facts').waitFor();
  await expect.poll(() => page.locator('.detail').getByText('Not today.').count()).toBe(0);
});

test('without a feed, polling goes on after a poll that failed, and ends with the token', async () => {
  const { page } = await open(guarded.url);
  await signIn(page, await tokenFor('sessions:read'));
  await page.getByText('No session yet').waitFor();
  const relent = await refuse(page, LIST);
  await page.getByText('Not today.').waitFor({ timeout: 10_000 });
  await relent();
  const { sessionId } = await guarded.client.sessions.create();
  await rowOf(page, sessionId).waitFor({ timeout: 15_000 });
  await page.route(LIST, (route) =>
    route.fulfill({
      status: 401,
      contentType: 'application/problem+json',
      body: JSON.stringify({ title: 'No', status: 401, code: 'unauthenticated', detail: 'Who?' }),
    }),
  );
  await page.getByLabel('Bearer token').waitFor({ timeout: 15_000 });
  expect(await page.getByRole('row').count()).toBe(0);
});

test('who signs in after another sees nothing of theirs, and their token is not sent again', async () => {
  const { sessionId } = await guarded.client.sessions.create();
  const { page } = await open(guarded.url);
  const first = await tokenFor(READER);
  await signIn(page, first);
  await rowOf(page, sessionId).waitFor();
  await page.getByRole('button', { name: 'Sign out' }).click();
  await page.getByLabel('Bearer token').waitFor();
  const tokens: string[] = [];
  page.on('request', (request) => tokens.push(request.headers()['authorization'] ?? ''));
  await page.waitForTimeout(6_000);
  expect(tokens).toEqual([]);
  // Whatever comes is not fetched: only what was kept could be shown.
  await page.route(LIST, () => undefined);
  await signIn(page, await tokenFor(READER, 600, 'another'));
  await expectConnection(page, 'live');
  await page.waitForTimeout(500);
  expect(await page.locator('.body .row').count()).toBe(0);
  expect(tokens.filter((token) => token.includes(first))).toEqual([]);
});

test('an id finds what Claude calls so too, and a search that fails says so', async () => {
  const claude = crypto.randomUUID();
  const { sessionId } = await server.client.sessions.create();
  await server.client.transcripts.append(
    { project: 'p', session: claude },
    { entries: [{ type: 'summary', summary: 'x' }] },
    { touch: sessionId },
  );
  const { page } = await open(server.url);
  await rowOf(page, sessionId).waitFor();
  const relent = await refuse(page, /claudeSessionId=/);
  await page.getByRole('searchbox').fill(claude);
  await page.getByText('could not be fetched: Not today.').waitFor();
  await relent();
  await page.getByText('1 found').waitFor({ timeout: 10_000 });
  expect(await rowOf(page, sessionId).count()).toBe(1);
  await page.getByRole('searchbox').fill(sessionId);
  await page.getByText('1 found').waitFor();
  expect(await rowOf(page, sessionId).count()).toBe(1);
});

test('the focus returns from a question, and Escape in a field closes nothing', async () => {
  const { sessionId } = await server.client.sessions.create();
  const { page } = await open(`${server.url}/#/sessions/${sessionId}`);
  await page.getByRole('button', { name: 'End…' }).click();
  await page.getByRole('button', { name: 'Keep it' }).click();
  expect(await page.evaluate(() => document.activeElement?.textContent)).toBe('End…');
  await page.getByRole('searchbox').press('Escape');
  await page.waitForTimeout(200);
  expect(await page.locator('.detail').count()).toBe(1);
});

test('the service says what time it is', async () => {
  const { headers } = await fetch(`${server.url}/healthz`);
  expect(Math.abs(Date.parse(headers.get('Date') ?? '') - Date.now())).toBeLessThan(5_000);
});

test.each([0, 1_900, 3_600_000])(
  'a viewer whose clock is %i ms ahead sees what changes after what they did',
  async (aheadMs) => {
    const { sessionId } = await server.client.sessions.create();
    const { page } = await open('about:blank');
    await page.clock.setSystemTime(Date.now() + aheadMs);
    await page.goto(`${server.url}/#/sessions/${sessionId}`);
    await expectConnection(page, 'live');
    await page.getByRole('button', { name: 'Keep alive' }).click();
    await page.getByText('Its idle time starts afresh.').waitFor();
    await server.client.sessions.update(sessionId, { metadata: { seen: 'yes' } });
    await expect.poll(() => rowOf(page, sessionId).textContent(), { timeout: 4_000 }).toContain('seen yes');
  },
);
