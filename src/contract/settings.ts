/**
 * The operator's settings, read from the environment and checked.
 *
 * @module
 */
import * as limits from './limits.ts';

/** Settings as the code uses them. Durations in milliseconds. */
export interface Settings {
  readonly sessionTimeoutMs: number;
  readonly maxSessions: number;
  /** Null for none. */
  readonly maxLifetimeMs: number | null;
  readonly retentionMs: number;
  /** How long a transcript stays after its last append; 0 for ever. */
  readonly transcriptRetentionMs: number;
  readonly defaultCwd: string;
  /** Origins that browsers may call from. */
  readonly corsOrigins: readonly string[];
}

/** What reading makes of an environment: settings, or the name of the first bad one and why. */
export type SettingsResult<T = Settings> =
  | { readonly ok: true; readonly settings: T }
  | { readonly ok: false; readonly name: string; readonly problem: string };

/** The environment as it comes: numbers from the file, strings from `--var` and from other hosts. */
export type SettingsEnv = Readonly<Record<string, unknown>>;

/** How long an expired or ended session stays readable, where nothing else is set. */
export const DEFAULT_RETENTION_MS = 86_400_000;
/** How long a transcript stays after its last append, where nothing else is set: 30 days. */
const DEFAULT_TRANSCRIPT_RETENTION_MS = 2_592_000_000;
/** Ten years: a bound that keeps every sum of times a safe integer. */
const MAX_RETENTION_MS = 315_360_000_000;

/** A setting that can't be used: its name, and why. */
export class BadSetting extends Error {
  readonly setting: string;
  constructor(setting: string, problem: string) {
    super(problem);
    this.setting = setting;
  }
}

function integer(env: SettingsEnv, name: string, fallback: number, min: number, max: number): number {
  const raw = env[name];
  if (raw === undefined || raw === '') return fallback;
  const value = typeof raw === 'string' && /^-?\d+$/.test(raw.trim()) ? Number(raw) : raw;
  if (typeof value !== 'number' || !Number.isInteger(value) || value < min || value > max)
    throw new BadSetting(name, `must be a whole number from ${min} to ${max}`);
  return value;
}

/** A setting that is text. */
export function text(env: SettingsEnv, name: string, fallback: string): string {
  const raw = env[name];
  if (raw === undefined) return fallback;
  if (typeof raw !== 'string') throw new BadSetting(name, 'must be text');
  return raw;
}

function origins(env: SettingsEnv): string[] {
  const list = text(env, 'CORS_ORIGINS', '').split(/\s+/).filter(Boolean);
  for (const origin of list) {
    if (!URL.canParse(origin) || new URL(origin).origin !== origin)
      throw new BadSetting(
        'CORS_ORIGINS',
        `must hold origins such as https://app.example.com, not ${origin}`,
      );
  }
  return list;
}

function settingsFrom(env: SettingsEnv): Settings {
  const defaultCwd = text(env, 'DEFAULT_CWD', '/workspace');
  if (defaultCwd === '' || defaultCwd.length > limits.MAX_CWD_CHARACTERS)
    throw new BadSetting('DEFAULT_CWD', `must have 1 to ${limits.MAX_CWD_CHARACTERS} characters`);
  const lifetime = integer(env, 'MAX_LIFETIME_MS', 0, 0, limits.MAX_MAX_LIFETIME_MS);
  if (lifetime !== 0 && lifetime < limits.MIN_MAX_LIFETIME_MS)
    throw new BadSetting('MAX_LIFETIME_MS', `must be 0 for none, or at least ${limits.MIN_MAX_LIFETIME_MS}`);
  return {
    sessionTimeoutMs: integer(
      env,
      'SESSION_TIMEOUT_MS',
      3_600_000,
      limits.MIN_SESSION_TIMEOUT_MS,
      limits.MAX_SESSION_TIMEOUT_MS,
    ),
    maxSessions: integer(env, 'MAX_SESSIONS', 100, 0, limits.MAX_MAX_SESSIONS),
    maxLifetimeMs: lifetime === 0 ? null : lifetime,
    retentionMs: integer(env, 'RETENTION_MS', DEFAULT_RETENTION_MS, 0, MAX_RETENTION_MS),
    transcriptRetentionMs: integer(
      env,
      'TRANSCRIPT_RETENTION_MS',
      DEFAULT_TRANSCRIPT_RETENTION_MS,
      0,
      MAX_RETENTION_MS,
    ),
    defaultCwd,
    corsOrigins: origins(env),
  };
}

/** Runs a reader of settings; a {@link BadSetting} becomes a result. */
export function tryRead<T>(read: () => T): SettingsResult<T> {
  try {
    return { ok: true, settings: read() };
  } catch (error) {
    if (error instanceof BadSetting) return { ok: false, name: error.setting, problem: error.message };
    throw error;
  }
}

/** Reads and checks every setting but those of authentication; absent ones have their defaults. */
export function readSettings(env: SettingsEnv): SettingsResult {
  return tryRead(() => settingsFrom(env));
}
