import { cp, readFile, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { expect, test } from 'vitest';
import { EdgeSessionStore } from '../../src/agent-sdk/index.ts';
import { Berth, temporaryFolder } from './support/berth.ts';
import { Host } from './support/host.ts';
import { startMessagesApi } from './support/messages-api.ts';
import { answerOf } from './support/model.ts';
import { installPackage, runProgram } from './support/package.ts';

// What is printed in the documentation does what it says, with the package that users install.

const ROOT = resolve(import.meta.dirname, '../..');

const folder = await temporaryFolder();
const project = await installPackage(await temporaryFolder());
const berth = await Berth.start();
const api = await startMessagesApi(answerOf);

const runOn = (host: Host, path: string, ...args: string[]) =>
  runProgram(path, args, { cwd: host.cwd, env: { ...host.env, BERTH_URL: berth.url } });

test('the example shares a conversation between two hosts, in processes and folders of their own', async () => {
  const program = join(project, 'host.ts');
  await cp(join(ROOT, 'examples/two-hosts/host.ts'), program);
  const [a, b] = [await Host.at(join(folder, 'a'), api.url), await Host.at(join(folder, 'b'), api.url)];
  const first = await runOn(a, program, 'My boat is called Zephyr. Remember it.');
  expect(first).toContain('You said: My boat is called Zephyr.');
  const [, sessionId = ''] = /^session (\S+)$/m.exec(first) ?? [];
  await a.forget();

  const second = await runOn(b, program, 'What is my boat called?', sessionId);
  expect(second).toContain('You said: What is my boat called?');
  expect(second).toContain(`session ${sessionId}`);
  const request = JSON.stringify(api.requests.at(-1)?.messages);
  for (const said of ['My boat is called Zephyr.', 'What is my boat called?'])
    expect(request).toContain(said);
  expect(await berth.client().sessions.get(sessionId)).toMatchObject({
    status: 'active',
    claudeSessionId: sessionId,
    projectKey: 'two-hosts',
    messageCount: 2,
  });
});

test('the lines of the guide run as they stand, and find the SDK by themselves', async () => {
  const guide = await readFile(join(ROOT, 'docs/agent-sdk.md'), 'utf8');
  const [, lines = ''] = /```ts\n([^]+?)```/.exec(guide) ?? [];
  const program = join(project, 'guide.ts');
  await writeFile(program, lines);
  const host = await Host.at(join(folder, 'guide'), api.url);
  expect(await runOn(host, program)).toContain('You said: What is in this folder?');

  const store = new EdgeSessionStore(berth.client(), { project: 'shop' });
  const [summary, ...others] = await store.listSessionSummaries('');
  expect(others).toEqual([]);
  expect(summary?.data).toMatchObject({ firstPrompt: 'What is in this folder?' });
});
