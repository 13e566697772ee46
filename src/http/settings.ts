/**
 * The operator's settings, as a request finds them.
 *
 * @module
 */
import { fail, ok, type Result } from '../contract/errors.ts';
import { readSettings, type Settings, type SettingsResult } from '../contract/settings.ts';
import { logError } from '../log.ts';

/** An operator has to mend it, so trying again soon is no use. */
const BAD_SETTING_RETRY_AFTER_S = 60;

/** Settings are read once for each environment, which lives as long as the isolate. */
const settingsByEnv = new WeakMap<Env, SettingsResult>();

/** The settings, or the problem that a bad one is. */
export function settingsOf(env: Env): Result<Settings> {
  let result = settingsByEnv.get(env);
  if (result === undefined) {
    result = readSettings({ ...env });
    settingsByEnv.set(env, result);
  }
  if (result.ok) return ok(result.settings);
  logError('settings.bad', new Error(`${result.name} ${result.problem}`), { setting: result.name });
  return fail('overloaded', 'The service is not configured rightly.', {
    retryAfterS: BAD_SETTING_RETRY_AFTER_S,
  });
}
