/**
 * `npm start`: the service and its page on http://localhost:8787, for this machine alone and without
 * authentication, unless `--var AUTH:required` asks for it. On plain workerd: what `wrangler dev` puts before it
 * lets a caller choose the `Host` that the Worker sees, which is all that keeps web pages out here.
 *
 * @module
 */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { buildWorker, startWorkerd } from './workerd.ts';

const DEFAULT_DATA = '.berth';
const DEFAULT_PORT = '8787';

const { values } = parseArgs({
  options: {
    port: { type: 'string', default: DEFAULT_PORT },
    /** Where sessions and transcripts are kept. */
    data: { type: 'string', default: DEFAULT_DATA },
    /** The same, as wrangler calls it. */
    'persist-to': { type: 'string' },
    /** Settings, as wrangler takes them: `--var MAX_SESSIONS:5`. */
    var: { type: 'string', multiple: true, default: [] },
  },
});

const settings = Object.fromEntries(
  values.var.map((setting) => {
    const [name = '', ...rest] = setting.split(':');
    return [name, rest.join(':')];
  }),
);

const data = values['persist-to'] ?? values.data;
const bundle = join(data, 'bundle');
await mkdir(bundle, { recursive: true });
await buildWorker(bundle);
const server = await startWorkerd({
  bundle,
  data,
  port: Number(values.port),
  settings: { AUTH: 'off', ...settings },
  onOutput: (text) => process.stdout.write(text),
});
process.stdout.write(`\nBerth is at http://localhost:${new URL(server.url).port} (Ctrl-C stops it)\n\n`);

for (const signal of ['SIGINT', 'SIGTERM'] as const)
  process.once(signal, () => {
    void server.stop('SIGTERM').then(() => process.exit(0));
  });
