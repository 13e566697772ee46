import { spawn, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { SignJWT } from 'jose';
import { beforeAll, describe, expect, test } from 'vitest';
import { api, valueOf, type Api } from '../../scripts/api.ts';
import type { RegistryLimits, RegistryStats } from '../../src/contract/registry.ts';
import { listAll, prepareServer } from './server.ts';

const DEMO = join(import.meta.dirname, '../../scripts/demo.ts');

/** Runs the demonstration; `onOutput` sees all that it has printed so far. */
async function demo(
  url: string,
  env: Record<string, string> = {},
  onOutput: (output: string, child: ChildProcess) => void = () => undefined,
): Promise<{ code: number; output: string; errors: string }> {
  const child = spawn(process.execPath, [DEMO, '--url', url], { env: { ...process.env, ...env } });
  let [output, errors] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text;
    onOutput(output, child);
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    errors += text;
  });
  const [code]: number[] = await once(child, 'close');
  return { code: code ?? -1, output, errors };
}

describe('against a server', async () => {
  const start = await prepareServer({ MAX_SESSIONS: 50 });
  let url: string;
  let server: Api;

  beforeAll(async () => {
    ({ url } = await start());
    server = api(url);
  });

  const limit = async () => valueOf(await server.call<RegistryLimits>('GET', '/v1/registry/limits'));
  const stats = async () => valueOf(await server.call<RegistryStats>('GET', '/v1/registry/stats'));

  test('it plays the whole day, aligned, and leaves nothing active', async () => {
    const mine = valueOf(await server.call<{ sessionId: string }>('POST', '/v1/sessions'));
    const { code, output, errors } = await demo(url);
    expect({ code, errors }).toEqual({ code: 0, errors: '' });

    const [, table = ''] = output.split('\n\n');
    const lines = table.split('\n');
    const numbers = lines.slice(2).filter((line) => /^ {1,3}\d/.test(line));
    expect(numbers).toHaveLength(13);
    const width = lines[1]?.length;
    for (const line of numbers) expect(line).toHaveLength(width ?? 0);
    const cells = numbers.map((line) => line.slice(57).trim().split(/\s+/).join(' '));
    // The one that was there before counts too: the limit leaves room for four beside it.
    expect(cells).toEqual([
      '1/50 0 0 0 0',
      '1/5 0 0 0 0',
      '4/5 0 0 0 0',
      '4/5 0 0 0 0',
      '4/5 0 0 0 5',
      '5/5 0 0 0 5',
      '5/5 0 0 1 5',
      '4/5 0 1 1 5',
      '5/5 0 1 1 5',
      '3/5 2 1 1 5',
      '3/5 2 1 1 5',
      '4/5 2 1 1 5',
      '1/50 2 4 1 5',
    ]);
    expect(output).toMatch(/429 max_sessions_reached\.\s+[\s\S]*Retry-After:\s\d+\ss\./);
    expect(output).toContain('410');
    expect(await limit()).toEqual({ maxSessions: 50 });
    expect((await listAll(server, 'active')).map(({ sessionId }) => sessionId)).toEqual([mine.sessionId]);
  });

  test('Ctrl-C, again and again, at the limit: the limit is put back and its sessions end', async () => {
    const before = await stats();
    const { code, output } = await demo(url, {}, (soFar, child) => {
      if (soFar.includes('429') && !soFar.includes('Interrupted')) child.kill('SIGINT');
    });
    expect({ code, interrupted: output.includes('Interrupted.') }).toEqual({ code: 130, interrupted: true });
    expect(output).not.toContain('resumed');
    expect(await limit()).toEqual({ maxSessions: 50 });
    expect((await stats()).activeCount).toBe(before.activeCount);
  });

  test('it raises no limit: without room it says so, and touches nothing', async () => {
    const before = await stats();
    valueOf(await server.call('PUT', '/v1/registry/limits', { maxSessions: before.activeCount + 3 }));
    const { code, errors } = await demo(url);
    expect(code).toBe(1);
    expect(errors).toContain('slots are taken');
    expect(await stats()).toEqual({ ...before, maxSessions: before.activeCount + 3 });
    valueOf(await server.call('PUT', '/v1/registry/limits', { maxSessions: 50 }));
  });
});

const secret = randomBytes(32).toString('hex');
const startGuarded = await prepareServer({ AUTH: 'required', AUTH_JWT_SECRET: secret });

test('it speaks for the bearer of BERTH_TOKEN, and says what is not allowed', async () => {
  const guarded = await startGuarded();
  const token = await new SignJWT({ scope: 'sessions:read registry:read' })
    .setProtectedHeader({ alg: 'HS256' })
    .setExpirationTime('1m')
    .sign(new TextEncoder().encode(secret));

  const stranger = await demo(guarded.url);
  expect(stranger).toMatchObject({ code: 1, errors: expect.stringContaining('401 unauthenticated') });
  const reader = await demo(guarded.url, { BERTH_TOKEN: token });
  expect(reader).toMatchObject({ code: 1, errors: expect.stringContaining('403 forbidden') });
  expect(reader.output).toContain('0/100');
  await guarded.stop();
});

test('where nothing answers, it says how to start the server', async () => {
  const { code, output, errors } = await demo('http://127.0.0.1:1');
  expect({ code, output }).toEqual({ code: 1, output: '' });
  expect(errors).toContain('Berth does not answer at http://127.0.0.1:1.');
  expect(errors).toContain('npm start');
});

test('where something else answers, it says so', async () => {
  const other = createServer((_, response) => response.end('<h1>It works!</h1>')).listen(0, '127.0.0.1');
  await once(other, 'listening');
  const address = other.address();
  const port = typeof address === 'object' ? address?.port : undefined;
  const { code, errors } = await demo(`http://127.0.0.1:${port}`);
  other.close();
  expect(code).toBe(1);
  expect(errors).toContain('is not Berth');
});
