/**
 * A `fetch` that answers what a test tells it to, and keeps what it was asked.
 *
 * @module
 */
import { BerthClient, type ClientOptions } from '../../src/client/index.ts';
import { ERRORS, type ErrorCode } from '../../src/contract/errors.ts';

/** A request as it was sent. */
export interface Sent {
  readonly method: string;
  readonly url: string;
  readonly headers: Headers;
  readonly body: unknown;
  readonly redirect: string | undefined;
}

/**
 * What an attempt meets: an answer, a failure to be thrown, `hang`, which ends with the request's signal as
 * a real fetch does, or `deaf`, which never ends.
 */
export type Step = Response | Error | 'hang' | 'deaf' | ((sent: Sent) => Promise<Response>);

export interface Script {
  readonly client: BerthClient;
  readonly sent: readonly Sent[];
}

function hang(signal: AbortSignal | null | undefined): Promise<never> {
  return new Promise((_, reject) => {
    signal?.addEventListener('abort', () => reject(signal.reason as Error));
  });
}

/** A client whose attempts meet these steps, one after the other, and what it has sent. */
export function scripted(steps: readonly Step[], options: Partial<ClientOptions> = {}): Script {
  const sent: Sent[] = [];
  const client = new BerthClient({
    baseUrl: 'https://berth.test',
    ...options,
    async fetch(url, init) {
      const step = steps[sent.length];
      const body: unknown = typeof init.body === 'string' ? JSON.parse(init.body) : null;
      const headers = new Headers(init.headers);
      sent.push({ method: init.method ?? '', url, headers, body, redirect: init.redirect });
      if (step === undefined) throw new Error(`Attempt ${sent.length} was not foreseen`);
      if (step === 'hang') return hang(init.signal);
      if (step === 'deaf') return new Promise(() => undefined);
      if (step instanceof Error) throw step;
      return typeof step === 'function' ? step(sent.at(-1) as Sent) : step;
    },
  });
  return { client, sent };
}

/** A problem as the server sends it. */
export function problemAnswer(
  code: ErrorCode,
  headers: Record<string, string> = {},
  members: Record<string, unknown> = {},
): Response {
  const { status, title } = ERRORS[code];
  const body = { type: `/docs#error-${code}`, title, status, detail: `About ${code}.`, code, ...members };
  return new Response(JSON.stringify({ requestId: 'request-1', ...body }), {
    status,
    headers: { 'Content-Type': 'application/problem+json', 'X-Request-Id': 'request-1', ...headers },
  });
}

/** What fetch throws where there is no network. */
export const networkFailure = (): Error => new TypeError('fetch failed');
