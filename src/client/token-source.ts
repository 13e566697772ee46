/**
 * Where the bearer token comes from.
 *
 * @module
 */

/**
 * A bearer token, or a function that fetches one. The function's token is kept until the server refuses it
 * with 401; calls that need one at the same time share one fetch, until one of them has waited too long for it.
 */
export type Token = string | (() => string | Promise<string>);

/** What a header can carry of RFC 6750's credentials. Fetch would quote the token when it refuses one. */
const TOKEN_PATTERN = /^[\x21-\x7e]+$/;

function checked(token: string): string {
  if (typeof token !== 'string' || !TOKEN_PATTERN.test(token))
    throw new TypeError('The token is empty or has characters that a header can not carry.');
  return token;
}

export class TokenSource {
  readonly #fetchToken: (() => string | Promise<string>) | null;
  #current: Promise<string | null> | null = null;

  constructor(token: Token | undefined) {
    this.#fetchToken = typeof token === 'function' ? token : null;
    if (typeof token === 'string') this.#current = Promise.resolve(checked(token));
    else if (token === undefined) this.#current = Promise.resolve(null);
  }

  /** The token, or null where there is none. The same promise until it is refused, fails or takes too long. */
  get(): Promise<string | null> {
    this.#current ??= this.#fetch();
    return this.#current;
  }

  /** Has the next {@link get} fetch a new token, unless that has happened. False where none can be had. */
  refuse(token: Promise<string | null>): boolean {
    if (this.#fetchToken === null) return false;
    if (this.#current === token) this.#current = null;
    return true;
  }

  #fetch(): Promise<string | null> {
    const fetchToken = this.#fetchToken;
    const fetching = (async () => (fetchToken === null ? null : checked(await fetchToken())))();
    // A failure is told to those who wait, and not kept.
    fetching.catch(() => this.refuse(fetching));
    return fetching;
  }
}
