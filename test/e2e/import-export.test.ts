import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, writeSync } from 'node:fs';
import { cp, mkdir, readdir, readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import {
  getSessionMessages,
  getSubagentMessages,
  listSessions,
  listSubagents,
} from '@anthropic-ai/claude-agent-sdk';
import { beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest';
import { EdgeSessionStore } from '../../src/agent-sdk/index.ts';
import { PROJECT } from './support/app.ts';
import { Berth, temporaryFolder } from './support/berth.ts';
import { Host } from './support/host.ts';
import { startMessagesApi } from './support/messages-api.ts';
import { answerOf } from './support/model.ts';

// Conversations that Claude Code has kept on a disk come to Berth, and back to the disk of another host.

const SCRIPTS = resolve(import.meta.dirname, '../../scripts');
const OPTIONS = { permissionMode: 'bypassPermissions', allowDangerouslySkipPermissions: true } as const;
const BANNER = '\n> berth@0.1.0 export\n> node scripts/export.ts harbour x\n\n';

const folder = await temporaryFolder();
const berth = await Berth.start();
const api = await startMessagesApi(answerOf);
const local = await Host.at(join(folder, 'local'), api.url);
const sessions: string[] = [];

beforeAll(async () => {
  for (const prompt of ['First [bash: echo depth-$((40 + 2))]', 'Another [agent: Report the tide.]']) {
    const messages = await local.turn(prompt, OPTIONS);
    sessions.push(messages.at(-1)?.session_id ?? '');
  }
});

/** Runs a program of ours as `npm run` does on that host. */
async function script(name: string, args: string[], stdout: 'pipe' | number = 'pipe', killAfterMs = 0) {
  const env = { ...process.env, ...local.env, INIT_CWD: local.cwd };
  const child = spawn(process.execPath, [join(SCRIPTS, name), ...args, '--url', berth.url], {
    env,
    stdio: ['ignore', stdout, 'pipe'],
  });
  let [output, errors] = ['', ''];
  child.stdout?.setEncoding('utf8').on('data', (text: string) => void (output += text));
  child.stderr?.setEncoding('utf8').on('data', (text: string) => void (errors += text));
  const timer = killAfterMs > 0 ? setTimeout(() => child.kill('SIGKILL'), killAfterMs) : null;
  const [code] = (await once(child, 'close')) as [number | null];
  if (timer !== null) clearTimeout(timer);
  return { code, output, errors };
}

const importAll = (killAfterMs = 0) =>
  script('import.ts', ['--project', '.', '--as', PROJECT], 'pipe', killAfterMs);

const store = () => new EdgeSessionStore(berth.client(), { project: PROJECT });

/** All that is stored, to see whether it changes. */
async function stored(): Promise<unknown[]> {
  const all: unknown[] = [];
  for (const sessionId of sessions) {
    const key = { projectKey: '', sessionId };
    all.push(await store().load(key));
    for (const subpath of await store().listSubkeys(key)) all.push(await store().load({ ...key, subpath }));
  }
  return all;
}

/** Has the SDK's own functions read what a host has on its disk. */
function onDiskOf(host: Host): { dir: string } {
  vi.stubEnv('CLAUDE_CONFIG_DIR', host.env['CLAUDE_CONFIG_DIR']);
  onTestFinished(() => void vi.unstubAllEnvs());
  return { dir: host.cwd };
}

describe('import', () => {
  test('one that was killed is finished by the next, and another sends nothing', async () => {
    // As far as one had come.
    const [sessionId = ''] = sessions;
    await store().append({ projectKey: '', sessionId }, (await local.transcriptOf(sessionId)).slice(0, 5));
    for (const killAfterMs of [600, 900]) await importAll(killAfterMs);
    const { code, output, errors } = await importAll();
    expect({ code, output }).toMatchObject({ code: 0, output: expect.stringContaining('2 of 2 sessions') });
    expect(errors).toMatch(/^1\/2 [\w-]{36}: \d+ entries sent, \d+ were there\n2\/2 /);
    const before = await stored();
    expect((await importAll()).output).toMatch(
      /^2 of 2 sessions are in Berth: 0 entries sent, \d\d+ were there\.\n$/,
    );
    expect(await stored()).toEqual(before);
  });

  test('what was imported is what was on the disk', async () => {
    const disk = onDiskOf(local);
    const berthSide = { sessionStore: store() };
    for (const sessionId of sessions) {
      expect(await store().load({ projectKey: '', sessionId })).toEqual(await local.transcriptOf(sessionId));
      const messages = await getSessionMessages(sessionId, disk);
      expect(messages.length).toBeGreaterThanOrEqual(4);
      expect(await getSessionMessages(sessionId, berthSide)).toEqual(messages);
      expect(await listSubagents(sessionId, berthSide)).toEqual(await listSubagents(sessionId, disk));
    }
    const summaries = async (where: object) =>
      (await listSessions(where)).map(({ sessionId, summary, firstPrompt }) => ({
        sessionId,
        summary,
        firstPrompt,
      }));
    expect(new Set(await summaries(berthSide))).toEqual(new Set(await summaries(disk)));
  });

  test('a call that is wrong is told how it would be right', async () => {
    expect(await script('import.ts', [])).toMatchObject({
      code: 2,
      errors: expect.stringContaining('--project is missing'),
    });
    expect(await script('import.ts', ['--project', 'none'])).toMatchObject({ code: 2, output: '' });
    await mkdir(join(local.cwd, 'empty'));
    expect(await script('import.ts', ['--project', 'empty'])).toMatchObject({
      code: 1,
      errors: expect.stringContaining('no sessions'),
    });
  });
});

describe('export', () => {
  test('the main transcript goes to standard output, and npm has no part in it', async () => {
    const [sessionId = ''] = sessions;
    const { code, output } = await script('export.ts', [PROJECT, sessionId]);
    const lines = (text: string) =>
      text
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line) as unknown);
    expect(code).toBe(0);
    expect(lines(output)).toEqual(await local.transcriptOf(sessionId));

    const path = join(folder, 'file.jsonl');
    const file = openSync(path, 'w');
    writeSync(file, BANNER);
    await script('export.ts', [PROJECT, sessionId], file);
    closeSync(file);
    expect(await readFile(path, 'utf8')).toBe(output);
  });

  test('nor where the transcript is shorter than what npm has to say', async () => {
    const entry = { type: 'mode' };
    await store().append({ projectKey: '', sessionId: 'short' }, [entry]);
    const path = join(folder, 'short.jsonl');
    const file = openSync(path, 'w');
    writeSync(file, BANNER);
    await script('export.ts', [PROJECT, 'short'], file);
    closeSync(file);
    expect(await readFile(path, 'utf8')).toBe(`${JSON.stringify(entry)}\n`);
  });

  test('what standard output has no place for is not passed over in silence', async () => {
    const [plain = '', withSubagent = ''] = sessions;
    expect((await script('export.ts', [PROJECT, plain])).errors).toBe('');
    expect(await script('export.ts', [PROJECT, withSubagent])).toMatchObject({
      code: 0,
      errors: 'Subagents left out: 1. With --out FOLDER they come too.\n',
    });
  });

  test('a file that has more than npm in it is added to', async () => {
    const path = join(folder, 'log.jsonl');
    const file = openSync(path, 'a');
    writeSync(file, `{"mine":true}\n${BANNER}`);
    await script('export.ts', [PROJECT, sessions[0] ?? ''], file);
    closeSync(file);
    expect(await readFile(path, 'utf8')).toMatch(/^\{"mine":true\}\n\n> berth[^]+"type"/);
  });

  test('a conversation that is put in its place is resumed by Claude Code with no store, subagents and all', async () => {
    const [, sessionId = ''] = sessions;
    const host = await Host.at(join(folder, 'other'), api.url);
    const place = join(host.projects, host.cwd.replaceAll(/[^A-Za-z0-9]/g, '-'));
    expect(await script('export.ts', [PROJECT, sessionId, '--out', place])).toMatchObject({
      code: 0,
      output: '',
    });
    expect(await readdir(place)).toEqual([sessionId, `${sessionId}.jsonl`]);

    const before = onDiskOf(host);
    const [agent = ''] = await listSubagents(sessionId, before);
    expect(JSON.stringify(await getSubagentMessages(sessionId, agent, before))).toContain('Report the tide.');
    await host.turn('Later: where are we?', { ...OPTIONS, resume: sessionId });
    const request = JSON.stringify(api.requests.at(-1)?.messages);
    for (const said of ['Another ', 'You said: Report the tide.', 'Later: ']) expect(request).toContain(said);
  });

  test('files of subagents are as Claude Code has them', async () => {
    const [, sessionId = ''] = sessions;
    const out = join(folder, 'out');
    await script('export.ts', [PROJECT, sessionId, '--out', out]);
    const [project = ''] = await readdir(local.projects);
    const original = join(folder, 'original');
    await cp(join(local.projects, project, sessionId), original, { recursive: true });
    const files = await readdir(join(original, 'subagents'));
    expect(files.toSorted()).toEqual((await readdir(join(out, sessionId, 'subagents'))).toSorted());
    expect(files.some((file) => file.endsWith('.meta.json'))).toBe(true);
    const parsed = async (path: string) =>
      (await readFile(path, 'utf8'))
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line) as unknown);
    for (const file of files)
      expect(await parsed(join(out, sessionId, 'subagents', file))).toEqual(
        await parsed(join(original, 'subagents', file)),
      );
  });

  test('what was never written is an error, and leaves no file', async () => {
    const out = join(folder, 'nothing');
    const { code, errors } = await script('export.ts', [PROJECT, 'never', '--out', out]);
    expect({ code, errors }).toMatchObject({
      code: 1,
      errors: expect.stringContaining('has no conversation never'),
    });
    expect(await readdir(out)).toEqual([]);
    expect((await script('export.ts', [PROJECT])).code).toBe(2);
    expect((await script('export.ts', [PROJECT, '../up', '--out', out])).code).toBe(2);
  });
});
