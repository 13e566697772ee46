/**
 * A session on its way to whoever asked for it.
 *
 * @module
 */

/**
 * A session written out where it is known: what crosses between objects and is answered is one string, which
 * costs less than the session itself, and is written once however often it is read.
 */
export interface SessionRepresentation {
  /** The wire's `Session` as JSON. */
  readonly json: string;
  /** The session's `revision`, which is its entity tag. */
  readonly revision: number;
}
