import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';
import { describe, expect, it } from 'vitest';

const CLIENT = fileURLToPath(new URL('../../src/client', import.meta.url));
const MAX_GZIPPED_BYTES = 10_000;

/** Bundles what a module takes of the client, as an app's own build does. */
async function bundle(contents: string) {
  const result = await build({
    stdin: { contents, resolveDir: CLIENT, loader: 'ts' },
    bundle: true,
    minify: true,
    format: 'esm',
    target: 'es2022',
    platform: 'neutral',
    metafile: true,
    write: false,
    logLevel: 'silent',
  });
  const code = result.outputFiles[0]?.contents ?? new Uint8Array();
  const inputs = Object.keys(result.metafile.inputs);
  return { bytes: code.length, gzippedBytes: gzipSync(code).length, inputs };
}

describe('the client', () => {
  it('stays below 10 KB gzipped, the manager included', async () => {
    const { bytes, gzippedBytes } = await bundle(`export * from './index.ts'; export * from './manager.ts';`);
    expect(bytes).toBeGreaterThan(5_000);
    expect(gzippedBytes).toBeLessThan(MAX_GZIPPED_BYTES);
  });

  it('has no dependency at run time, and takes nothing from the contract but types and limits', async () => {
    const { inputs } = await bundle(`export * from './index.ts'; export * from './manager.ts';`);
    expect(inputs.length).toBeGreaterThan(2);
    expect(
      inputs.filter((path) => !/(^|\/)src\/(client\/[\w-]+|contract\/limits)\.ts$|<stdin>/.test(path)),
    ).toEqual([]);
  });

  it('is shaken from what does not use it', async () => {
    expect((await bundle(`import './index.ts'; import './manager.ts';`)).bytes).toBeLessThan(100);
    expect((await bundle(`export { NotFoundError } from './index.ts';`)).bytes).toBeLessThan(1_000);
  });
});
