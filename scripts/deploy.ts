/**
 * Deploys to Cloudflare by `wrangler deploy`, and refuses what would be open to everyone:
 * `npm run deploy -- [WRANGLER'S OPTIONS]`.
 *
 * @module
 */
import { spawnSync } from 'node:child_process';
import { parseArgs } from 'node:util';
import { unstable_readConfig as readConfig } from 'wrangler';

const DEFAULT_CONFIG = 'wrangler.toml';

const argv = process.argv.slice(2);
const { values } = parseArgs({
  args: argv,
  strict: false,
  options: {
    config: { type: 'string', short: 'c' },
    env: { type: 'string', short: 'e' },
    cwd: { type: 'string' },
  },
});
// Wrangler would read its files there, where they were not looked at.
if (values['cwd'] !== undefined) {
  process.stderr.write(
    '--cwd is not taken: what would be deployed from another folder was not checked. Not deployed.\n' +
      'Run this in that folder, or say which file it is with --config.\n',
  );
  process.exit(1);
}

/** Empty for the top level. */
const environment = String(values['env'] ?? process.env['CLOUDFLARE_ENV'] ?? '');
const { vars } = readConfig({
  config: String(values['config'] ?? DEFAULT_CONFIG),
  ...(environment === '' ? {} : { env: environment }),
});

const open: string[] = [];
if (vars['AUTH'] === 'off') open.push(environment === '' ? '[vars]' : `[env.${environment}.vars]`);
if (argv.some((argument) => /\bAUTH[:=]["']?off/.test(argument))) open.push('the command line');

if (open.length > 0) {
  process.stderr.write(
    `AUTH is "off" in ${open.join(' and ')}: anyone could read and end every session. Not deployed.\n` +
      'AUTH=off is for development; take it out, and set AUTH_JWT_SECRET or AUTH_JWKS_URL.\n',
  );
  process.exitCode = 1;
} else {
  // Said outright: by itself wrangler might find another file, or another environment, than were checked.
  const checked = [
    ...(values['config'] === undefined ? ['--config', DEFAULT_CONFIG] : []),
    ...(values['env'] === undefined ? ['--env', environment] : []),
  ];
  const { status } = spawnSync('wrangler', ['deploy', ...argv, ...checked], { stdio: 'inherit' });
  process.exitCode = status ?? 1;
}
