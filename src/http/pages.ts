/**
 * The pages: the dashboard and the API's reference, from the files that the build of `src/dashboard` made.
 *
 * @module
 */
import { secureHeaders } from 'hono/secure-headers';
import type { AppContext } from './app-env.ts';
import { problem } from './problem.ts';
import { PROTECTIONS } from './protections.ts';
import { respond } from './respond.ts';

/** The kinds of files that the build makes. What serves them on other hosts knows no types. */
const CONTENT_TYPES: Readonly<Record<string, string>> = {
  html: 'text/html; charset=utf-8',
  json: 'application/json',
  js: 'text/javascript; charset=utf-8',
  css: 'text/css; charset=utf-8',
  svg: 'image/svg+xml',
  png: 'image/png',
  txt: 'text/plain; charset=utf-8',
};

/** Names below this folder have a digest of the content: what is there never changes, for a year. */
const HASHED_FOLDER = '/assets/';
const IMMUTABLE = 'public, max-age=31536000, immutable';
/** Asked for again each time, and answered with 304 while it is the same. */
const REVALIDATED = 'no-cache';
/** Part of the API, none of which is kept by anyone. */
const UNCACHED = 'no-store';

function cacheControl(path: string): string {
  if (path.startsWith(HASHED_FOLDER)) return IMMUTABLE;
  return path.endsWith('.html') ? REVALIDATED : UNCACHED;
}

/** No origin but our own: nothing inline, nothing that frames or is framed. */
export const protectPages = secureHeaders({
  contentSecurityPolicy: {
    defaultSrc: ["'none'"],
    scriptSrc: ["'self'"],
    styleSrc: ["'self'"],
    // Our own WebSocket too: 'self' covers it in all browsers since 2022.
    connectSrc: ["'self'"],
    imgSrc: ["'self'", 'data:'],
    fontSrc: ["'self'"],
    baseUri: ["'none'"],
    formAction: ["'none'"],
    frameAncestors: ["'none'"],
  },
  ...PROTECTIONS,
});

/** Every address of the pages. No name of a file begins with a dot: some hosts would list the folder. */
export const pagePaths = ['/', '/docs', '/assets/:name{[\\w-][\\w.-]*}'] as const;

/** Where the files are, to what serves them: any host will do. The caller's may be none that a URL can have. */
const FILES_ORIGIN = 'https://files.invalid';

const FILES: Readonly<Record<string, string>> = { '/': '/index.html', '/docs': '/docs.html' };

/** Answers a page, one of its files, or the API's document. */
export async function servePage(c: AppContext): Promise<Response> {
  const path = FILES[c.req.path] ?? c.req.path;
  const conditional = c.req.header('If-None-Match');
  const found = await c.env.ASSETS.fetch(
    new Request(FILES_ORIGIN + path, {
      headers: conditional === undefined ? {} : { 'If-None-Match': conditional },
    }),
  );
  if (!found.ok && found.status !== 304) {
    await found.body?.cancel();
    return problem(c, { code: 'not_found', detail: 'There is nothing at this address.' });
  }
  const tag = found.headers.get('ETag');
  return respond(c, found.body, found.status, {
    'Content-Type': CONTENT_TYPES[path.slice(path.lastIndexOf('.') + 1)] ?? 'application/octet-stream',
    'Cache-Control': cacheControl(path),
    ...(tag === null ? {} : { ETag: tag }),
  });
}
