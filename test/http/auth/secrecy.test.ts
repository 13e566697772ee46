import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { Session } from '../../../src/contract/session.ts';
import { failCalls, resetCalls } from '../../support/calls.ts';
import { Caller, SECRET, Service, sign, type Sent } from '../../support/tokens.ts';
import { knock } from '../../support/viewer.ts';

/** What is planted: nothing else looks like it. */
const PROMPT = 'planted-prompt-7f3a';
const METADATA = 'planted-metadata-91bc';
const METADATA_KEY = 'planted-key-c04e';
const ENTRY = 'planted-entry-2d58';
const SUMMARY = 'planted-summary-e6f1';
const CONTENT = [PROMPT, METADATA, METADATA_KEY, ENTRY, SUMMARY];
const PREVIOUS = 'planted-previous-secret-of-32-bytes';

let lines: string[] = [];
/** What was answered: errors apart, for an owner may read what is its own. */
let answers: string[] = [];
let errors: string[] = [];

beforeEach(() => {
  [lines, answers, errors] = [[], [], []];
  for (const method of ['log', 'info', 'debug', 'warn', 'error', 'trace'] as const)
    vi.spyOn(console, method).mockImplementation((...values: unknown[]) => {
      lines.push(values.map(String).join(' '));
    });
});
afterEach(() => {
  vi.restoreAllMocks();
  resetCalls();
});

/** A response, headers and all, as text. */
async function keep(response: Response): Promise<string> {
  const body = new TextDecoder().decode(await response.arrayBuffer());
  const text = `${JSON.stringify([...response.headers])}\n${body}`;
  (response.ok ? answers : errors).push(text);
  return body;
}

/** The parts of a token that let one in: all of it, and its signature alone. */
const secretsOf = (token: string) => [token, token.split('.')[2] ?? token];

const config = {
  appendSystemPrompt: PROMPT,
  metadata: { [METADATA_KEY]: METADATA, deep: { [METADATA_KEY]: [METADATA] } },
};
const entries = [{ uuid: 'u', text: ENTRY }];

test('neither secrets nor tokens nor what is held for others show where they don’t belong', async () => {
  const service = new Service({ AUTH_JWT_SECRET: SECRET, AUTH_JWT_SECRET_PREVIOUS: PREVIOUS });
  const good = await sign({ tenant: 'acme', jti: 'known-to-the-log' });
  const bad = await sign({ tenant: 'acme' }, 'planted-wrong-secret-of-32-bytes-and-more');
  const expired = await sign({ tenant: 'acme', exp: 1 }, PREVIOUS);
  const caller = new Caller(service, good);
  const send = async (method: string, path: string, sent: Sent = {}) =>
    keep(await caller.call(method, path, sent));

  const made = JSON.parse(await send('POST', '/v1/sessions', { body: config })) as Session;
  const path = `/v1/sessions/${made.sessionId}`;
  const transcript = '/v1/projects/p/transcripts/t';
  await send('PATCH', path, { body: config });
  await send('POST', `${path}/activity`);
  await send('GET', `/v1/sessions?metadata.${METADATA_KEY}=${METADATA}`);
  await send('POST', `${transcript}/entries?touch=${made.sessionId}`, {
    body: { entries, summary: { data: { text: SUMMARY }, ifVersion: 0 } },
  });
  await send('GET', `${transcript}/entries`);
  await send('GET', '/v1/projects/p/transcripts');

  // What is wrong is named by its field, never by its value.
  await send('POST', '/v1/sessions', { body: { ...config, model: 7, maxTurns: PROMPT, cwd: [METADATA] } });
  await send('POST', '/v1/sessions', { body: { ...config, appendSystemPrompt: PROMPT.repeat(5_000) } });
  await send('POST', '/v1/sessions', { body: { metadata: { [METADATA_KEY]: METADATA.repeat(2_000) } } });
  await send('POST', '/v1/sessions', { body: { permissionMode: PROMPT } });
  await send('PATCH', path, { body: { metadata: METADATA } });
  await send('POST', `${transcript}/entries`, { body: { entries: [ENTRY] } });
  await send('POST', `${transcript}/entries`, {
    body: { entries, summary: { data: SUMMARY, ifVersion: 0 } },
  });
  await send('GET', `/v1/sessions?metadata.${METADATA_KEY}=${METADATA.repeat(20)}`);
  for (const text of [`{"appendSystemPrompt": "${PROMPT}`, `"${PROMPT}`, PROMPT, `{"${PROMPT}"}`])
    await send('POST', '/v1/sessions', { text });

  // Where an object fails, and where a transition is logged.
  failCalls('session.get', 'before');
  failCalls('registry.report', 'before', 1);
  await send('GET', path);
  await send('PATCH', path, { body: { metadata: { again: METADATA } } });
  resetCalls();
  await send('DELETE', path);
  await send('PATCH', path, { body: config });
  await send('DELETE', `${path}?purge=true`);
  await send('DELETE', transcript);

  // Tokens where they belong, and where they don't.
  for (const token of [bad, expired, `${good}x`]) await keep(await service.call('GET', path, token));
  for (const token of [good, bad]) {
    await keep(await service.call('GET', `/v1/sessions/${token}`, token));
    await keep(await service.call('GET', `/v1/sessions?access_token=${token}`, good));
    await keep(await service.call('GET', `/v1/${token}`, null));
    await keep(await service.call('GET', path, null, { headers: { 'X-Request-Id': token, Cookie: token } }));
    await keep(await knock(service, [`bearer.${token}`], { Origin: 'https://evil.example' }));
  }
  const watching = await knock(service, ['berth.v1', `bearer.${good}`]);
  expect(watching.status).toBe(101);
  answers.push(JSON.stringify([...watching.headers]));
  watching.webSocket?.accept();
  watching.webSocket?.close();

  expect(lines.length).toBeGreaterThan(40);
  expect(errors.length).toBeGreaterThan(20);
  const everywhere = [...lines, ...errors, ...answers].join('\n');
  for (const secret of [SECRET, PREVIOUS, ...[good, bad, expired].flatMap(secretsOf)])
    expect(everywhere).not.toContain(secret);
  const outside = [...lines, ...errors].join('\n');
  for (const content of CONTENT.filter((it) => it !== METADATA_KEY)) expect(outside).not.toContain(content);
  // The name of a filter is the name of a field, which an error has to say; the log has no use for it.
  expect(lines.join('\n')).not.toContain(METADATA_KEY);
  // The owner has seen all of it: it was there to be leaked.
  for (const content of [PROMPT, METADATA, ENTRY, SUMMARY]) expect(answers.join('\n')).toContain(content);
});

test('the log says who, what and how it came out', async () => {
  const service = new Service();
  const caller = new Caller(service, await sign({ tenant: 'acme', jti: 'token-1' }));
  const made = await caller.json<Session>('POST', '/v1/sessions');
  await caller.call('PATCH', `/v1/sessions/${made.sessionId}`, { body: { model: '' } });
  await service.call('GET', '/v1/sessions', 'rubbish');
  const requests = lines
    .map((line) => JSON.parse(line) as Record<string, unknown>)
    .filter(({ event }) => event === 'request');
  expect(requests).toMatchObject([
    { method: 'POST', route: '/v1/sessions', status: 201, tenant: 'acme', tokenId: 'token-1' },
    {
      method: 'PATCH',
      route: '/v1/sessions/:id',
      status: 400,
      code: 'invalid_request',
      tenant: 'acme',
      tokenId: 'token-1',
      sessionId: made.sessionId,
    },
    { method: 'GET', route: '/v1/sessions', status: 401, code: 'unauthenticated' },
  ]);
  expect(requests[2]).not.toHaveProperty('tenant');
});

test('a token’s id is no way to write into the log at length', async () => {
  const service = new Service();
  await service.call('GET', '/v1/sessions', await sign({ jti: `${'j'.repeat(4_000)}\n{"event":"forged"}` }));
  for (const line of lines) expect(line.length).toBeLessThan(1_000);
  expect(lines.flatMap((line) => line.split('\n')).some((line) => line.startsWith('{"event":"forged"'))).toBe(
    false,
  );
});
