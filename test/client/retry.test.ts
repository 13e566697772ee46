import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import {
  ConnectionError,
  GoneError,
  LimitReachedError,
  RateLimitedError,
  ServerError,
} from '../../src/client/index.ts';
import { caught } from '../support/caught.ts';
import { networkFailure, problemAnswer, scripted, type Step } from '../support/scripted-fetch.ts';

const ID = '019e0000-0000-7000-8000-000000000000';
const session = (): Response => Response.json({ sessionId: ID });

/** When each attempt was made, milliseconds after the call, as far as it has come by then. */
function attemptTimes(steps: readonly Step[], times: number[]): Step[] {
  const start = Date.now();
  return steps.map((step) => async () => {
    times.push(Date.now() - start);
    if (step instanceof Response) return step;
    throw step as Error;
  });
}

beforeEach(() => {
  vi.useFakeTimers();
  // The longest wait that the jitter allows.
  vi.spyOn(Math, 'random').mockReturnValue(1);
});
afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

describe('what is attempted again', () => {
  const transient: [string, () => Step][] = [
    ['a network failure', networkFailure],
    ['429 rate_limited', () => problemAnswer('rate_limited')],
    ['503 overloaded', () => problemAnswer('overloaded')],
    ['502 of something in between', () => new Response('<html>', { status: 502 })],
    ['504 of something in between', () => new Response('', { status: 504 })],
  ];
  it.each(transient)('%s', async (_, step) => {
    const { client, sent } = scripted([step(), step(), session()]);
    const call = client.sessions.get(ID);
    await vi.runAllTimersAsync();
    expect(await call).toEqual({ sessionId: ID });
    expect(sent).toHaveLength(3);
  });

  const final: [string, () => Step][] = [
    ['500 internal', () => problemAnswer('internal')],
    ['503 auth_not_configured, which takes an operator', () => problemAnswer('auth_not_configured')],
    ['400', () => problemAnswer('invalid_request')],
    ['404', () => problemAnswer('session_not_found')],
    ['429 max_sessions_reached', () => problemAnswer('max_sessions_reached', { 'Retry-After': '1' })],
  ];
  it.each(final)('not %s', async (_, step) => {
    const { client, sent } = scripted([step(), session()]);
    await expect(client.sessions.create()).rejects.toThrow('About');
    expect(sent).toHaveLength(1);
  });

  it('a body that breaks off', async () => {
    const broken = new ReadableStream({ pull: (controller) => controller.error(new Error('reset')) });
    const { client, sent } = scripted([new Response(broken), session()]);
    const call = client.sessions.get(ID);
    await vi.runAllTimersAsync();
    expect(await call).toEqual({ sessionId: ID });
    expect(sent).toHaveLength(2);
  });
});

describe('waits', () => {
  it('double, with full jitter', async () => {
    for (const random of [1, 0.5, 0]) {
      vi.spyOn(Math, 'random').mockReturnValue(random);
      const times: number[] = [];
      const steps = [networkFailure(), networkFailure(), networkFailure(), session()];
      const { client } = scripted(attemptTimes(steps, times));
      const call = client.sessions.get(ID);
      await vi.runAllTimersAsync();
      await call;
      expect(times).toEqual([0, 250 * random, 750 * random, 1_750 * random].map(Math.ceil));
    }
  });

  it('are at least what Retry-After asks for, in seconds or as a date', async () => {
    const inFive = new Date(Date.now() + 5_000).toUTCString();
    vi.spyOn(Math, 'random').mockReturnValue(0);
    for (const header of ['5', inFive]) {
      const times: number[] = [];
      const turnedAway = problemAnswer('rate_limited', { 'Retry-After': header });
      const { client } = scripted(attemptTimes([turnedAway, session()], times));
      const call = client.sessions.get(ID);
      await vi.runAllTimersAsync();
      await call;
      expect(times[1]).toBeGreaterThan(3_999);
      expect(times[1]).toBeLessThan(5_001);
      vi.setSystemTime(Date.parse(inFive) - 5_000);
    }
  });

  it('are not made where Retry-After asks for more than maxRetryAfterMs', async () => {
    const busy = () => problemAnswer('overloaded', { 'Retry-After': '60' });
    const { client, sent } = scripted([busy()]);
    await expect(client.sessions.get(ID)).rejects.toMatchObject({ retryAfterS: 60 });
    expect(sent).toHaveLength(1);

    const patient = scripted([busy(), session()], { maxRetryAfterMs: 60_000 });
    const call = patient.client.sessions.get(ID);
    await vi.runAllTimersAsync();
    await call;
    expect(patient.sent).toHaveLength(2);
  });
});

describe('attempts', () => {
  it('are four at most, and the last failure is thrown', async () => {
    const steps = [1, 2, 3, 4, 5].map(networkFailure);
    const { client, sent } = scripted(steps);
    const error = caught(client.sessions.get(ID));
    await vi.runAllTimersAsync();
    expect(await error).toMatchObject({ code: 'connection_failed', status: null, cause: steps[3] });
    expect(sent).toHaveLength(4);
  });

  it.each([1, 2])('are as many as maxAttempts says: %d', async (maxAttempts) => {
    for (const [options, more] of [
      [{ maxAttempts }, {}],
      [{}, { maxAttempts }],
    ]) {
      const { client, sent } = scripted([1, 2, 3].map(networkFailure), options);
      const error = caught(client.sessions.get(ID, more));
      await vi.runAllTimersAsync();
      expect(await error).toBeInstanceOf(ConnectionError);
      expect(sent).toHaveLength(maxAttempts);
    }
  });

  it('are no more than one where a call says a number that is none', async () => {
    const { client, sent } = scripted([1, 2, 3].map(networkFailure));
    const error = caught(client.sessions.get(ID, { maxAttempts: Number.NaN }));
    await vi.runAllTimersAsync();
    expect(await error).toBeInstanceOf(ConnectionError);
    expect(sent).toHaveLength(1);
  });

  it('end with the error of the kind that stayed', async () => {
    const limited = scripted([1, 2, 3, 4].map(() => problemAnswer('rate_limited')));
    const busy = scripted([1, 2, 3, 4].map(() => problemAnswer('overloaded')));
    const errors = [caught(limited.client.sessions.get(ID)), caught(busy.client.sessions.get(ID))];
    await vi.runAllTimersAsync();
    expect(await errors[0]).toBeInstanceOf(RateLimitedError);
    expect(await errors[1]).toBeInstanceOf(ServerError);
  });
});

describe('a conditional change', () => {
  it('is not repeated once its outcome is unknown', async () => {
    for (const [step, code] of [
      [networkFailure(), 'connection_failed'],
      [problemAnswer('overloaded'), 'overloaded'],
    ] as const) {
      const { client, sent } = scripted([step, session()]);
      const change = client.sessions.update(ID, { maxTurns: 3 }, { ifMatch: 2 });
      await expect(change).rejects.toMatchObject({ code });
      expect(sent).toHaveLength(1);
      expect(sent[0]?.headers.get('If-Match')).toBe('"2"');
    }
    const { client, sent } = scripted([networkFailure(), session()]);
    const link = client.sessions.link(ID, { claudeSessionId: 'c' }, { ifMatch: 2 });
    await expect(link).rejects.toThrow(ConnectionError);
    expect(sent).toHaveLength(1);
  });

  it('is repeated after it was turned away', async () => {
    const { client, sent } = scripted([problemAnswer('rate_limited'), session()]);
    const call = client.sessions.update(ID, { maxTurns: 3 }, { ifMatch: 2 });
    await vi.runAllTimersAsync();
    await call;
    expect(sent).toHaveLength(2);
  });
});

describe('an end', () => {
  it('that finds the session ended after a lost answer is success', async () => {
    const { client, sent } = scripted([networkFailure(), problemAnswer('session_ended'), session()]);
    const call = client.sessions.end(ID, { ifMatch: 3 });
    await vi.runAllTimersAsync();
    expect(await call).toEqual({ sessionId: ID });
    expect(sent.map(({ method }) => method)).toEqual(['DELETE', 'DELETE', 'GET']);
    expect(sent[2]?.headers.get('If-Match')).toBe(null);
  });

  it('that finds the session ended at once, or after it was turned away, is a failure', async () => {
    const { client } = scripted([problemAnswer('session_ended')]);
    await expect(client.sessions.end(ID)).rejects.toThrow(GoneError);
    const limited = scripted([problemAnswer('rate_limited'), problemAnswer('session_ended')]);
    const error = caught(limited.client.sessions.end(ID));
    await vi.runAllTimersAsync();
    expect(await error).toBeInstanceOf(GoneError);
  });

  it('that finds the session expired after a lost answer is a failure', async () => {
    const { client } = scripted([networkFailure(), problemAnswer('session_expired')]);
    const error = caught(client.sessions.end(ID));
    await vi.runAllTimersAsync();
    expect(await error).toMatchObject({ code: 'session_expired' });
  });

  it('with purge that finds nothing after a lost answer is success, at once a failure', async () => {
    const { client, sent } = scripted([networkFailure(), problemAnswer('session_not_found')]);
    const call = client.sessions.purge(ID);
    await vi.runAllTimersAsync();
    expect(await call).toBe(null);
    expect(sent[1]?.url).toBe(`https://berth.test/v1/sessions/${ID}?purge=true`);
    const unknown = scripted([problemAnswer('session_not_found')]);
    await expect(unknown.client.sessions.purge(ID)).rejects.toMatchObject({ code: 'session_not_found' });
  });
});

describe('waitForSlotMs', () => {
  const full = (retryAfterS: number): Response =>
    problemAnswer('max_sessions_reached', { 'Retry-After': String(retryAfterS) });

  it('has a create come back as Retry-After says, under one key, beyond maxAttempts', async () => {
    vi.spyOn(Math, 'random').mockReturnValue(0);
    const times: number[] = [];
    const steps = [full(2), full(2), full(2), full(2), full(2), session()];
    const { client, sent } = scripted(attemptTimes(steps, times), { maxAttempts: 2 });
    const call = client.sessions.create({}, { waitForSlotMs: 60_000 });
    await vi.runAllTimersAsync();
    expect(await call).toEqual({ sessionId: ID });
    expect(times).toEqual([0, 2_000, 4_000, 6_000, 8_000, 10_000]);
    expect(new Set(sent.map(({ headers }) => headers.get('Idempotency-Key'))).size).toBe(1);
  });

  it('ends with a last attempt when the wait is over', async () => {
    const times: number[] = [];
    const { client } = scripted(attemptTimes([full(60), full(60)], times));
    const error = caught(client.sessions.resume(ID, { waitForSlotMs: 5_000 }));
    await vi.runAllTimersAsync();
    expect(await error).toBeInstanceOf(LimitReachedError);
    expect(times).toEqual([0, 5_000]);
  });
});
