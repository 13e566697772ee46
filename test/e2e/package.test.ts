import { execFile } from 'node:child_process';
import { readdir, symlink, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, it } from 'vitest';
import { Berth, temporaryFolder } from './support/berth.ts';
import { installPackage } from './support/package.ts';

const run = promisify(execFile);
const ROOT = resolve(import.meta.dirname, '../..');
const bin = (folder: string, name: string) => join(folder, 'node_modules/.bin', name);

/** A session from its creation to its end, by client and by manager, on whatever runs it. */
const SMOKE = `
import { BerthClient, NotFoundError } from 'berth/client';
import { ClaudeCodeSessionManager } from 'berth/manager';
import { EdgeSessionStore, queryOptions } from 'berth/agent-sdk';

const baseUrl = process.env.BERTH_URL;
const client = new BerthClient({ baseUrl });
const session = await client.sessions.create({ model: 'claude-sonnet-5', metadata: { smoke: true } });
await client.sessions.touch(session.sessionId, { messages: 2 });
const listed = [];
for await (const { sessionId } of client.sessions.listAll({ metadata: { smoke: true } })) listed.push(sessionId);
const ref = { project: 'smoke', session: session.sessionId };
await client.transcripts.append(ref, { entries: [{ type: 'user', text: 'é' }, { type: 'assistant' }] });
const entries = [];
for await (const entry of client.transcripts.read(ref)) entries.push(entry.type);
const missing = await client.sessions.get('01900000-0000-7000-8000-000000000000').catch((error) => error);
const manager = new ClaudeCodeSessionManager({ baseUrl });
const ended = await manager.endSession(session.sessionId);
const { sessionId } = queryOptions(session);
console.log(JSON.stringify({
  listed: listed.includes(session.sessionId),
  messages: (await client.sessions.get(session.sessionId)).messageCount,
  entries,
  missing: missing instanceof NotFoundError,
  ended,
  sameId: sessionId === session.sessionId,
  adapter: typeof new EdgeSessionStore(client).append,
}));
`;

const RESULT = {
  listed: true,
  messages: 2,
  entries: ['user', 'assistant'],
  missing: true,
  ended: true,
  sameId: true,
  adapter: 'function',
};

/** Type-checks where what is imported has types, and those are the right ones. */
const TYPED = `
import { BerthClient, type Session } from 'berth/client';
import { ClaudeCodeSessionManager } from 'berth/manager';
import { EdgeSessionStore } from 'berth/agent-sdk';
const client = new BerthClient({ baseUrl: 'http://localhost:8787' });
export const session: Promise<Session> = client.sessions.create({ maxTurns: 3 });
export const store = new EdgeSessionStore(client, { project: 'p' });
export const total: Promise<number> = new ClaudeCodeSessionManager({ client }).getTotalSessionCount();
// @ts-expect-error: a number is no model
client.sessions.create({ model: 3 });
`;

const berth = await Berth.start();
const project = await temporaryFolder();

beforeAll(async () => {
  await installPackage(project);
  await symlink(join(ROOT, 'node_modules/zod'), join(project, 'node_modules/zod'));
  await writeFile(join(project, 'smoke.mjs'), SMOKE);
  await writeFile(join(project, 'typed.ts'), TYPED);
});

describe('the package, installed in a project of its own', () => {
  it.each([
    ['Node', process.execPath, ['smoke.mjs']],
    [
      'Deno',
      bin(import.meta.dirname, 'deno'),
      ['run', '--allow-net', '--allow-env', '--no-remote', 'smoke.mjs'],
    ],
    ['Bun', bin(import.meta.dirname, 'bun'), ['smoke.mjs']],
  ])('keeps sessions and transcripts from %s', async (_, program, args) => {
    const env = { ...process.env, BERTH_URL: berth.url, DENO_NO_UPDATE_CHECK: '1' };
    const { stdout } = await run(program, args, { cwd: project, env });
    expect(JSON.parse(stdout)).toEqual(RESULT);
  });

  it.each(['nodenext', 'bundler'])('has its types by the resolution %s', async (resolution) => {
    const module = resolution === 'bundler' ? 'esnext' : resolution;
    const options = ['--noEmit', '--strict', '--target', 'es2022', '--lib', 'es2022,dom', '--types', ''];
    const files = ['--module', module, '--moduleResolution', resolution, 'typed.ts'];
    const { stdout } = await run(bin(ROOT, 'tsc'), [...options, ...files], { cwd: project });
    expect(stdout).toBe('');
  });

  it('is what it says of itself, by publint', async () => {
    const tarball = (await readdir(project)).find((name) => name.endsWith('.tgz')) ?? '';
    const args = ['run', join(project, tarball), '--strict'];
    const { stdout } = await run(bin(import.meta.dirname, 'publint'), args, { cwd: project });
    expect(stdout).toContain('All good');
  });
});
