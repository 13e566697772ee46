/**
 * Settings of the objects that differ from those of the tests.
 *
 * @module
 */

let changed: Partial<Env> = {};

/** Has objects that begin from now on run with other settings; with none, with their own again. */
export function changeSettings(settings: Partial<Env> = {}): void {
  changed = settings;
}

/** The environment with what was changed. */
export const configured = (env: Env): Env => ({ ...env, ...changed });
