import { runDurableObjectAlarm } from 'cloudflare:test';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { callsMade, resetCalls } from '../support/calls.ts';
import { resetRows, rowsWritten } from '../support/meter.ts';
import { at, DEFAULTS, Place, quietSession } from '../support/sessions.ts';
import { advance, stopClock, valueOf } from '../support/tenant.ts';

beforeEach(() => {
  stopClock();
  resetCalls();
  resetRows();
});
afterEach(() => vi.useRealTimers());

describe('rows that the session writes', () => {
  it('create: 3, the record, the details and the alarm', async () => {
    const place = new Place();
    await place.create();
    await place.evict();
    expect(rowsWritten(place.name)).toBe(3);
  });

  it('read: none, and no call on the registry, in memory or not', async () => {
    const place = await quietSession();
    for (let times = 0; times < 3; times += 1) valueOf(await place.session.get());
    await place.evict();
    valueOf(await place.session.get());
    expect(rowsWritten(place.name)).toBe(0);
    expect(callsMade()).toEqual([]);
  });

  it.each([null, 'key'])('touch: 1, and the alarm is not moved (Idempotency-Key: %s)', async (key) => {
    const place = await quietSession();
    const { alarm } = await place.stored();
    advance(1_000);
    valueOf(await place.session.touch(1, key));
    expect(rowsWritten(place.name)).toBe(1);
    expect((await place.stored()).alarm).toBe(alarm);
    expect(callsMade()).toEqual([]);
  });

  it('touch that is due to be reported, after an eviction: 1, and 1 report', async () => {
    const place = await quietSession();
    await place.evict();
    advance(15_000);
    valueOf(await place.session.touch(1, null));
    await place.evict();
    expect(rowsWritten(place.name)).toBe(1);
    expect(callsMade()).toEqual(['registry.report']);
  });

  it('touch with a key that is remembered: none', async () => {
    const place = await quietSession();
    valueOf(await place.session.touch(1, 'key'));
    resetRows();
    valueOf(await place.session.touch(1, 'key'));
    expect(rowsWritten(place.name)).toBe(0);
  });

  it('many touches: 1 each, and at most one report an interval', async () => {
    const place = await quietSession();
    for (let seconds = 1; seconds <= 60; seconds += 1) {
      advance(1_000);
      valueOf(await place.session.touch(1, null));
    }
    await place.evict();
    expect(rowsWritten(place.name)).toBe(60);
    expect(callsMade()).toHaveLength(4);
  });

  it.each([
    ['of the configuration', { maxTurns: 3 }, 2],
    ['of the timeout, to a longer one', { sessionTimeoutMs: 90_000 }, 1],
    ['of the timeout, to a shorter one', { sessionTimeoutMs: 30_000 }, 2],
    ['that changes nothing', { maxTurns: 10 }, 0],
  ])('patch %s', async (_, patch, rows) => {
    const place = await quietSession();
    valueOf(await place.session.patch(patch, DEFAULTS, null));
    await place.evict();
    expect(rowsWritten(place.name)).toBe(rows);
    expect(callsMade()).toHaveLength(rows === 0 ? 0 : 1);
  });

  it('end: 3, the record, the retry of the report and the end of the retention', async () => {
    const place = await quietSession();
    valueOf(await place.session.end(false, null));
    await place.evict();
    expect(rowsWritten(place.name)).toBe(3);
    expect(callsMade()).toEqual(['registry.report']);
  });

  it('resume: 2, the record and the alarm', async () => {
    const place = await quietSession();
    advance(DEFAULTS.sessionTimeoutMs);
    expect(await runDurableObjectAlarm(place.stub)).toBe(true);
    resetRows();
    valueOf(await place.resume());
    await place.evict();
    expect(rowsWritten(place.name)).toBe(2);
  });
});

it('an idle session, from its last touch through its expiry: 2 alarms, 1 report, 5 rows', async () => {
  const place = await quietSession();
  advance(10_000);
  const { expiresAt } = valueOf(await place.session.touch(1, null));
  let alarms = 0;
  for (;;) {
    const { alarm } = await place.stored();
    if (alarm === null || alarm > at(expiresAt)) break;
    vi.setSystemTime(alarm);
    expect(await runDurableObjectAlarm(place.stub)).toBe(true);
    alarms += 1;
  }
  expect(valueOf(await place.session.get()).status).toBe('expired');
  expect(alarms).toBe(2);
  expect(callsMade()).toEqual(['registry.report']);
  // The touch, the early alarm set anew, the expiry, the retry of its report, the end of the retention.
  expect(rowsWritten(place.name)).toBe(5);
});
