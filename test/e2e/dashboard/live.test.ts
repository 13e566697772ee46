import { expect, test } from 'vitest';
import { expectConnection, rowOf, useBrowser } from './browser.ts';
import { serve } from './server.ts';

const open = useBrowser();
const server = await serve();

test('a session that the API creates is there within a second, without a reload', async () => {
  const { page, complaints } = await open(server.url);
  await expectConnection(page, 'live');
  await page.getByText('No session yet').waitFor();
  const createdAt = Date.now();
  const { sessionId } = await server.client.sessions.create({
    model: 'claude-sonnet-5',
    metadata: { team: 'search' },
  });
  const row = rowOf(page, sessionId);
  await row.waitFor({ timeout: 1_000 });
  expect(Date.now() - createdAt).toBeLessThan(1_000);
  expect(await row.textContent()).toMatch(/active.*team search.*claude-sonnet-5/);
  // Statistics come once a second.
  await page.locator('.gauge').getByText('1', { exact: true }).waitFor({ timeout: 2_000 });
  expect(complaints).toEqual([]);
});

test('a session expires before the eyes of the viewer, and its slot is free', async () => {
  const { page } = await open(server.url);
  await expectConnection(page, 'live');
  const { sessionId } = await server.client.sessions.create({ sessionTimeoutMs: 2_000 });
  const row = rowOf(page, sessionId);
  await row.locator('.status.active').waitFor();
  await row.locator('.status.expired').waitFor({ timeout: 4_000 });
  await row.waitFor({ state: 'detached', timeout: 8_000 });
  await page.getByRole('button', { name: /^Expired/ }).click();
  await rowOf(page, sessionId).waitFor();
});

test('ending a session from the page frees its slot, after a question', async () => {
  const { sessionId } = await server.client.sessions.create();
  const { activeCount } = await server.client.registry.stats();
  const { page } = await open(`${server.url}/#/sessions/${sessionId}`);
  await page.getByRole('button', { name: 'End…' }).click();
  await page.getByRole('button', { name: 'Keep it' }).click();
  expect((await server.client.sessions.get(sessionId)).status).toBe('active');
  await page.getByRole('button', { name: 'End…' }).click();
  await page.getByRole('button', { name: 'End session' }).click();
  await page.locator('.detail .status.ended').waitFor();
  expect((await server.client.registry.stats()).activeCount).toBe(activeCount - 1);
  await page.getByRole('button', { name: 'End…' }).waitFor({ state: 'detached' });
});

test('an expired session is resumed from the page', async () => {
  const { sessionId } = await server.client.sessions.create({ sessionTimeoutMs: 1_000 });
  const { page } = await open(`${server.url}/#/sessions/${sessionId}`);
  await page.getByRole('button', { name: 'Resume' }).click({ timeout: 5_000 });
  await page.locator('.detail .status.active').waitFor();
  expect((await server.client.sessions.get(sessionId)).status).toBe('active');
});

test('a full house shows what it refused', async () => {
  const { page } = await open(server.url);
  await page.getByRole('button', { name: /Change/ }).click();
  await page.getByLabel('Limit').fill('0');
  await page.getByRole('button', { name: 'Set', exact: true }).click();
  await expect.poll(async () => (await server.client.registry.limits()).maxSessions).toBe(0);
  await expect(server.client.sessions.create()).rejects.toThrow(/limit|full|sessions/i);
  await page.getByText('1 refused in the last hour').waitFor();
  expect(await page.locator('.gauge.full .refused').count()).toBe(1);
  await server.client.registry.setLimits({ maxSessions: 100 });
  await page.locator('.gauge.roomy').waitFor();
});

test('a transcript is read as a conversation, and grows', async () => {
  const { sessionId } = await server.client.sessions.create();
  const ref = { project: '-workspace', session: 'a-conversation' };
  const entry = (role: string, text: string) => ({ type: role, message: { role, content: text } });
  const append = (...entries: ReturnType<typeof entry>[]) =>
    server.client.transcripts.append(ref, { entries }, { touch: sessionId });
  await append(entry('user', 'What is a berth?'));
  const { page, complaints } = await open(`${server.url}/#/sessions/${sessionId}`);
  await page.getByText('What is a berth?').waitFor();
  await append(entry('assistant', 'A place where a ship lies.'));
  await page.locator('.turn.assistant').getByText('A place where a ship lies.').waitFor({ timeout: 5_000 });
  expect(await page.locator('.turn').count()).toBe(2);
  expect(complaints).toEqual([]);
});

test('a server that is killed and comes back is found again, with what happened meanwhile', async () => {
  const { page } = await open(server.url);
  await expectConnection(page, 'live');
  await server.kill();
  await expectConnection(page, 'reconnecting');
  expect(await page.locator('.connection').textContent()).toMatch(/as of/);
  await server.startAgain();
  const { sessionId } = await server.client.sessions.create();
  await expectConnection(page, 'live', 30_000);
  await rowOf(page, sessionId).waitFor();
});
