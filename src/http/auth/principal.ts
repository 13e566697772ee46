/**
 * On whose behalf a request is made.
 *
 * @module
 */
import { SCOPES, type Scope } from '../../contract/scopes.ts';

/** The tenant of a token that names none. */
export const DEFAULT_TENANT = 'default';
/** A tenant's name: it goes into the names of objects, so it has no slash and no second spelling. */
export const TENANT_PATTERN = /^[a-z0-9][a-z0-9-]{0,62}$/;

/** The one who calls, as a token that was found good says. */
export interface Principal {
  readonly tenant: string;
  readonly scopes: ReadonlySet<Scope>;
  /** The token's `jti`, for the log; null for none. */
  readonly tokenId: string | null;
  /** The only session that the token is good for; null for all of the tenant's. */
  readonly sessionId: string | null;
  /** When the token runs out, milliseconds since the epoch; null for never, which only `AUTH` = `off` has. */
  readonly expiresAt: number | null;
  /** What tells this token from others where they are counted; null where nothing is. */
  readonly rateKey: string | null;
}

/** Every caller, where `AUTH` is `off`. */
export const DEVELOPER: Principal = {
  tenant: DEFAULT_TENANT,
  // The names of scopes are the keys of this object.
  scopes: new Set(Object.keys(SCOPES) as Scope[]),
  tokenId: null,
  sessionId: null,
  expiresAt: null,
  rateKey: null,
};
