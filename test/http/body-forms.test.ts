import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Session } from '../../src/contract/session.ts';
import { create } from '../support/api.ts';
import { inventory } from '../support/inventory.ts';
import { expectInvalid, expectProblem } from '../support/problems.ts';
import { send, streamOf } from '../support/raw.ts';

const JSON_TYPE = { 'Content-Type': 'application/json' };
const MAX_BODY_BYTES = 65_536;
const encoder = new TextEncoder();
/** A body that would be taken, with spaces up to a size. */
const padded = (bytes: number) => `{"model":"m"}${' '.repeat(bytes - 13)}`;

let session: Session;
let before: Awaited<ReturnType<typeof inventory>>;
beforeAll(async () => {
  session = await create();
  before = await inventory();
});

/** A byte that begins no character, between two texts. */
const invalidIn = (start: string, end: string) =>
  new Uint8Array([...encoder.encode(start), 0x80, ...encoder.encode(end)]);

/** Every route that has a body, and whether it can do without one. */
const routes = (): [method: string, path: string, required: boolean][] => [
  ['POST', '/v1/sessions', false],
  ['PATCH', `/v1/sessions/${session.sessionId}`, true],
  ['POST', `/v1/sessions/${session.sessionId}/activity`, false],
  ['POST', `/v1/sessions/${session.sessionId}/resume`, false],
  ['PUT', `/v1/sessions/${session.sessionId}/claude-session-id`, true],
  ['PUT', '/v1/registry/limits', true],
];

describe('a body that is refused stores nothing:', () => {
  const expectNothingStored = async () => expect(await inventory()).toEqual(before);
  afterEach(expectNothingStored);

  test.each([
    ['broken JSON', '{"model":'],
    ['two values', '{}{}'],
    ['a trailing comma', '{"a":1,}'],
    ['single quotes', "{'model':'m'}"],
    ['only a space', ' '],
    ['invalid UTF-8', new Uint8Array([0x7b, 0x22, 0x61, 0x22, 0x3a, 0x22, 0xff, 0xfe, 0x22, 0x7d])],
    ['a truncated character', new Uint8Array([0x22, 0xf0, 0x9f, 0x98])],
    ['a byte that is no UTF-8 in a name', invalidIn('{"', '":1}')],
    ['a byte that is no UTF-8 in a value', invalidIn('{"messages":"', '"}')],
    ['UTF-16', new Uint8Array([0xff, 0xfe, 0x7b, 0x00, 0x7d, 0x00])],
    ['a zero byte', new Uint8Array([0])],
    ['an array', '[]'],
    ['an array of objects', '[{"model":"m"}]'],
    ['null', 'null'],
    ['text', '"model"'],
    ['a number', '1'],
    ['true', 'true'],
    ['brackets without an end', '['.repeat(60_000)],
    ['brackets as deep as fit', '['.repeat(32_000) + ']'.repeat(32_000)],
  ])('%s', async (_, body) => {
    for (const [method, path] of routes())
      await expectInvalid(await send(method, path, { headers: JSON_TYPE, body }), '');
  });

  test.each(['metadata', 'model', 'messages', 'claudeSessionId', 'maxSessions', 'x'])(
    '%s nested as deep as fits',
    async (name) => {
      const body = `{"${name}":${'{"a":'.repeat(10_000)}1${'}'.repeat(10_000)}}`;
      for (const [method, path] of routes())
        await expectProblem(await send(method, path, { headers: JSON_TYPE, body }), 'invalid_request');
    },
  );

  test('none where one is needed', async () => {
    for (const [method, path, required] of routes()) {
      if (!required) continue;
      await expectInvalid(await send(method, path, { headers: JSON_TYPE, body: '' }), '');
      await expectInvalid(await send(method, path), '');
    }
  });

  test.each([
    undefined,
    'text/plain',
    'text/json',
    'application/x-www-form-urlencoded',
    'multipart/form-data; boundary=x',
    'application/json-patch+json',
    'application/jsonx',
    'json',
    '',
  ])('of content type %s', async (type) => {
    const headers: Record<string, string> = type === undefined ? {} : { 'Content-Type': type };
    for (const [method, path] of routes())
      await expectProblem(await send(method, path, { headers, body: '{}' }), 'unsupported_media_type');
  });

  test('as a merge patch, but for PATCH', async () => {
    const headers = { 'Content-Type': 'application/merge-patch+json' };
    for (const [method, path] of routes().filter(([name]) => name !== 'PATCH'))
      await expectProblem(await send(method, path, { headers, body: '{}' }), 'unsupported_media_type');
  });

  test('over 64 KiB, by Content-Length', async () => {
    const headers = { ...JSON_TYPE, 'Content-Length': String(MAX_BODY_BYTES + 1) };
    for (const [method, path] of routes()) {
      const body = padded(MAX_BODY_BYTES + 1);
      await expectProblem(await send(method, path, { headers, body }), 'payload_too_large');
    }
  });

  test('over 64 KiB, of unknown length', async () => {
    for (const [method, path] of routes()) {
      const body = streamOf(encoder.encode(padded(MAX_BODY_BYTES + 1)));
      await expectProblem(await send(method, path, { headers: JSON_TYPE, body }), 'payload_too_large');
    }
  });

  test('over 64 KiB, on a route that takes none', async () => {
    const body = padded(MAX_BODY_BYTES + 1);
    const path = `/v1/sessions/${session.sessionId}`;
    await expectProblem(await send('DELETE', path, { body }), 'payload_too_large');
    await expectProblem(await send('POST', `${path}/resume`, { body }), 'payload_too_large');
  });
});

describe('a body that is taken:', () => {
  beforeEach(async () => {
    session = await create();
  });

  test.each([
    'application/json',
    'application/json; charset=utf-8',
    'APPLICATION/JSON;charset="UTF-8"',
    'application/json ;x=y',
  ])('of content type %s', async (type) => {
    const headers = { 'Content-Type': type };
    expect((await send('POST', '/v1/sessions', { headers, body: '{}' })).status).toBe(201);
  });

  test('a merge patch, named so, on PATCH', async () => {
    const headers = { 'Content-Type': 'application/merge-patch+json; charset=utf-8' };
    const path = `/v1/sessions/${session.sessionId}`;
    const response = await send('PATCH', path, { headers, body: '{"model":"m"}' });
    expect(response.status).toBe(200);
    expect((await response.json<Session>()).config.model).toBe('m');
  });

  test('none, with or without a content type, where none is needed', async () => {
    for (const [method, path] of routes().filter(([, , required]) => !required)) {
      for (const headers of [{}, JSON_TYPE, { 'Content-Type': 'text/plain' }])
        expect((await send(method, path, { headers, body: '' })).ok).toBe(true);
      expect((await send(method, path)).ok).toBe(true);
    }
  });

  test('behind a byte order mark', async () => {
    for (const [method, path] of routes().filter(([, , required]) => !required))
      expect((await send(method, path, { headers: JSON_TYPE, body: '\uFEFF{}' })).ok).toBe(true);
  });

  test('a byte order mark alone, as none, where none is needed', async () => {
    for (const [method, path, required] of routes()) {
      const response = await send(method, path, { headers: JSON_TYPE, body: '\uFEFF' });
      if (required) await expectInvalid(response, '');
      else expect(response.ok).toBe(true);
    }
  });

  test('exactly 64 KiB, of known and of unknown length', async () => {
    const bytes = encoder.encode(padded(MAX_BODY_BYTES));
    const headers = { ...JSON_TYPE, 'Content-Length': String(MAX_BODY_BYTES) };
    expect((await send('POST', '/v1/sessions', { headers, body: bytes })).status).toBe(201);
    const body = streamOf(bytes);
    expect((await send('POST', '/v1/sessions', { headers: JSON_TYPE, body })).status).toBe(201);
  });

  test('in pieces that cut characters in two', async () => {
    const body = streamOf(encoder.encode('{"model":"😀ü😀"}'), 3);
    const response = await send('POST', '/v1/sessions', { headers: JSON_TYPE, body });
    expect((await response.json<Session>()).config.model).toBe('😀ü😀');
  });
});
