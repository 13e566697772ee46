import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

const SDK = '@anthropic-ai/claude-agent-sdk';

export default defineConfig({
  resolve: {
    // Installed here alone: what the adapter imports by this name is the same.
    alias: { [SDK]: fileURLToPath(new URL(`./node_modules/${SDK}/sdk.mjs`, import.meta.url)) },
  },
  test: {
    include: ['test/e2e/**/*.test.ts'],
    testTimeout: 120_000,
    hookTimeout: 60_000,
    // Claude Code takes a core for itself.
    fileParallelism: false,
    silent: 'passed-only',
    reporters: process.env['TEST_RESULTS']
      ? ['default', ['json', { outputFile: process.env['TEST_RESULTS'] }]]
      : ['default'],
  },
});
