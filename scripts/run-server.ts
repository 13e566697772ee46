/**
 * A server in the foreground: started, announced, and stopped when it is asked for.
 *
 * @module
 */
import { readSettings } from '../src/contract/settings.ts';
import { readAuthSettings } from '../src/http/auth/auth-settings.ts';
import { berthBundle } from './build-server.ts';
import type { ServerOptions } from './server-options.ts';
import { describedIn, startWorkerd } from './workerd.ts';

/** A terminal that is closed says the last. */
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/**
 * Serves until it is asked to stop, which by then has been done.
 *
 * @throws where the server does not start, or ends by itself.
 */
export async function runServer(options: ServerOptions, announce: (url: string) => string): Promise<void> {
  // Before there is a server there is nothing to wait for.
  let stop: () => void = () => process.exit(0);
  // Not once: npm hands on what the terminal has sent to all, and the second one is not to cut off the first.
  for (const signal of SIGNALS) process.on(signal, () => stop());
  const bundle = await berthBundle();
  const { vars } = await describedIn(bundle);
  const server = await startWorkerd({ bundle, ...options, output: 'inherit' });
  const asked = new Promise<null>((resolve) => {
    stop = () => resolve(null);
  });
  if (server.deletedObjects > 0)
    process.stdout.write(`Files of ${server.deletedObjects} objects that held nothing were deleted.\n`);
  for (const problem of problemsOf({ ...vars, ...options.settings })) process.stderr.write(`\n${problem}\n`);
  process.stdout.write(`\n${announce(server.url)}\n\n`);

  const ending = await Promise.race([asked, server.gone]);
  if (ending !== null) throw new Error(`workerd ${ending}. So this ends too: what was answered is kept.`);
  await server.stop('SIGTERM');
}

/** Why calls will be answered with 503: better said at once, and not to the first caller alone. */
function problemsOf(settings: Readonly<Record<string, unknown>>): string[] {
  const [read, auth] = [readSettings(settings), readAuthSettings(settings)];
  return [
    ...(read.ok
      ? []
      : [`${read.name} ${read.problem}: EVERY CALL OF THE API IS ANSWERED 503 UNTIL IT IS MENDED.`]),
    ...(auth.ok
      ? []
      : [
          `${auth.name} ${auth.problem}: EVERY CALL OF THE API IS ANSWERED 503 auth_not_configured UNTIL THEN.`,
        ]),
  ];
}
