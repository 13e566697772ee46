/**
 * Time that tests move. Objects share it with the tests; alarms fire by the real clock, so tests run them.
 *
 * @module
 */
import { runDurableObjectAlarm } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { vi } from 'vitest';

const DAY_MS = 86_400_000;

/**
 * Has time stand still for the rest of the file, a day ahead: so no alarm fires by itself. It never goes
 * back, for ids that were made then would lie in the future.
 */
export function stopClock(): void {
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + DAY_MS });
}

/** Moves the stopped clock on. */
export function travel(ms: number): void {
  vi.setSystemTime(Date.now() + ms);
}

/** Runs the alarm of a session of the default tenant. Says whether one stood. */
export function runSessionAlarm(sessionId: string): Promise<boolean> {
  return runDurableObjectAlarm(env.SESSIONS.getByName(`default/${sessionId}`));
}

/** Runs the alarm of the default tenant's registry. Says whether one stood. */
export function runRegistryAlarm(): Promise<boolean> {
  return runDurableObjectAlarm(env.REGISTRY.getByName('default'));
}
