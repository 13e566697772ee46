/**
 * Servers for the page: real ones, each on folders of its own.
 *
 * @module
 */
import { join } from 'node:path';
import { SignJWT } from 'jose';
import { afterAll } from 'vitest';
import { buildWorker, startWorkerd, type Settings, type Workerd } from '../../../scripts/workerd.ts';
import { BerthClient } from '../../../src/client/index.ts';
import { SCOPES } from '../../../src/contract/scopes.ts';
import { temporaryFolder } from '../support/berth.ts';

/** What the tokens of a guarded server are signed with. */
export const SECRET = 'a-secret-that-only-the-tests-use';

export interface Server {
  readonly url: string;
  readonly client: BerthClient;
  /** Kills the process, and whatever it was about. */
  kill(): Promise<void>;
  /** Starts it again on its data and at its address. */
  startAgain(): Promise<void>;
}

/**
 * Starts a server until the tests of the file are over: open to this machine, unless told otherwise. To be
 * called as the file is read.
 */
export async function serve(settings: Settings = {}): Promise<Server> {
  const folder = await temporaryFolder();
  const [bundle, data] = [join(folder, 'bundle'), join(folder, 'data')];
  await buildWorker(bundle);
  const start = (port: number): Promise<Workerd> =>
    startWorkerd({ bundle, data, port, settings: { AUTH: 'off', MAX_SESSIONS: 100, ...settings } });
  let running = await start(0);
  const { url } = running;
  afterAll(() => running.stop('SIGKILL'));
  const token = settings['AUTH'] === 'required' ? () => tokenFor(Object.keys(SCOPES).join(' ')) : undefined;
  return {
    url,
    client: new BerthClient({ baseUrl: url, token }),
    kill: () => running.stop('SIGKILL'),
    async startAgain() {
      running = await start(Number(new URL(url).port));
    },
  };
}

/** A server on which nobody does anything without a token. */
export const serveGuarded = (): Promise<Server> => serve({ AUTH: 'required', AUTH_JWT_SECRET: SECRET });

/** A token that is good for some seconds. */
export function tokenFor(scope: string, lastsS = 600, tenant = 'acme'): Promise<string> {
  return new SignJWT({ scope, tenant })
    .setProtectedHeader({ alg: 'HS256' })
    .setExpirationTime(Math.floor(Date.now() / 1_000) + lastsS)
    .sign(new TextEncoder().encode(SECRET));
}
