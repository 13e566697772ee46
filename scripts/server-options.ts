/**
 * What a server is told when it is started: by flags, by the environment, by a file.
 *
 * @module
 */
import { existsSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { parseArgs, parseEnv } from 'node:util';
import { pathOf, UsageError } from './usage.ts';
import { SECRETS, type Settings } from './workerd-config.ts';

const DEFAULT_PORT = '8787';
const DEFAULT_HOST = '127.0.0.1';
/** Read if it is there: `wrangler dev` and `npm run token` read it too. */
const DEFAULT_SECRETS = '.dev.vars';
/** Addresses that only this machine can reach. */
const LOOPBACK = /^(?:localhost|::1|127(?:\.\d{1,3}){3})$/;

/** Every setting but the secrets, and what a flag takes. What it means is in README.md. */
export const SETTING_VALUES = {
  AUTH: 'required|off',
  AUTH_JWKS_URL: 'URL',
  AUTH_ISSUER: 'TEXT',
  AUTH_AUDIENCE: 'TEXT',
  SESSION_TIMEOUT_MS: 'MS',
  MAX_SESSIONS: 'NUMBER',
  MAX_LIFETIME_MS: 'MS',
  RETENTION_MS: 'MS',
  TRANSCRIPT_RETENTION_MS: 'MS',
  DEFAULT_CWD: 'PATH',
  CORS_ORIGINS: '"URL …"',
} as const;

const SETTINGS = Object.keys(SETTING_VALUES);

/** `SESSION_TIMEOUT_MS` as a flag: `session-timeout-ms`. */
export const flagOf = (name: string): string => name.toLowerCase().replaceAll('_', '-');

/** The lines of a usage that tell of the settings. */
export const SETTINGS_USAGE = Object.entries(SETTING_VALUES)
  .map(([name, value]) => `  --${`${flagOf(name)} ${value}`.padEnd(34)} ${name}`)
  .join('\n');

/** What is so unless something else is said. */
export interface ServerPreset {
  readonly data: string;
  /** Whether it is for others than its developer: so the environment has a say, and secrets are secret. */
  readonly shared: boolean;
  readonly settings: Settings;
}

export interface ServerOptions {
  readonly data: string;
  readonly host: string;
  readonly port: number;
  readonly settings: Settings;
}

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Reads them all. A flag goes before the environment, and that before the file; what none of them names is as
 * wrangler.toml has it.
 *
 * @throws {@link UsageError}, and what `parseArgs` throws.
 */
export function readServerOptions(
  argv: readonly string[],
  environment: Environment,
  preset: ServerPreset,
): ServerOptions {
  if (preset.shared) refuseSecretsIn(argv);
  const { values } = parseArgs({
    args: [...argv],
    options: {
      data: { type: 'string' },
      /** The same, as wrangler calls it. */
      'persist-to': { type: 'string' },
      port: { type: 'string' },
      host: { type: 'string' },
      secrets: { type: 'string' },
      /** Settings, as wrangler takes them: `--var MAX_SESSIONS:5`. */
      var: { type: 'string', multiple: true, default: [] },
      ...Object.fromEntries(SETTINGS.map((name) => [flagOf(name), { type: 'string' } as const])),
    },
  });
  const env = preset.shared ? environment : {};
  const file = preset.shared ? readSecrets(values.secrets) : {};
  const { var: named, ...given } = values;
  const flags: Environment = given;
  const settings = {
    ...preset.settings,
    ...settingsIn(file),
    ...settingsIn(env),
    ...Object.fromEntries(named.map(settingOf)),
    ...settingsIn(Object.fromEntries(SETTINGS.map((name) => [name, flags[flagOf(name)]]))),
  };
  const host = values.host ?? filled(env['BERTH_HOST']) ?? DEFAULT_HOST;
  if (settings['AUTH'] === 'off' && !LOOPBACK.test(host))
    throw new UsageError(`AUTH=off is for this machine alone: --host can't be ${host} with it`);
  const data = values['persist-to'] ?? values.data ?? filled(env['BERTH_DATA']);
  // It would be the folder that the program was called in.
  if (data === '') throw new UsageError('--data must name a folder');
  return {
    data: data === undefined ? resolve(preset.data) : pathOf(data),
    host,
    port: portOf(values.port ?? filled(env['BERTH_PORT']) ?? DEFAULT_PORT),
    settings,
  };
}

/** Whoever may list processes would read them. */
function refuseSecretsIn(argv: readonly string[]): void {
  const secret = SECRETS.find((name) =>
    argv.some(
      (argument) =>
        argument.split('=')[0] === `--${flagOf(name)}` ||
        argument.replace('--var=', '').startsWith(`${name}:`),
    ),
  );
  if (secret !== undefined)
    throw new UsageError(
      `${secret} can't be an argument, which others on this machine can see: put it into the environment, or into a file and say which one with --secrets`,
    );
}

function readSecrets(given: string | undefined): Environment {
  const path = given === undefined ? resolve(DEFAULT_SECRETS) : pathOf(given);
  if (given === undefined && !existsSync(path)) return {};
  try {
    return parseEnv(readFileSync(path, 'utf8'));
  } catch (error) {
    throw new UsageError(`--secrets must name a file that can be read: ${String(error)}`);
  }
}

/** An empty one is not set: so it is with a line of a unit file that was left blank. */
const filled = (value: string | undefined): string | undefined => (value === '' ? undefined : value);

function settingsIn(values: Environment): Record<string, string> {
  const settings: Record<string, string> = {};
  for (const name of [...SETTINGS, ...SECRETS]) {
    const value = filled(values[name]);
    if (value !== undefined) settings[name] = value;
  }
  return settings;
}

function settingOf(argument: string): [name: string, value: string] {
  const [name = '', ...rest] = argument.split(':');
  if (![...SETTINGS, ...SECRETS].includes(name))
    throw new UsageError(`--var names "${name}", which is no setting`);
  return [name, rest.join(':')];
}

function portOf(value: string): number {
  const port = /^\d{1,5}$/.test(value) ? Number(value) : Number.NaN;
  if (!(port <= 65_535)) throw new UsageError(`--port must be a number up to 65535, not "${value}"`);
  return port;
}
