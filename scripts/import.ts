/**
 * Takes the local Claude Code sessions of a project up into Berth:
 * `npm run import -- --project ~/code/shop --url https://berth.example.com`.
 *
 * What is there already is not sent again, so it can be interrupted and repeated at any time, also to bring up
 * what has come since.
 *
 * @module
 */
import { realpath } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { EdgeSessionStore } from '../src/agent-sdk/index.ts';
import { loadAgentSdk } from './agent-sdk.ts';
import { clientOf, DEFAULT_URL } from './client.ts';
import { MissingEntriesStore } from './missing-entries.ts';
import { Progress } from './progress.ts';
import { pathOf, run, UsageError } from './usage.ts';

const USAGE = `Usage: npm run import -- --project FOLDER [--as NAME] [--url URL]

  --project  the working folder whose Claude Code sessions are taken
  --as       the name of the project in Berth, as the hosts' EdgeSessionStore has it
             (the Agent SDK's own, which it makes of the folder's path)
  --url      where Berth is (${DEFAULT_URL})

BERTH_TOKEN is sent as bearer token. It needs the scopes transcripts:read and transcripts:write.
Sessions are looked for in CLAUDE_CONFIG_DIR, or in ~/.claude.`;

interface Options {
  readonly folder: string;
  readonly name: string | undefined;
  readonly url: string;
}

function readOptions(args: string[]): Options {
  const { values } = parseArgs({
    args,
    options: {
      project: { type: 'string' },
      as: { type: 'string' },
      url: { type: 'string', default: DEFAULT_URL },
    },
  });
  if (values.project === undefined) throw new UsageError('--project is missing');
  return { folder: pathOf(values.project), name: values.as, url: values.url };
}

const entries = (count: number): string => `${count} ${count === 1 ? 'entry' : 'entries'}`;

async function main(): Promise<void> {
  const { folder, name, url } = readOptions(process.argv.slice(2));
  const client = clientOf(url);
  const sdk = await loadAgentSdk();
  const dir = await realpath(folder).catch(() => {
    throw new UsageError(`--project: there is no folder ${folder}`);
  });
  const sessions = await sdk.listSessions({ dir, includeWorktrees: false });
  if (sessions.length === 0) throw new Error(`Claude Code has no sessions of ${dir} here.`);

  const { foldSessionSummary } = sdk;
  const progress = new Progress(sessions.length);
  const failures: string[] = [];
  let [sent, found] = [0, 0];
  for (const { sessionId } of sessions) {
    const edge = new EdgeSessionStore(client, { project: name, foldSessionSummary });
    const store = new MissingEntriesStore(
      client,
      edge,
      (key) => name ?? key,
      () => progress.show(`${sessionId}: ${entries(store.counts.sent)} sent`),
    );
    try {
      await sdk.importSessionToStore(sessionId, store, { dir });
      const { counts } = store;
      progress.step(`${sessionId}: ${entries(counts.sent)} sent, ${counts.found} were there`);
    } catch (error) {
      failures.push(`${sessionId}: ${error instanceof Error ? error.message : String(error)}`);
      progress.step(`${sessionId}: failed`);
    }
    sent += store.counts.sent;
    found += store.counts.found;
  }
  progress.end();
  process.stdout.write(`${sessions.length - failures.length} of ${sessions.length} sessions are in Berth: `);
  process.stdout.write(`${entries(sent)} sent, ${found} were there.\n`);
  if (failures.length > 0)
    throw new Error(`What failed can be repeated with the same command:\n${failures.join('\n')}`);
}

await run(USAGE, main);
