/**
 * Debian's Chromium, and pages in it that are looked at as viewers would.
 *
 * @module
 */
/// <reference lib="dom" />
import { existsSync } from 'node:fs';
import { chromium, type Browser, type BrowserContextOptions, type Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, expect } from 'vitest';

const PROGRAM = ['/usr/bin/chromium', '/usr/bin/google-chrome'].find(existsSync);
/** Nothing of its own may reach out, nor wait for what can't be reached. */
const FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--js-flags=--expose-gc',
];

export interface Viewer {
  readonly page: Page;
  /** What went wrong in the page, by its own account: errors, and what its policy has blocked. */
  readonly complaints: readonly string[];
}

/** Opens pages in one browser for each file of tests; each page is a viewer with a memory of its own. */
export function useBrowser(): (url: string, options?: BrowserContextOptions) => Promise<Viewer> {
  const browsers: Browser[] = [];
  beforeAll(async () => {
    if (PROGRAM === undefined) throw new Error('There is no Chromium: apt-get install chromium');
    browsers.push(await chromium.launch({ executablePath: PROGRAM, args: FLAGS }));
  });
  afterEach(async () => {
    for (const context of browsers.flatMap((browser) => browser.contexts())) await context.close();
  });
  afterAll(async () => {
    for (const browser of browsers) await browser.close();
  });
  return async (url, options = {}) => {
    const [browser] = browsers;
    if (browser === undefined) throw new Error('Pages are opened by tests');
    const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...options });
    const page = await context.newPage();
    const complaints: string[] = [];
    page.on('pageerror', (error) => complaints.push(String(error)));
    page.on('console', (message) => {
      // That a request came to nothing is no fault of the page.
      const isNetwork = /Failed to load resource|WebSocket connection/.test(message.text());
      if (message.type() === 'error' && !isNetwork) complaints.push(message.text());
    });
    await page.goto(url);
    return { page, complaints };
  };
}

/** Waits until the page says how its connection stands. */
export async function expectConnection(page: Page, state: string, timeoutMs = 10_000): Promise<void> {
  await page.locator(`.connection[data-state="${state}"]`).waitFor({ timeout: timeoutMs });
}

export const rowOf = (page: Page, sessionId: string) => page.locator(`[id="row-${sessionId}"]`);

/** What stays within the window at its width. */
export async function expectNoSidewaysScroll(page: Page): Promise<void> {
  const [content, window] = await page.evaluate(() => {
    const root = document.documentElement;
    return [root.scrollWidth, root.clientWidth] as const;
  });
  expect(content).toBeLessThanOrEqual(window);
}
