/**
 * The OpenAPI document, made from the declarations that the app is made from.
 *
 * @module
 */
import * as z from 'zod/mini';
import { ERRORS, type ErrorCode } from '../contract/errors.ts';
import { IDEMPOTENCY_KEY_PATTERN } from '../contract/limits.ts';
import { SCOPES } from '../contract/scopes.ts';
import { JSON_TYPE, MERGE_PATCH_TYPE } from './input.ts';
import type { Route } from './route.ts';

type Json = Record<string, unknown>;

/** What any route may answer. */
const COMMON_ERRORS: readonly ErrorCode[] = ['internal', 'overloaded'];
const AUTHENTICATED_ERRORS: readonly ErrorCode[] = [
  'unauthenticated',
  'forbidden',
  'rate_limited',
  'auth_not_configured',
];
const INPUT_ERRORS: readonly ErrorCode[] = ['invalid_request'];
const BODY_ERRORS: readonly ErrorCode[] = ['payload_too_large', 'unsupported_media_type'];

const Problem = z.object({
  type: z.string(),
  title: z.string(),
  status: z.int(),
  detail: z.string(),
  code: z.enum(Object.keys(ERRORS) as [ErrorCode, ...ErrorCode[]]),
  requestId: z.string(),
  errors: z.optional(z.array(z.object({ path: z.string(), message: z.string() }))),
  current: z.optional(z.unknown().check(z.meta({ description: 'Of a conflict: what is stored.' }))),
});

const HEADERS: Record<'Idempotency-Key' | 'If-Match', { description: string; schema: Json }> = {
  'Idempotency-Key': {
    description: 'Makes the request safe to repeat.',
    schema: { type: 'string', pattern: IDEMPOTENCY_KEY_PATTERN.source },
  },
  'If-Match': {
    description: 'The revision that the session must be at, as its `ETag` gave it; `*` for any.',
    schema: { type: 'string' },
  },
};

function jsonSchema(schema: z.ZodMiniType, io: 'input' | 'output'): Json {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, {
    io,
    unrepresentable: 'any',
    override: ({ zodSchema, jsonSchema: made }) => {
      // Left out where the input is transformed, as a number in a query is.
      const byDefault = z.globalRegistry.get(zodSchema)?.['default'];
      if (byDefault !== undefined) Object.assign(made, { default: byDefault });
    },
  });
  return rest;
}

/** The parameters in a path, as Hono writes them. */
const pathParameters = (path: string): string[] =>
  [...path.matchAll(/:(\w+)/g)].map(([, name]) => name ?? '');

function parameters(route: Route): Json[] {
  const query = route.query === undefined ? {} : jsonSchema(route.query, 'input');
  const properties = Object.entries((query['properties'] ?? {}) as Record<string, Json>);
  return [
    ...pathParameters(route.path).map((name) => ({
      name,
      in: 'path',
      required: true,
      schema: { type: 'string' },
    })),
    ...properties.map(([name, schema]) => ({ name, in: 'query', required: false, schema })),
    ...(query['additionalProperties'] === undefined || query['additionalProperties'] === false
      ? []
      : [
          {
            name: 'metadata',
            in: 'query',
            description: '`metadata.<key>=<value>` compares a top-level metadata value; several are ANDed.',
            style: 'form',
            explode: true,
            schema: { type: 'object', patternProperties: { '^metadata\\.': { type: 'string' } } },
          },
        ]),
    ...(route.headers ?? []).map((name) => ({
      name,
      in: 'header',
      required: false,
      description: HEADERS[name].description,
      schema: HEADERS[name].schema,
    })),
  ];
}

function errorsOf(route: Route): ErrorCode[] {
  return [
    ...COMMON_ERRORS,
    ...(route.scope === 'public' ? [] : AUTHENTICATED_ERRORS),
    ...(route.query === undefined && route.body === undefined ? [] : INPUT_ERRORS),
    ...(route.body === undefined ? [] : BODY_ERRORS),
    ...route.errors,
  ];
}

function responses(route: Route): Json {
  const answers = Object.entries(route.answers).map(([status, { description, schema, mediaType }]) => [
    status,
    {
      description,
      ...(schema === undefined
        ? {}
        : { content: { [mediaType ?? JSON_TYPE]: { schema: jsonSchema(schema, 'output') } } }),
    },
  ]);
  const byStatus = new Map<number, ErrorCode[]>();
  for (const code of errorsOf(route)) {
    const { status } = ERRORS[code];
    byStatus.set(status, [...(byStatus.get(status) ?? []), code]);
  }
  const errors = [...byStatus].map(([status, codes]) => [
    String(status),
    {
      description: codes.map((code) => `\`${code}\`: ${ERRORS[code].title}.`).join(' '),
      content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
    },
  ]);
  return Object.fromEntries([...answers, ...errors]) as Json;
}

/** A patch may be named as what it is. */
function requestContent(method: Route['method'], schema: Json): Json {
  const json = { [JSON_TYPE]: { schema } };
  return method === 'PATCH' ? { ...json, [MERGE_PATCH_TYPE]: { schema } } : json;
}

function operation(route: Route): Json {
  return {
    tags: [route.tag],
    summary: route.summary,
    operationId: operationId(route),
    parameters: parameters(route),
    ...(route.body === undefined
      ? {}
      : {
          requestBody: {
            required: route.body.required,
            content: requestContent(route.method, jsonSchema(route.body.schema, 'input')),
          },
        }),
    responses: responses(route),
    security: route.scope === 'public' ? [] : [{ bearer: [route.scope] }],
    'x-scope': route.scope,
  };
}

/** For example `post_v1_sessions_id_activity`: stable as long as the address is. */
function operationId({ method, path }: Route): string {
  return [method.toLowerCase(), ...path.split(/[^A-Za-z0-9]+/).filter(Boolean)].join('_');
}

/** The document for these routes. */
export function openApiDocument(routes: readonly Route[], version: string): Json {
  const paths: Record<string, Json> = {};
  for (const route of routes) {
    const path = route.path.replaceAll(/:(\w+)/g, '{$1}');
    paths[path] = { ...paths[path], [route.method.toLowerCase()]: operation(route) };
  }
  const scopes = Object.entries(SCOPES).map(([name, meaning]) => `- \`${name}\`: ${meaning}`);
  return {
    openapi: '3.1.0',
    info: {
      title: 'Berth',
      version,
      description: `Claude Code sessions at the edge.\n\nScopes of a token:\n\n${scopes.join('\n')}`,
      license: { name: 'MIT', identifier: 'MIT' },
    },
    servers: [{ url: '/' }],
    paths,
    components: {
      schemas: { Problem: jsonSchema(Problem, 'output') },
      securitySchemes: { bearer: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT' } },
    },
  };
}
