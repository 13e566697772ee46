import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { TimeoutError } from '../../src/client/index.ts';
import { delay } from '../../src/client/retry.ts';
import { caught } from '../support/caught.ts';
import { networkFailure, problemAnswer, scripted } from '../support/scripted-fetch.ts';

const ID = '019e0000-0000-7000-8000-000000000000';
const session = (): Response => Response.json({ sessionId: ID });

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

describe('a timeout', () => {
  it('ends one attempt, and another follows', async () => {
    const { client, sent } = scripted(['hang', 'hang', session()], { timeoutMs: 1_000 });
    const call = client.sessions.get(ID);
    await vi.runAllTimersAsync();
    expect(await call).toEqual({ sessionId: ID });
    expect(sent).toHaveLength(3);
  });

  it('after the last attempt is an error, also where fetch is deaf to signals', async () => {
    for (const step of ['hang', 'deaf'] as const) {
      const start = Date.now();
      const { client } = scripted([step], { timeoutMs: 60_000 });
      const error = caught(client.sessions.get(ID, { timeoutMs: 700, maxAttempts: 1 }));
      await vi.runAllTimersAsync();
      expect(await error).toMatchObject({
        name: 'TimeoutError',
        code: 'timeout',
        message: 'No answer within 700 ms.',
        status: null,
      });
      expect(Date.now() - start).toBe(700);
    }
  });

  it('covers the body', async () => {
    const stalled = new Response(new ReadableStream({ pull: () => new Promise(() => undefined) }));
    const { client } = scripted([stalled], { timeoutMs: 500, maxAttempts: 1 });
    const error = caught(client.sessions.get(ID));
    await vi.runAllTimersAsync();
    expect(await error).toBeInstanceOf(TimeoutError);
  });

  it('leaves no timer and no listener behind', async () => {
    const { signal } = new AbortController();
    const added = vi.spyOn(signal, 'addEventListener');
    const removed = vi.spyOn(signal, 'removeEventListener');
    const { client } = scripted([networkFailure(), session()]);
    const call = client.sessions.get(ID, { signal });
    await vi.advanceTimersByTimeAsync(250);
    await call;
    expect(vi.getTimerCount()).toBe(0);
    expect(added.mock.calls.length).toBeGreaterThan(0);
    expect(removed.mock.calls.map(([, listener]) => listener)).toEqual(
      added.mock.calls.map(([, listener]) => listener),
    );
  });

  it('may be infinite', async () => {
    const { client } = scripted([session()], { timeoutMs: Number.POSITIVE_INFINITY });
    expect(await client.sessions.get(ID)).toEqual({ sessionId: ID });
  });
});

describe('an abort', () => {
  const reason = new Error('the user has left');

  it('before the call sends nothing', async () => {
    const { client, sent } = scripted([session()]);
    await expect(client.sessions.get(ID, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    expect(sent).toHaveLength(0);
  });

  it.each(['hang', 'deaf'] as const)(
    'ends an attempt (%s) with its own reason, and no other follows',
    async (step) => {
      const controller = new AbortController();
      const { client, sent } = scripted([step]);
      const error = caught(client.sessions.create({}, { signal: controller.signal }));
      await vi.advanceTimersByTimeAsync(10);
      controller.abort(reason);
      expect(await error).toBe(reason);
      expect(sent).toHaveLength(1);
      expect(vi.getTimerCount()).toBe(0);
    },
  );

  it('ends the wait between attempts, and the wait for a slot', async () => {
    for (const code of ['rate_limited', 'max_sessions_reached'] as const) {
      const controller = new AbortController();
      const { client, sent } = scripted([problemAnswer(code, { 'Retry-After': '20' })]);
      const options = { signal: controller.signal, waitForSlotMs: 60_000 };
      const error = caught(client.sessions.create({}, options));
      await vi.advanceTimersByTimeAsync(1_000);
      controller.abort(reason);
      expect(await error).toBe(reason);
      expect(sent).toHaveLength(1);
      expect(vi.getTimerCount()).toBe(0);
    }
  });

  it('that came before a wait ends it at once', async () => {
    await expect(delay(60_000, AbortSignal.abort(reason))).rejects.toBe(reason);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('ends a list between its pages', async () => {
    const controller = new AbortController();
    const page = Response.json({ data: [{ sessionId: ID }], nextCursor: 'next' });
    const { client, sent } = scripted([page]);
    const seen: string[] = [];
    const reading = (async () => {
      for await (const { sessionId } of client.sessions.listAll({}, { signal: controller.signal })) {
        seen.push(sessionId);
        controller.abort(reason);
      }
    })();
    await expect(reading).rejects.toBe(reason);
    expect([seen, sent.length]).toEqual([[ID], 1]);
  });
});
