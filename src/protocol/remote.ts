/**
 * Calls to an object by name.
 *
 * @module
 */

type Method = (...parameters: never[]) => unknown;

/** An object as its callers see it: its public methods, each answering by a promise. */
export type Remote<T> = {
  readonly [K in keyof T as T[K] extends Method ? K : never]: T[K] extends (...parameters: infer P) => infer R
    ? (...parameters: P) => Promise<Awaited<R>>
    : never;
};

/** What has objects by name: a namespace, whatever its class. */
interface Namespace {
  getByName(name: string): unknown;
}

/** A fresh stub: one that has failed once goes on failing. */
export function remote<T>(namespace: Namespace, name: string): Remote<T> {
  // The platform's own type of a stub is too deep to instantiate over recursive JSON; this one says the
  // same of methods that take and give plain values, which all of ours do.
  return namespace.getByName(name) as Remote<T>;
}
