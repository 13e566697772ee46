import { describe, expect, test } from 'vitest';
import { ERRORS } from '../../../src/contract/errors.ts';
import { faultsOf } from './axe.ts';
import { expectNoSidewaysScroll, useBrowser } from './browser.ts';
import { serve } from './server.ts';

const open = useBrowser();
const server = await serve();

test('the type of a problem leads to the line that describes it', async () => {
  const problem = await fetch(`${server.url}/v1/sessions/none`);
  const { type } = (await problem.json()) as { type: string };
  expect(type).toBe('/docs#error-session_not_found');
  const { page } = await open(server.url + type);
  await page.locator('.opblock').first().waitFor();
  const line = page.locator('#error-session_not_found');
  await expect
    .poll(() =>
      line.evaluate((element) => {
        const { top, bottom } = element.getBoundingClientRect();
        return top >= 0 && bottom <= innerHeight;
      }),
    )
    .toBe(true);
  expect(await page.locator('#errors tbody tr').count()).toBe(Object.keys(ERRORS).length);
});

test('the reference is made here, breaks no policy, and can be tried', async () => {
  const { page, complaints } = await open('about:blank');
  const origins = new Set<string>();
  page.on('request', (request) => {
    if (!request.url().startsWith('data:')) origins.add(new URL(request.url()).origin);
  });
  await page.goto(`${server.url}/docs`);
  await page.locator('.opblock-summary').first().click();
  await page.getByRole('button', { name: 'Try it out' }).click();
  await page.getByRole('button', { name: 'Execute' }).first().click();
  await page.locator('.live-responses-table').getByText('201').first().waitFor();
  expect((await server.client.registry.stats()).totalCreated).toBe(1);
  expect([...origins]).toEqual([server.url]);
  expect(complaints).toEqual([]);
});

describe.each(['light', 'dark'] as const)('in %s', (colorScheme) => {
  test.each([360, 1_280])('%i pixels wide: nothing sticks out, axe finds nothing', async (width) => {
    const viewport = { width, height: 900 };
    const { page, complaints } = await open(`${server.url}/docs`, { viewport, colorScheme });
    await page.locator('.opblock').first().waitFor();
    await expectNoSidewaysScroll(page);
    expect(await faultsOf(page)).toEqual([]);
    // With a body, and with parameters.
    await page.locator('.opblock-summary').nth(0).click();
    await page.getByRole('button', { name: 'Try it out' }).click();
    await page.getByRole('button', { name: 'Execute' }).first().click();
    await page.locator('.live-responses-table').waitFor();
    await page.locator('.opblock-summary').nth(1).click();
    await page.locator('[data-param-name="limit"]').waitFor();
    await expectNoSidewaysScroll(page);
    expect(await faultsOf(page)).toEqual([]);
    expect(complaints).toEqual([]);
  });

  test('what is around the reference, and the reference, are of the scheme; it can change', async () => {
    const { page } = await open(`${server.url}/docs`, { colorScheme });
    await page.locator('.opblock').first().waitFor();
    const isLight = (element: string) =>
      page.locator(element).evaluate((it) => {
        const [red = 0] = getComputedStyle(it).backgroundColor.match(/\d+/g)?.map(Number) ?? [];
        return red > 128;
      });
    for (const scheme of [colorScheme, colorScheme === 'light' ? 'dark' : 'light'] as const) {
      await page.emulateMedia({ colorScheme: scheme });
      for (const element of ['body', '.scheme-container'])
        await expect.poll(() => isLight(element)).toBe(scheme === 'light');
    }
  });
});
