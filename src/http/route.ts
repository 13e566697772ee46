/**
 * How a route is declared: what it takes, who may call it, what it answers, and what it does. The app, the
 * scope check and the OpenAPI document all read the same declaration.
 *
 * @module
 */
import type * as z from 'zod/mini';
import type { ErrorCode, Result } from '../contract/errors.ts';
import type { Scope } from '../contract/scopes.ts';
import type { AppContext } from './app-env.ts';
import { check, readJson, readQuery, type BodyForm } from './input.ts';
import { problem } from './problem.ts';

type Schema = z.ZodMiniType;

/** What a handler is given, checked. */
export interface Input<Body, Query> {
  readonly body: Body;
  readonly query: Query;
}

interface Declaration {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** With parameters as Hono writes them: `/v1/sessions/:id`. */
  readonly path: string;
  /** The scope that a token needs, or `public` for a route without authentication. */
  readonly scope: Scope | 'public';
  /** Whether it is about the one session in its path, so that a token narrowed to that session may use it. */
  readonly session?: true;
  /** Whether it creates something that is held: such requests are counted on their own. */
  readonly creates?: true;
  readonly tag: 'Sessions' | 'Registry' | 'Transcripts' | 'Service';
  readonly summary: string;
  /** How large a body may be, bytes, where that is not `MAX_BODY_BYTES`. */
  readonly maxBodyBytes?: number;
  /** Request headers that it honours. */
  readonly headers?: readonly ('Idempotency-Key' | 'If-Match')[];
  /** Successful answers: what each status means, and its body. */
  readonly answers: Readonly<Record<number, { description: string; schema?: Schema; mediaType?: string }>>;
  /** Errors of its own, beside those that any route may answer. */
  readonly errors: readonly ErrorCode[];
}

/** A route, as the app mounts it. */
export interface Route extends Declaration {
  readonly body?: BodyForm & { readonly schema: Schema };
  readonly query?: Schema;
  handle(c: AppContext): Promise<Response>;
}

interface RouteSpec<B extends Schema, Q extends Schema> extends Declaration {
  readonly body?: BodyForm & { readonly schema: B };
  readonly query?: Q;
  handle(c: AppContext, input: Input<z.infer<B>, z.infer<Q>>): Promise<Response> | Response;
}

/** Declares a route. Its handler runs with a checked body and query; what is wrong with them is answered. */
export function route<B extends Schema, Q extends Schema>(spec: RouteSpec<B, Q>): Route {
  return {
    ...spec,
    async handle(c) {
      const query = readChecked(readQuery(c), spec.query);
      if (!query.ok) return problem(c, query.error);
      const json = spec.body === undefined ? null : await readJson(c, spec.body);
      const body = json === null ? null : readChecked(json, spec.body?.schema);
      if (body !== null && !body.ok) return problem(c, body.error);
      // Where there is no schema, the handler's type has no input to read.
      return spec.handle(c, { body: body?.value as z.infer<B>, query: query.value as z.infer<Q> });
    },
  };
}

function readChecked<S extends Schema>(raw: Result<unknown>, schema: S | undefined): Result<unknown> {
  return raw.ok && schema !== undefined ? check(schema, raw.value) : raw;
}
