/**
 * Networks on which answers are lost.
 *
 * @module
 */
import type { Fetch } from '../../../src/client/index.ts';

/** What is to happen to the next append: its answer is lost, or it is told that it failed; it did not. */
export type Mishap = 'lost' | 'failed';

export class FaultyNetwork {
  #next: Mishap | null = null;

  /** Has the next append meet with a mishap, once. */
  plan(mishap: Mishap): void {
    this.#next = mishap;
  }

  readonly fetch: Fetch = async (url, init) => {
    const response = await fetch(url, init);
    if (this.#next === null || init.method !== 'POST') return response;
    const mishap = this.#next;
    this.#next = null;
    await response.arrayBuffer();
    if (mishap === 'lost') throw new TypeError('The answer was lost');
    return new Response('{}', { status: 500 });
  };
}
