import { cloudflareTest } from '@cloudflare/vitest-plugin';
import { defineConfig } from 'vitest/config';

const PROCESS_TESTS = 'test/process/**/*.test.ts';

export default defineConfig({
  test: {
    // Logs of what passes would drown what fails.
    silent: 'passed-only',
    reporters: process.env['TEST_RESULTS']
      ? ['default', ['json', { outputFile: process.env['TEST_RESULTS'] }]]
      : ['default'],
    projects: [
      {
        plugins: [
          cloudflareTest({
            main: './test/support/worker.ts',
            wrangler: { configPath: './wrangler.toml' },
            miniflare: { bindings: { AUTH: 'off' } },
          }),
        ],
        test: {
          name: 'workers',
          include: ['test/**/*.test.ts'],
          exclude: [PROCESS_TESTS, 'test/e2e/**', '**/node_modules/**'],
        },
      },
      {
        test: {
          name: 'process',
          include: [PROCESS_TESTS],
          // They mostly wait, for servers and for alarms.
          maxWorkers: 4,
          sequence: { groupOrder: 1 },
          testTimeout: 120_000,
          hookTimeout: 60_000,
        },
      },
    ],
  },
});
