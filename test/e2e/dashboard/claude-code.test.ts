/** What the real Claude Code program writes, on the page. */
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { PROJECT, turn } from '../support/app.ts';
import { temporaryFolder } from '../support/berth.ts';
import { Host } from '../support/host.ts';
import { startMessagesApi } from '../support/messages-api.ts';
import { answerOf } from '../support/model.ts';
import { useBrowser } from './browser.ts';
import { serve } from './server.ts';

const folder = await temporaryFolder();
const open = useBrowser();
const server = await serve();
const api = await startMessagesApi(answerOf);

test('a conversation of Claude Code is read as one, its subagent’s too', async () => {
  const host = await Host.at(join(folder, 'host'), api.url);
  const { client } = server;
  const { sessionId } = await client.sessions.create({ permissionMode: 'bypassPermissions' });
  await turn(host, client, sessionId, 'First [bash: echo depth-$((40 + 2))]');
  await turn(host, client, sessionId, 'Second [agent: Report the tide.]');
  await turn(host, client, sessionId, 'Third [bash: ls /nowhere]');
  expect((await client.sessions.get(sessionId)).projectKey).toBe(PROJECT);

  const { page, complaints } = await open(`${server.url}/#/sessions/${sessionId}`);
  await page.locator('.turn').getByText('It came to "Exit code 2').waitFor();
  const turns = await page.locator('.turn').evaluateAll((all) =>
    all.map((it) => {
      const who = it.querySelector('.who b')?.textContent ?? '';
      const said = it.querySelector(':scope > :is(p:not(.who), details) summary, :scope > p:not(.who)');
      return `${who}: ${said?.textContent.slice(0, 40)}`;
    }),
  );
  expect(turns).toEqual([
    'User: First [bash: echo depth-$((40 + 2))]',
    'Claude: Bash echo depth-$((40 + 2))',
    ': Result Bash depth-42',
    ': It came to "depth-42".',
    'User: Second [agent: Report the tide.]',
    'Claude: Agent As told',
    expect.stringMatching(/^: Result Agent /),
    expect.stringMatching(/^: It came to /),
    'User: Third [bash: ls /nowhere]',
    'Claude: Bash ls /nowhere',
    ': Failed Bash Exit code 2 +1 line',
    expect.stringMatching(/^: It came to "Exit code 2/),
  ]);
  await page.getByRole('button', { name: 'What the subagent did' }).click();
  await page.locator('.turn.user').getByText('Report the tide.', { exact: true }).waitFor();
  await page.locator('.turn.assistant').getByText('You said: Report the tide.').waitFor();
  expect(complaints).toEqual([]);
});
