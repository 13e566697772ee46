/**
 * What a request carries from one middleware to the next.
 *
 * @module
 */
import type { Context } from 'hono';
import type { ErrorCode } from '../contract/errors.ts';
import type { Settings } from '../contract/settings.ts';
import type { Principal } from './auth/principal.ts';

export interface AppEnv {
  Bindings: Env;
  Variables: {
    requestId: string;
    settings: Settings;
    principal: Principal;
    /** The session in the path, once it is known to be an id. */
    sessionId: string;
    /** The code of the problem that was answered, for the log. */
    problemCode: ErrorCode;
  };
}

export type AppContext = Context<AppEnv>;
