import { exec } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { expectConnection, rowOf, useBrowser } from './browser.ts';
import { SECRET, serve, serveGuarded } from './server.ts';

const ROOT = join(import.meta.dirname, '../../..');

const open = useBrowser();
const server = await serve();
const guarded = await serveGuarded();

test('what is over says when and why it ended, not when it expires', async () => {
  const { sessions } = server.client;
  const ended = await sessions.create();
  await sessions.end(ended.sessionId);
  const idle = await sessions.create({ sessionTimeoutMs: 1_000 });
  const short = await sessions.create({ maxLifetimeMs: 1_000 });
  await expect
    .poll(async () => (await sessions.get(short.sessionId)).status, { timeout: 5_000 })
    .toBe('expired');
  const { page } = await open('about:blank');
  for (const [{ sessionId }, reason] of [
    [ended, 'ended by a call'],
    [idle, 'expired: idle for too long'],
    [short, 'expired: reached its lifetime'],
  ] as const) {
    await page.goto(`${server.url}/#/sessions/${sessionId}`);
    const facts = page.locator('.facts');
    await facts.getByText(reason).waitFor();
    const [label] = await facts.locator('dt').allTextContents();
    expect(label).toBe('Ended');
    expect(await facts.getByText('Expires').count()).toBe(0);
    const { endedAt = '' } = await sessions.get(sessionId);
    expect(await facts.locator('dd').first().locator('time').getAttribute('datetime')).toBe(endedAt);
  }
});

test('a session is kept alive without a message being counted', async () => {
  const { sessions } = server.client;
  const { sessionId } = await sessions.create();
  await sessions.touch(sessionId, { messages: 2 });
  const before = await sessions.get(sessionId);
  const { page } = await open(`${server.url}/#/sessions/${sessionId}`);
  await page.getByRole('button', { name: 'Keep alive' }).click();
  await page.getByText('Its idle time starts afresh.').waitFor();
  const after = await sessions.get(sessionId);
  expect(Date.parse(after.expiresAt)).toBeGreaterThan(Date.parse(before.expiresAt));
  expect(after.messageCount).toBe(2);
});

test('however the panel is closed, the focus goes back to the row it was opened from', async () => {
  const { sessionId } = await server.client.sessions.create();
  const { page } = await open(server.url);
  const ways = {
    cross: () => page.getByRole('button', { name: 'Close' }).click(),
    'cross by keyboard': () => page.getByRole('button', { name: 'Close' }).press('Enter'),
    escape: () => page.keyboard.press('Escape'),
    back: () => page.goBack(),
  };
  for (const [name, leave] of Object.entries(ways)) {
    await rowOf(page, sessionId).click();
    await page.locator('.detail .facts').waitFor();
    expect(await page.evaluate(() => document.activeElement?.id)).toBe('detail-title');
    await leave();
    await page.locator('.detail').waitFor({ state: 'detached' });
    const focused = await page.evaluate(() => {
      const grid = document.activeElement;
      return [grid?.getAttribute('role'), grid?.getAttribute('aria-activedescendant')];
    });
    expect([name, ...focused]).toEqual([name, 'grid', `row-${sessionId}`]);
  }
});

test('the command that the sign-in shows makes a token that is taken, and does no more than look', async () => {
  const { page } = await open(guarded.url);
  const command = (await page.locator('.hint code').textContent()) ?? '';
  const { stdout } = await promisify(exec)(command, {
    cwd: ROOT,
    env: { PATH: process.env['PATH'], HOME: process.env['HOME'], AUTH_JWT_SECRET: SECRET },
  });
  // It is nothing but the token, so that it can be stored as it comes.
  expect(stdout.trim().split(/\s/)).toHaveLength(1);
  await page.getByLabel('Bearer token').fill(stdout.trim());
  await page.getByLabel('Bearer token').press('Enter');
  await expectConnection(page, 'live');
  expect(await page.getByRole('button', { name: /Change/ }).count()).toBe(0);
});
