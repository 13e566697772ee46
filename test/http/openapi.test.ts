import { beforeAll, describe, expect, test } from 'vitest';
import * as z from 'zod';
import { ERRORS } from '../../src/contract/errors.ts';
import { SCOPES } from '../../src/contract/scopes.ts';
import { newSessionId } from '../../src/contract/session-id.ts';
import { routes } from '../../src/http/routes/index.ts';
import { call, callJson, create } from '../support/api.ts';
import { limitTo } from '../support/inventory.ts';

type Json = Record<string, unknown>;
type JsonSchema = Parameters<typeof z.fromJSONSchema>[0];

interface Content {
  readonly [type: string]: { readonly schema?: Json };
}
interface Operation {
  readonly operationId: string;
  readonly summary: string;
  readonly parameters: readonly { name: string; in: string; required: boolean; schema: Json }[];
  readonly requestBody?: { readonly required: boolean; readonly content: Content };
  readonly responses: Readonly<Record<string, { description: string; content?: Content }>>;
  readonly security: readonly Record<string, readonly string[]>[];
  readonly 'x-scope': string;
}
interface Document {
  readonly openapi: string;
  readonly info: { readonly title: string; readonly version: string };
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly schemas: Record<string, Json>; readonly securitySchemes: Json };
}

const PROBLEM_TYPE = 'application/problem+json';

let document: Document;
beforeAll(async () => {
  document = await callJson<Document>('GET', '/openapi.json');
});

const operations = () =>
  Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ method: method.toUpperCase(), path, operation })),
  );

/** What a `$ref` in the document points to; undefined where it points nowhere. */
function resolve(ref: string): unknown {
  const [root, ...names] = ref.split('/');
  if (root !== '#') return undefined;
  return names.reduce<unknown>((value, name) => (value as Json | undefined)?.[name], document);
}

/** Every object in the document, at any depth. */
function nodes(value: unknown): Json[] {
  if (typeof value !== 'object' || value === null) return [];
  const inner = Object.values(value).flatMap(nodes);
  return Array.isArray(value) ? inner : [value as Json, ...inner];
}

describe('the document', () => {
  test('is OpenAPI 3.1, with a title and a version', () => {
    expect(document.openapi).toMatch(/^3\.1\.\d+$/);
    expect(document.info.title).toBe('Berth');
    expect(document.info.version).toMatch(/^\d+\.\d+\.\d+/);
  });

  test('has every route, and no other', () => {
    const declared = routes.map(({ method, path }) => `${method} ${path.replaceAll(/:(\w+)/g, '{$1}')}`);
    expect(
      operations()
        .map(({ method, path }) => `${method} ${path}`)
        .toSorted(),
    ).toEqual(declared.toSorted());
    expect(declared).toContain('POST /v1/sessions/{id}/activity');
  });

  test('refers to nothing that is not there', () => {
    const refs = nodes(document).flatMap(({ $ref }) => (typeof $ref === 'string' ? [$ref] : []));
    expect(refs.length).toBeGreaterThan(0);
    expect(refs.filter((ref) => resolve(ref) === undefined)).toEqual([]);
  });

  test('gives each operation an id of its own, a summary and a scope that there is', () => {
    const ids = operations().map(({ operation }) => operation.operationId);
    expect(new Set(ids).size).toBe(ids.length);
    for (const { operation } of operations()) {
      expect(operation.summary).not.toBe('');
      const scope = operation['x-scope'];
      expect(['public', ...Object.keys(SCOPES)]).toContain(scope);
      expect(operation.security).toEqual(scope === 'public' ? [] : [{ bearer: [scope] }]);
    }
    expect(Object.keys(document.components.securitySchemes)).toEqual(['bearer']);
  });

  test('declares each parameter of a path, once, as required', () => {
    for (const { path, operation } of operations()) {
      const inPath = operation.parameters.filter((it) => it.in === 'path');
      expect(inPath.map(({ name }) => `{${name}}`)).toEqual(path.match(/\{\w+\}/g) ?? []);
      expect(inPath.every(({ required }) => required)).toBe(true);
      const names = operation.parameters.map((it) => `${it.in} ${it.name}`);
      expect(new Set(names).size).toBe(names.length);
    }
  });

  test('has a success and the errors that any route may answer, by every operation', () => {
    for (const { operation } of operations()) {
      const statuses = Object.keys(operation.responses).map(Number);
      const needed = [
        500,
        503,
        ...(operation['x-scope'] === 'public' ? [] : [401, 403, 429]),
        ...(operation.requestBody === undefined ? [] : [400, 413, 415]),
      ];
      expect(statuses.some((status) => status < 400)).toBe(true);
      expect(statuses).toEqual(expect.arrayContaining(needed));
      const answers = Object.entries(operation.responses);
      expect(answers.filter(([, { description }]) => description === '')).toEqual([]);
      const errors = answers.filter(([status]) => Number(status) >= 400);
      for (const [, { content }] of errors) expect(Object.keys(content ?? {})).toEqual([PROBLEM_TYPE]);
    }
  });

  test('knows every error code', () => {
    const { properties } = document.components.schemas['Problem'] as {
      properties: { code: { enum: string[] } };
    };
    expect(properties.code.enum.toSorted()).toEqual(Object.keys(ERRORS).toSorted());
  });

  test('takes a merge patch where there is a patch, and JSON everywhere', () => {
    for (const { method, operation } of operations()) {
      if (operation.requestBody === undefined) continue;
      const types = Object.keys(operation.requestBody.content);
      const merge = method === 'PATCH' ? ['application/merge-patch+json'] : [];
      expect(types).toEqual(['application/json', ...merge]);
    }
  });

  test('tells the parameters of a list', () => {
    const list = document.paths['/v1/sessions']?.['get'];
    const names = list?.parameters.map(({ name }) => name);
    expect(names).toEqual(['status', 'limit', 'cursor', 'model', 'claudeSessionId', 'metadata']);
    expect(list?.parameters.find(({ name }) => name === 'limit')?.schema).toMatchObject({
      type: 'integer',
      minimum: 1,
      maximum: 100,
      default: 50,
    });
  });
});

/** The schema that the document declares, with references resolved, as a validator. */
function validator(schema: Json | undefined): z.ZodType {
  expect(schema).toBeDefined();
  const ref = schema?.['$ref'];
  const whole = typeof ref === 'string' ? resolve(ref) : schema;
  return z.fromJSONSchema(whole as JsonSchema);
}

describe('real answers are as declared:', () => {
  const answered = async (method: string, template: string, id: string, body?: unknown): Promise<number> => {
    const response = await call(method, template.replace('{id}', id), { body });
    const [path = ''] = template.split('?');
    const declared = document.paths[path]?.[method.toLowerCase()]?.responses[response.status];
    const type = response.headers.get('Content-Type') ?? '';
    const parsed = validator(declared?.content?.[type]?.schema).safeParse(await response.json());
    const what = `${method} ${template} ${response.status}`;
    expect({ what, issues: parsed.error?.issues }).toEqual({ what, issues: undefined });
    return response.status;
  };
  const ID = '/v1/sessions/{id}';

  test('of every route, where all goes well', async () => {
    const full = {
      model: 'm',
      appendSystemPrompt: 'p',
      metadata: { a: { b: [1, null] } },
      maxLifetimeMs: 5_000,
    };
    expect(await answered('POST', '/v1/sessions', '', full)).toBe(201);
    const { sessionId: id } = await create();
    expect(await answered('GET', ID, id)).toBe(200);
    expect(await answered('PATCH', ID, id, { model: 'n', maxLifetimeMs: null })).toBe(200);
    expect(await answered('POST', `${ID}/activity`, id, { messages: 2 })).toBe(200);
    const link = { claudeSessionId: 'c', projectKey: 'p' };
    expect(await answered('PUT', `${ID}/claude-session-id`, id, link)).toBe(200);
    expect(await answered('POST', `${ID}/resume`, id)).toBe(200);
    expect(await answered('GET', '/v1/sessions?limit=1', '')).toBe(200);
    expect(await answered('DELETE', ID, id)).toBe(200);
    expect(await answered('GET', '/v1/sessions?status=all', '')).toBe(200);
    expect(await answered('GET', '/v1/registry/stats', '')).toBe(200);
    expect(await answered('GET', '/v1/registry/series?minutes=3', '')).toBe(200);
    expect(await answered('GET', '/v1/registry/limits', '')).toBe(200);
    expect(await answered('PUT', '/v1/registry/limits', '', { maxSessions: 100 })).toBe(200);
    expect(await answered('GET', '/healthz', '')).toBe(200);
  });

  test('of problems', async () => {
    const { sessionId: id } = await create();
    await call('DELETE', `/v1/sessions/${id}`);
    expect(await answered('POST', '/v1/sessions', '', { model: '' })).toBe(400);
    expect(await answered('GET', '/v1/sessions?limit=0', '')).toBe(400);
    expect(await answered('GET', ID, newSessionId())).toBe(404);
    expect(await answered('PATCH', ID, id, {})).toBe(410);
    expect(await answered('POST', `${ID}/activity`, id)).toBe(410);
    expect(await answered('POST', `${ID}/resume`, id)).toBe(410);
    expect(await answered('DELETE', ID, id)).toBe(410);
    const entries = '/v1/projects/{project}/transcripts/{session}/entries';
    const stale = { entries: [], summary: { data: {}, ifVersion: 7 } };
    expect(await answered('POST', entries, '', stale)).toBe(409);
    await limitTo(0);
    expect(await answered('POST', '/v1/sessions', '')).toBe(429);
    await limitTo(100);
  });

  test('and the declared request bodies refuse what the routes refuse', async () => {
    const schema = document.paths['/v1/sessions']?.['post']?.requestBody?.content['application/json']?.schema;
    const body = validator(schema);
    const good = [{}, { model: 'm' }, { maxLifetimeMs: null }, { metadata: { a: 1 } }];
    const bad = [{ model: '' }, { maxTurns: 0 }, { nonsense: 1 }, { permissionMode: 'x' }, { metadata: [] }];
    expect(good.filter((it) => !body.safeParse(it).success)).toEqual([]);
    expect(bad.filter((it) => body.safeParse(it).success)).toEqual([]);
  });
});
