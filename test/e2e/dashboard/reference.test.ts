import { expect, test } from 'vitest';
import { ERRORS } from '../../../src/contract/errors.ts';
import { useBrowser } from './browser.ts';
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
