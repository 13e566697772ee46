/**
 * Deploys to Cloudflare by `wrangler deploy`, and refuses what would be open to everyone:
 * `npm run deploy -- [WRANGLER'S OPTIONS]`.
 *
 * @module
 */
import { spawnSync } from 'node:child_process';
import { parseArgs } from 'node:util';
import { unstable_readConfig as readConfig } from 'wrangler';

const argv = process.argv.slice(2);
const { values } = parseArgs({
  args: argv,
  strict: false,
  options: {
    config: { type: 'string', short: 'c', default: 'wrangler.toml' },
    env: { type: 'string', short: 'e' },
  },
});
const environment = values['env'] ?? process.env['CLOUDFLARE_ENV'];
const { vars } = readConfig({
  config: String(values['config']),
  ...(environment === undefined ? {} : { env: String(environment) }),
});

const open: string[] = [];
if (vars['AUTH'] === 'off') open.push(environment === undefined ? '[vars]' : `[env.${environment}.vars]`);
if (argv.some((argument) => /\bAUTH[:=]["']?off/.test(argument))) open.push('the command line');

if (open.length > 0) {
  process.stderr.write(
    `AUTH is "off" in ${open.join(' and ')}: anyone could read and end every session. Not deployed.\n` +
      'AUTH=off is for development; take it out, and set AUTH_JWT_SECRET or AUTH_JWKS_URL.\n',
  );
  process.exitCode = 1;
} else {
  const { status } = spawnSync('wrangler', ['deploy', ...argv], { stdio: 'inherit' });
  process.exitCode = status ?? 1;
}
