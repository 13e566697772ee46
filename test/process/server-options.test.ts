import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { expect, test, vi } from 'vitest';
import { unstable_readConfig as readConfig } from 'wrangler';
import {
  flagOf,
  readServerOptions,
  SETTING_VALUES,
  type ServerPreset,
} from '../../scripts/server-options.ts';
import { SECRETS } from '../../scripts/workerd-config.ts';

const ROOT = resolve(import.meta.dirname, '../..');
const SERVE: ServerPreset = { data: 'data', shared: true, settings: {} };
const START: ServerPreset = { data: '.berth', shared: false, settings: { AUTH: 'off' } };
const NOWHERE = ['--secrets', '/dev/null'];

test('there is a flag for every setting of the Worker but its secrets, and README has them all', async () => {
  const { vars } = readConfig({ config: join(ROOT, 'wrangler.toml') });
  const settings = [...Object.keys(vars), 'AUTH_JWKS_URL', 'AUTH_ISSUER', 'AUTH_AUDIENCE'].toSorted();
  expect(Object.keys(SETTING_VALUES).toSorted()).toEqual(settings);
  const readme = await readFile(join(ROOT, 'README.md'), 'utf8');
  for (const name of [...settings, ...SECRETS]) {
    expect(readme).toContain(`\`${name}\``);
    if (SECRETS.includes(name)) continue;
    const { settings: read } = readServerOptions([...NOWHERE, `--${flagOf(name)}=1`], {}, SERVE);
    expect(read).toEqual({ [name]: '1' });
    expect(readServerOptions(NOWHERE, { [name]: '1' }, SERVE).settings).toEqual({ [name]: '1' });
  }
});

test('nothing is said, so all is as wrangler.toml has it, on loopback alone', () => {
  expect(readServerOptions(NOWHERE, {}, SERVE)).toEqual({
    data: resolve('data'),
    host: '127.0.0.1',
    port: 8787,
    settings: {},
  });
});

test('where it listens and keeps its data can be in the environment, and a flag goes before it', () => {
  const env = { BERTH_DATA: '/srv/berth', BERTH_PORT: '80', BERTH_HOST: '::', HOST: 'elsewhere', PORT: '1' };
  expect(readServerOptions(NOWHERE, env, SERVE)).toMatchObject({ data: '/srv/berth', host: '::', port: 80 });
  const flags = [...NOWHERE, '--data=/tmp/b', '--port=81', '--host=::1'];
  expect(readServerOptions(flags, env, SERVE)).toMatchObject({ data: '/tmp/b', host: '::1', port: 81 });
});

test('what is left blank in the environment is not set, and no folder is meant by nothing', () => {
  const blank = { BERTH_DATA: '', BERTH_PORT: '', BERTH_HOST: '', MAX_SESSIONS: '' };
  expect(readServerOptions(NOWHERE, blank, SERVE)).toEqual(readServerOptions(NOWHERE, {}, SERVE));
  for (const flag of ['--data=', '--persist-to='])
    for (const preset of [SERVE, START])
      expect(() => readServerOptions([...NOWHERE, flag], {}, preset)).toThrow('--data must name a folder');
});

test('a folder is meant where npm was called, not where it went', () => {
  vi.stubEnv('INIT_CWD', '/home/someone');
  expect(readServerOptions([...NOWHERE, '--data=./sessions'], {}, SERVE).data).toBe('/home/someone/sessions');
  vi.unstubAllEnvs();
});

test('npm start is open to this machine, whatever the environment says, until a flag asks for tokens', () => {
  const environment = { AUTH: 'required', BERTH_HOST: '0.0.0.0', MAX_SESSIONS: '1', BERTH_DATA: '/srv' };
  expect(readServerOptions(['--var', 'DEFAULT_CWD:C:/work'], environment, START)).toEqual({
    data: resolve('.berth'),
    host: '127.0.0.1',
    port: 8787,
    settings: { AUTH: 'off', DEFAULT_CWD: 'C:/work' },
  });
  expect(() => readServerOptions(['--host=0.0.0.0'], {}, START)).toThrow('AUTH=off is for this machine');
  const asked = ['--auth=required', '--var', 'AUTH_JWT_SECRET:of a developer'];
  const { settings } = readServerOptions(asked, environment, START);
  expect(settings).toEqual({ AUTH: 'required', AUTH_JWT_SECRET: 'of a developer' });
});

test.each(['0.0.0.0', '::', '192.168.1.2', 'berth.example', '*'])('AUTH=off is refused on %s', (host) => {
  const flags = [...NOWHERE, '--host', host];
  expect(() => readServerOptions(flags, { AUTH: 'off' }, SERVE)).toThrow('AUTH=off is for this machine');
  expect(readServerOptions(flags, {}, SERVE).host).toBe(host);
});
