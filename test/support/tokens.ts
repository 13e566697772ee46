/**
 * The service as it stands on the open internet: with authentication, and the tokens that callers bring.
 *
 * @module
 */
import { env } from 'cloudflare:workers';
import { createExecutionContext, waitOnExecutionContext } from 'cloudflare:test';
import { SignJWT } from 'jose';
import { createApp } from '../../src/app.ts';
import { SCOPES } from '../../src/contract/scopes.ts';
import { interpose } from './calls.ts';

const app = createApp();

/** Where the service is, to its callers. */
export const ORIGIN = 'https://berth.example';

/** The HS256 secret of the tests: 32 bytes, the least that is taken. */
export const SECRET = 'a-secret-that-only-the-tests-use';

export const ALL_SCOPES = Object.keys(SCOPES).join(' ');

/** What a token says; undefined leaves a claim out. */
export type Claims = Readonly<Record<string, unknown>>;

/** Seconds since the epoch, so many from now. */
export const inSeconds = (seconds: number): number => Math.floor(Date.now() / 1000) + seconds;

/** A token of HS256: good for an hour and every scope, unless its claims say otherwise. */
export function sign(claims: Claims = {}, secret: string = SECRET): Promise<string> {
  const all = { scope: ALL_SCOPES, exp: inSeconds(3_600), ...claims };
  return new SignJWT(JSON.parse(JSON.stringify(all)) as Claims)
    .setProtectedHeader({ alg: 'HS256', typ: 'JWT' })
    .sign(new TextEncoder().encode(secret));
}

/** A token put together by hand, as no library would. */
export function forge(header: object, claims: Claims, signature = ''): string {
  const part = (value: object) =>
    btoa(JSON.stringify(value)).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
  return `${part(header)}.${part(claims)}.${signature}`;
}

/** A request, but for its method and address. */
export interface Sent {
  /** Sent as JSON. */
  readonly body?: unknown;
  /** Sent as JSON that it may not be. */
  readonly text?: string;
  readonly headers?: Record<string, string>;
}

let addresses = 0;

/** One deployment: its settings and what it keeps in memory stay the same from call to call. */
export class Service {
  readonly env: Env;

  constructor(settings: Readonly<Record<string, unknown>> = { AUTH_JWT_SECRET: SECRET }) {
    const all: Record<string, unknown> = { ...env, AUTH: 'required', ...settings };
    this.env = interpose(all as unknown as Env);
  }

  /** Makes a request from an address of its own; a token goes into its header. */
  async call(method: string, path: string, token: string | null, sent: Sent = {}): Promise<Response> {
    addresses += 1;
    const headers = new Headers({
      'CF-Connecting-IP': `2001:db8::${addresses.toString(16)}`,
      ...sent.headers,
    });
    if (token !== null) headers.set('Authorization', `Bearer ${token}`);
    const body = sent.text ?? (sent.body === undefined ? null : JSON.stringify(sent.body));
    if (body !== null && !headers.has('Content-Type')) headers.set('Content-Type', 'application/json');
    const context = createExecutionContext();
    const request = new Request(ORIGIN + path, { method, headers, body });
    const response = await app.fetch(request, this.env, context);
    // What a viewer of the live feed is sent goes on after the answer.
    if (response.webSocket === null) await waitOnExecutionContext(context);
    return response;
  }
}

/** One who calls with one token. */
export class Caller {
  readonly #service: Service;
  readonly token: string;

  constructor(service: Service, token: string) {
    this.#service = service;
    this.token = token;
  }

  call(method: string, path: string, sent: Sent = {}): Promise<Response> {
    return this.#service.call(method, path, this.token, sent);
  }

  /** What is answered, as JSON. Fails the test where it is an error. */
  async json<T>(method: string, path: string, sent: Sent = {}): Promise<T> {
    const response = await this.call(method, path, sent);
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`);
    return response.json<T>();
  }
}

/** A caller with every scope of a tenant. */
export async function callerOf(service: Service, tenant: string, claims: Claims = {}): Promise<Caller> {
  return new Caller(service, await sign({ tenant, ...claims }));
}
