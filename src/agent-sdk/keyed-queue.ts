/**
 * Work in turn, for each name apart.
 *
 * @module
 */

export class KeyedQueue {
  /** When all that was asked for under a name is done. */
  readonly #done = new Map<string, Promise<void>>();

  /** Does work when all that was asked for before under the same name is done, well or badly. */
  run<T>(name: string, work: () => Promise<T>): Promise<T> {
    const before = this.#done.get(name);
    const result = before === undefined ? work() : before.then(work);
    const done = settled(result);
    this.#done.set(name, done);
    void this.#forgetAfter(name, done);
    return result;
  }

  async #forgetAfter(name: string, done: Promise<void>): Promise<void> {
    await done;
    if (this.#done.get(name) === done) this.#done.delete(name);
  }
}

async function settled(result: Promise<unknown>): Promise<void> {
  await result.catch(() => undefined);
}
