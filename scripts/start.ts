/**
 * `npm start`: the service and its page on http://localhost:8787, for this machine alone and without
 * authentication, unless `--auth required` asks for it. On plain workerd: what `wrangler dev` puts before it
 * lets a caller choose the `Host` that the Worker sees, which is all that keeps web pages out here.
 *
 * @module
 */
import { runServer } from './run-server.ts';
import { readServerOptions, SETTINGS_USAGE, type ServerPreset } from './server-options.ts';
import { run } from './usage.ts';

/** What is set in the environment is meant for a server that others reach. */
const PRESET: ServerPreset = { data: '.berth', shared: false, settings: { AUTH: 'off' } };

const USAGE = `Usage: npm start -- [--data FOLDER] [--port NUMBER] [SETTING …]

  --data  where sessions and transcripts are kept (${PRESET.data})
  --port  0 for any that is free (8787)
  --var   a setting as wrangler takes it, a secret too: --var AUTH_JWT_SECRET:…

Settings; what they mean is in README.md:
${SETTINGS_USAGE}`;

await run(USAGE, async () => {
  const options = readServerOptions(process.argv.slice(2), process.env, PRESET);
  await runServer(options, (url) => {
    const { port } = new URL(url);
    return `Berth is at http://localhost:${port} (Ctrl-C stops it)`;
  });
});
