/**
 * Counts what is asked and what is answered.
 *
 * @module
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import { BerthError, type Fetch } from '../../src/client/index.ts';

/** What came of a call: a value, or the code of a refusal that was to be reckoned with. */
export type Outcome<T> =
  { readonly ok: true; readonly value: T } | { readonly ok: false; readonly code: string };

/** The code of what nobody reckoned with. It has been noted down. */
export const SURPRISE = 'surprise';

/** A request that the client makes by itself: to learn why a viewer was cut off, which none should be. */
const UNASKED = { kind: 'unasked', mayBeAbandoned: false };

/** How often a kind of call was made, and what became of it. */
export interface Counts {
  calls: number;
  /** Requests, of which a call makes more than one where it is repeated. */
  requests: number;
  /** Milliseconds, of each request. */
  readonly times: number[];
  /** By status and code: `200`, `410 session_expired`. */
  readonly answers: Map<string, number>;
}

export class Tally {
  readonly kinds = new Map<string, Counts>();
  /** What should not have happened. */
  readonly surprises: string[] = [];
  /** Creates and resumes that were turned away since all slots were taken. */
  turnedAway = 0;
  /** Requests that whoever made them did not wait for. */
  abandoned = 0;
  /** Of the call that a request is made for. */
  readonly #context = new AsyncLocalStorage<{ readonly kind: string; readonly mayBeAbandoned: boolean }>();

  /**
   * Makes a call.
   *
   * @param meant codes of refusals that may come of it. Any other is a surprise.
   */
  async call<T>(kind: string, meant: readonly string[], make: () => Promise<T>): Promise<Outcome<T>> {
    this.#of(kind).calls += 1;
    try {
      return { ok: true, value: await this.#context.run({ kind, mayBeAbandoned: false }, make) };
    } catch (error) {
      const code = error instanceof BerthError ? error.code : null;
      if (code !== null && meant.includes(code)) return { ok: false, code };
      this.surprise(`${kind}: ${code ?? ''} ${String(error)}`);
      return { ok: false, code: SURPRISE };
    }
  }

  /** Makes a call whose answer is not waited for to its end. */
  async abandon(
    kind: string,
    make: (signal: AbortSignal) => Promise<unknown>,
    afterMs: number,
  ): Promise<void> {
    this.#of(kind).calls += 1;
    const signal = AbortSignal.timeout(afterMs);
    try {
      await this.#context.run({ kind, mayBeAbandoned: true }, () => make(signal));
    } catch (error) {
      if (error !== signal.reason) this.surprise(`${kind}: ${String(error)}`);
    }
  }

  surprise(what: string): void {
    this.surprises.push(what);
  }

  /** What the client is to make its requests with. */
  readonly fetch: Fetch = async (url, init) => {
    const { kind, mayBeAbandoned } = this.#context.getStore() ?? UNASKED;
    const counts = this.#of(kind);
    counts.requests += 1;
    const startedAt = performance.now();
    const response = await fetch(url, init).catch((error: Error) => {
      if (mayBeAbandoned && init.signal?.aborted === true) this.abandoned += 1;
      else this.surprise(`${kind}: no answer, ${String(error)}, ${String(error.cause)}`);
      throw error;
    });
    counts.times.push(performance.now() - startedAt);
    const refused = response.ok ? null : await readProblem(response);
    const answer = refused === null ? `${response.status}` : `${response.status} ${refused.code}`;
    counts.answers.set(answer, (counts.answers.get(answer) ?? 0) + 1);
    // However often the client would try again: nobody is to see any of these.
    if (response.status >= 500) this.surprise(`${kind}: ${answer}`);
    if (refused?.code === 'max_sessions_reached') this.turnedAway += 1;
    return refused === null ? response : refused.response;
  };

  #of(kind: string): Counts {
    const known = this.kinds.get(kind);
    if (known !== undefined) return known;
    const counts: Counts = { calls: 0, requests: 0, times: [], answers: new Map() };
    this.kinds.set(kind, counts);
    return counts;
  }
}

/** Why a request was refused, and an answer that can be read once more. */
async function readProblem(response: Response): Promise<{ code: string; response: Response }> {
  const text = await response.text();
  let code = 'without a problem';
  try {
    code = (JSON.parse(text) as { code: string }).code;
  } catch {
    // Its status is all that there is to say.
  }
  return { code, response: new Response(text, response) };
}
