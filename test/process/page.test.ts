import { request } from 'node:http';
import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { ERRORS } from '../../src/contract/errors.ts';
import { startDevServer } from './dev-server.ts';
import { prepareServer, temporaryFolder } from './server.ts';

/** All that the page is, gzipped: half of what anyone would call small. */
const MAX_GZIPPED_BYTES = 60_000;
const STRICT =
  "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; " +
  "font-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/** The addresses that a page or a style sheet loads from. */
const addressesIn = (text: string): string[] =>
  [...text.matchAll(/(?:src|href)="([^"#]+)"|url\(["']?([^"')]+)/g)]
    .map(([, attribute, style]) => attribute ?? style ?? '')
    .filter((address) => !address.startsWith('data:'));

const startWorkerd = await prepareServer({});
const HOSTS = [
  ['plain workerd', (await startWorkerd()).url],
  ['wrangler dev', (await startDevServer(await temporaryFolder(), { AUTH: 'off' })).url],
] as const;

/** The status of a path that `fetch` would tidy up before it is sent. */
function statusOf(url: string, path: string): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const sent = request(url, { path }, (answer) => {
      answer.resume();
      resolve(answer.statusCode);
    });
    sent.on('error', reject).end();
  });
}

test.each(['/assets/.', '/assets/..', '/assets/%2e', '/assets/%2e%2e'])(
  'plain workerd lists no folder of the page: %s',
  async (path) => {
    expect(await statusOf(HOSTS[0][1], path)).toBe(404);
  },
);

describe.each(HOSTS)('on %s', (_, url) => {
  test('the page comes whole from here, weighs little, and is held by a strict policy', async () => {
    const page = await fetch(url);
    const html = await page.text();
    expect(page.status).toBe(200);
    expect(page.headers.get('Content-Type')).toBe('text/html; charset=utf-8');
    expect(page.headers.get('Content-Security-Policy')).toBe(STRICT);
    expect(page.headers.get('X-Content-Type-Options')).toBe('nosniff');
    expect(page.headers.get('X-Frame-Options')).toBe('DENY');
    expect(page.headers.get('Referrer-Policy')).toBe('no-referrer');
    expect(page.headers.get('Cache-Control')).toBe('no-cache');
    expect(html).not.toMatch(/<script(?![^>]*\bsrc=)|<style| style=| on\w+=/);

    const files = addressesIn(html);
    expect(files.length).toBeGreaterThanOrEqual(3);
    let bytes = gzipSync(html).length;
    for (const file of files) {
      expect(file).toMatch(/^\/assets\/[\w.-]+$/);
      const answer = await fetch(url + file);
      const content = Buffer.from(await answer.arrayBuffer());
      expect(answer.status).toBe(200);
      expect(answer.headers.get('Cache-Control')).toBe('public, max-age=31536000, immutable');
      expect(answer.headers.get('Content-Type')).toMatch(
        /^(text\/(css|javascript); charset=utf-8|image\/svg\+xml)$/,
      );
      expect(answer.headers.get('X-Content-Type-Options')).toBe('nosniff');
      if (file.endsWith('.css')) expect(addressesIn(content.toString())).toEqual([]);
      // The compiler's help for developers names the files that things were made from.
      expect(/\.tsx\b/.test(content.toString())).toBe(false);
      bytes += gzipSync(content).length;
    }
    expect(bytes).toBeLessThan(MAX_GZIPPED_BYTES);
    expect(bytes).toBeGreaterThan(20_000);
  });

  test('the reference comes from here too, and keeps to the same policy', async () => {
    const page = await fetch(`${url}/docs`);
    expect(page.status).toBe(200);
    expect(page.headers.get('Content-Security-Policy')).toBe(STRICT);
    const files = addressesIn(await page.text()).filter((address) => address.startsWith('/assets/'));
    expect(files.length).toBeGreaterThanOrEqual(2);
    const scripts = await Promise.all(files.map(async (file) => (await fetch(url + file)).text()));
    for (const code of Object.keys(ERRORS)) expect(scripts.join('')).toContain(code);
  });

  test.each([
    '/index.html',
    '/docs.html',
    '/docs/',
    '/assets/',
    '/assets/none.js',
    '/assets/..%2findex.html',
  ])('there is nothing at %s', async (path) => {
    const answer = await fetch(url + path);
    expect(answer.status).toBe(404);
    expect(answer.headers.get('Content-Type')).toBe('application/problem+json');
    expect(answer.headers.get('Cache-Control')).toBe('no-store');
  });

  test('a page takes no other method, and answers HEAD', async () => {
    expect((await fetch(url, { method: 'HEAD' })).status).toBe(200);
    expect((await fetch(url, { method: 'POST' })).status).toBe(405);
  });
});
