/**
 * What the door lets be called, and with what.
 *
 * @module
 */
import type { SessionStatus } from '../../../../src/contract/session.ts';

/** How many of the sessions of a registry that will have `active` ones are to be put into it now. */
export interface Filling {
  readonly from: number;
  readonly to: number;
  readonly active: number;
}

/** Which sessions a page holds. The registry's own type is of the platform. */
export interface PageFilter {
  readonly statuses: readonly SessionStatus[];
  readonly model?: string;
  readonly labels: readonly (readonly [name: string, value: string])[];
  readonly limit: number;
}

/** What a sweep was to do, and what it has left undone. */
export interface Swept {
  readonly lapsed: number;
  readonly left: number;
}

/** What a registry keeps. */
export interface Stored {
  /** Sessions, whatever their status. */
  readonly kept: number;
  readonly rows: number;
  readonly indexEntries: number;
  readonly bytes: number;
}

interface Times {
  readonly times: number;
}

export interface Calls {
  readonly fill: { readonly input: Filling; readonly answer: null };
  readonly limit: { readonly input: { readonly maxSessions: number }; readonly answer: null };
  /** Answers the ids of those that were admitted. */
  readonly admit: { readonly input: Times; readonly answer: string[] };
  /** Takes sessions out again, as if they had never been. */
  readonly withdraw: { readonly input: { readonly ids: readonly string[] }; readonly answer: null };
  readonly refuse: { readonly input: Times; readonly answer: null };
  readonly list: { readonly input: Times & { readonly filter: PageFilter }; readonly answer: null };
  readonly stats: { readonly input: Times & { readonly active: number }; readonly answer: null };
  readonly sweep: { readonly input: object; readonly answer: Swept };
  readonly stored: { readonly input: object; readonly answer: Stored };
}

export type Call = keyof Calls;
