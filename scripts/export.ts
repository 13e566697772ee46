/**
 * Brings a conversation back from Berth: `npm run export -- <project> <session> > file.jsonl` its main
 * transcript, and with `--out` its subagents' too, as Claude Code keeps them on disk.
 *
 * @module
 */
import { once } from 'node:events';
import { mkdir, open, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Writable } from 'node:stream';
import { finished } from 'node:stream/promises';
import { parseArgs } from 'node:util';
import {
  NotFoundError,
  type BerthClient,
  type EntriesRef,
  type JsonObject,
  type TranscriptRef,
} from '../src/client/index.ts';
import { clientOf, DEFAULT_URL } from './client.ts';
import { cleanStdout } from './stdout.ts';
import { pathOf, run, UsageError } from './usage.ts';

const USAGE = `Usage: npm run export -- PROJECT SESSION [--url URL] > FILE.jsonl
       npm run export -- PROJECT SESSION --out FOLDER [--url URL]

  PROJECT  its name in Berth, SESSION Claude's id of the conversation
  --out    a folder for the transcript and those of its subagents, which Claude Code resumes from where
           it is the project's own: ~/.claude/projects/<the working folder's path, all but letters and
           digits replaced by ->
  --url    where Berth is (${DEFAULT_URL})

BERTH_TOKEN is sent as bearer token. It needs the scope transcripts:read.`;

/** What the SDK keeps of a subagent in a transcript, and Claude Code in a file beside it. */
const METADATA_TYPE = 'agent_metadata';

/** A name that stays in the folder that it is put in. */
function isSafe(path: string): boolean {
  return path
    .split('/')
    .every((part) => part !== '' && part !== '.' && part !== '..' && !/[\\\0]/.test(part));
}

async function* entriesOf(client: BerthClient, ref: EntriesRef): AsyncGenerator<JsonObject, void, undefined> {
  try {
    yield* client.transcripts.read(ref);
  } catch (error) {
    if (!(error instanceof NotFoundError) || error.code !== 'transcript_not_found') throw error;
    throw new Error(`Project "${ref.project}" has no conversation ${ref.session}.`, { cause: error });
  }
}

/** Writes the entries of a transcript, a line each, but for its metadata, of which it answers the last. */
async function writeEntries(client: BerthClient, ref: EntriesRef, out: Writable): Promise<JsonObject | null> {
  let metadata: JsonObject | null = null;
  for await (const entry of entriesOf(client, ref)) {
    if (ref.subpath !== undefined && entry['type'] === METADATA_TYPE) metadata = entry;
    else if (!out.write(`${JSON.stringify(entry)}\n`)) await once(out, 'drain');
  }
  return metadata;
}

/** Writes a transcript into a file that is there whole or not at all. */
async function writeFileOf(client: BerthClient, ref: EntriesRef, path: string): Promise<void> {
  const part = `${path}.part`;
  await mkdir(dirname(path), { recursive: true });
  const file = await open(part, 'w');
  const out = file.createWriteStream();
  try {
    const metadata = await writeEntries(client, ref, out);
    out.end();
    await finished(out);
    if (metadata !== null) {
      const { type: _, ...rest } = metadata;
      await writeFile(path.replace(/\.jsonl$/, '.meta.json'), JSON.stringify(rest));
    }
    await rename(part, path);
  } finally {
    await file.close().catch(() => undefined);
    await rm(part, { force: true });
  }
}

async function writeFolder(client: BerthClient, ref: TranscriptRef, folder: string): Promise<void> {
  if (!isSafe(ref.session) || ref.session.includes('/'))
    throw new UsageError(`SESSION can be no file's name: "${ref.session}"`);
  const path = join(folder, `${ref.session}.jsonl`);
  for (const subpath of await client.transcripts.subpaths(ref)) {
    if (!isSafe(subpath)) {
      process.stderr.write(`Left out, as it can be no file's name: ${JSON.stringify(subpath)}\n`);
      continue;
    }
    await writeFileOf(client, { ...ref, subpath }, join(folder, ref.session, `${subpath}.jsonl`));
  }
  // Last: where it is, everything is.
  await writeFileOf(client, ref, path);
  process.stderr.write(`${path}\n`);
}

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    args: process.argv.slice(2),
    allowPositionals: true,
    options: { out: { type: 'string' }, url: { type: 'string', default: DEFAULT_URL } },
  });
  const [project, session, ...rest] = positionals;
  if (project === undefined || session === undefined || rest.length > 0)
    throw new UsageError('PROJECT and SESSION must be given, and no more');
  const client = clientOf(values.url);
  const ref = { project, session };
  if (values.out !== undefined) return writeFolder(client, ref, pathOf(values.out));
  const out = cleanStdout();
  await writeEntries(client, ref, out);
  await new Promise((resolve) => void out.write('', resolve));
  const { length } = await client.transcripts.subpaths(ref);
  if (length > 0) process.stderr.write(`Subagents left out: ${length}. With --out FOLDER they come too.\n`);
}

await run(USAGE, main);
