/**
 * What stands before every route: settings that can be used, a caller who may.
 *
 * @module
 */
import type { MiddlewareHandler } from 'hono';
import { fail, type Result } from '../contract/errors.ts';
import { readSettings, type Settings, type SettingsResult } from '../contract/settings.ts';
import { logError } from '../log.ts';
import type { AppEnv } from './app-env.ts';
import { authenticate } from './auth.ts';
import { problem } from './problem.ts';
import type { Route } from './route.ts';

/** An operator has to mend it, so trying again soon is no use. */
const BAD_SETTING_RETRY_AFTER_S = 60;

/** Settings are read once for each environment, which lives as long as the isolate. */
const settingsByEnv = new WeakMap<Env, SettingsResult>();

function settingsOf(env: Env): Result<Settings> {
  let result = settingsByEnv.get(env);
  if (result === undefined) {
    result = readSettings({ ...env });
    settingsByEnv.set(env, result);
  }
  if (result.ok) return { ok: true, value: result.settings };
  logError('settings.bad', new Error(`${result.name} ${result.problem}`), { setting: result.name });
  return fail(
    result.name.startsWith('AUTH') ? 'auth_not_configured' : 'overloaded',
    'The service is not configured rightly.',
    {
      retryAfterS: BAD_SETTING_RETRY_AFTER_S,
    },
  );
}

/** Lets a request through to its route, or answers why not. Nothing is read of it before. */
export function guard(route: Route): MiddlewareHandler<AppEnv> {
  return async (c, next) => {
    if (route.scope === 'public') return next();
    const settings = settingsOf(c.env);
    if (!settings.ok) return problem(c, settings.error);
    c.set('settings', settings.value);
    const principal = authenticate(c, settings.value);
    if (!principal.ok) return problem(c, principal.error);
    c.set('principal', principal.value);
    if (!principal.value.allows(route.scope))
      return problem(c, { code: 'forbidden', detail: `This needs the scope ${route.scope}.` });
    return next();
  };
}
