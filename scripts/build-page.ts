/**
 * Builds the page, the API's reference and its OpenAPI document into `dist/page`, where the Worker serves them
 * from. Runs before every start, test and deploy, and does nothing while the page is as new as its sources.
 *
 * @module
 */
import { existsSync } from 'node:fs';
import { mkdir, readdir, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import type { Rolldown } from 'vite';
import { changedAt } from './changed-at.ts';

const ROOT = resolve(import.meta.dirname, '..');
const SOURCE = join(ROOT, 'src/dashboard');
/** What a change in makes the page old. */
const INPUTS = ['src', 'package.json', 'package-lock.json', 'scripts/build-page.ts'];

/** The folder of the files as they are served. */
export const PAGE_FOLDER = join(ROOT, 'dist/page');
/** Changed last of all: it is as old as the newest of what it was made from. */
const STAMP = join(ROOT, 'dist/page.stamp');

/** Writes a file as a whole: what reads it meanwhile gets the old one or the new one. */
async function replace(path: string, content: string | Uint8Array): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  const draft = `${path}.${process.pid}.tmp`;
  await writeFile(draft, content);
  await rename(draft, path);
}

/** The document, from the routes as the Worker has them. */
async function openApi(): Promise<string> {
  const { build } = await import('esbuild');
  const { outputFiles } = await build({
    stdin: {
      contents: `
        import { routes } from './src/http/routes/index.ts';
        import { openApiDocument } from './src/http/openapi.ts';
        import { version } from './package.json';
        export default JSON.stringify(openApiDocument(routes, version));`,
      resolveDir: ROOT,
    },
    bundle: true,
    format: 'esm',
    write: false,
    logLevel: 'warning',
  });
  const code = Buffer.from(outputFiles[0]?.contents ?? '').toString('base64');
  const made = (await import(`data:text/javascript;base64,${code}`)) as { default: string };
  return made.default;
}

async function bundle(): Promise<ReadonlyMap<string, string | Uint8Array>> {
  // Loaded only where there is something to build.
  const { build } = await import('vite');
  const result = await build({
    configFile: false,
    root: SOURCE,
    logLevel: 'warn',
    publicDir: false,
    // Whatever NODE_ENV says, which tests set: what is built is what is served.
    oxc: { jsx: { runtime: 'automatic', importSource: 'preact', development: false } },
    build: {
      write: false,
      target: 'es2022',
      modulePreload: { polyfill: false },
      rolldownOptions: { input: [join(SOURCE, 'index.html'), join(SOURCE, 'docs.html')] },
      // Swagger UI is what it is; the page itself has a budget, which a test holds.
      chunkSizeWarningLimit: 2_000,
    },
  });
  const { output } = result as Rolldown.RolldownOutput;
  return new Map(output.map((file) => [file.fileName, file.type === 'chunk' ? file.code : file.source]));
}

/** Builds the page, unless it is as new as its sources. */
export async function buildPage(): Promise<void> {
  const newest = await changedAt(INPUTS.map((path) => join(ROOT, path)));
  const isBuilt = existsSync(STAMP) && existsSync(join(PAGE_FOLDER, 'index.html'));
  if (isBuilt && (await stat(STAMP)).mtimeMs >= newest) return;
  const files = new Map([...(await bundle()), ['openapi.json', await openApi()]]);
  // The pages last: what they name is there before they are.
  const names = [...files.keys()].toSorted(
    (a, b) => Number(a.endsWith('.html')) - Number(b.endsWith('.html')),
  );
  for (const name of names) await replace(join(PAGE_FOLDER, name), files.get(name) ?? '');
  const found = await readdir(join(PAGE_FOLDER, 'assets'));
  for (const name of found)
    if (!files.has(`assets/${name}`)) await rm(join(PAGE_FOLDER, 'assets', name), { force: true });
  await writeFile(STAMP, '');
  await utimes(STAMP, new Date(newest), new Date(newest + 1));
}

if (process.argv[1] !== undefined && resolve(process.argv[1]) === import.meta.filename) await buildPage();
