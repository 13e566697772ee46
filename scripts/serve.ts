/**
 * `npm run serve`: Berth on one's own machine, for others. docs/self-host.md says what belongs around it.
 *
 * @module
 */
import { runServer } from './run-server.ts';
import { readServerOptions, SETTINGS_USAGE, type ServerPreset } from './server-options.ts';
import { run } from './usage.ts';

const PRESET: ServerPreset = { data: 'data', shared: true, settings: {} };

const USAGE = `Usage: npm run serve -- [--data FOLDER] [--port NUMBER] [--host ADDRESS] [--secrets FILE] [SETTING …]

  --data     where sessions and transcripts are kept (./${PRESET.data})
  --port     0 for any that is free (8787)
  --host     the address to listen on; 0.0.0.0 or :: for all (127.0.0.1)
  --secrets  a file of settings, one NAME=value a line (.dev.vars, if it is there)

Settings, each also by its name in the environment or in the file; what they mean is in README.md:
${SETTINGS_USAGE}
The first three are BERTH_DATA, BERTH_PORT and BERTH_HOST in the environment. AUTH_JWT_SECRET and
AUTH_JWT_SECRET_PREVIOUS are taken from there or from the file only.`;

await run(USAGE, async () => {
  const options = readServerOptions(process.argv.slice(2), process.env, PRESET);
  await runServer(options, (url) => `Berth is at ${url}, with its data in ${options.data}`);
});
