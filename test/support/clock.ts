/**
 * Time that tests move. Objects share it with the tests; alarms fire by the real clock, so tests run them.
 *
 * @module
 */
import { runDurableObjectAlarm } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { onTestFinished, vi } from 'vitest';

/** Moves the clock on, until the test is over. It stands still from the first call. */
export function travel(ms: number): void {
  const now = Date.now();
  if (!vi.isFakeTimers()) {
    vi.useFakeTimers({ toFake: ['Date'] });
    onTestFinished(() => void vi.useRealTimers());
  }
  vi.setSystemTime(now + ms);
}

/** Runs the alarm of a session of the default tenant. Says whether one stood. */
export function runSessionAlarm(sessionId: string): Promise<boolean> {
  return runDurableObjectAlarm(env.SESSIONS.getByName(`default/${sessionId}`));
}

/** Runs the alarm of the default tenant's registry. Says whether one stood. */
export function runRegistryAlarm(): Promise<boolean> {
  return runDurableObjectAlarm(env.REGISTRY.getByName('default'));
}
