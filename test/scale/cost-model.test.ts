import { env } from 'cloudflare:workers';
import { runDurableObjectAlarm, runInDurableObject } from 'cloudflare:test';
import { beforeEach, describe, expect, it } from 'vitest';
import design from '../../docs/design.md?raw';
import scale from '../../docs/scale.md?raw';
import { projectObjectName, sessionObjectName } from '../../src/protocol/names.ts';
import { call, create } from '../support/api.ts';
import { callsMade, callsSettled, resetCalls } from '../support/calls.ts';
import { resetRows, rowsRead, rowsWritten } from '../support/meter.ts';
import { HOUR, MINUTE, START, advance, stopClock } from '../support/tenant.ts';
import { Conversation, entry } from '../support/transcripts.ts';
import { ASSUMED, STEPS, useOf, type Use } from './cost-model.ts';
import { TABLES, between, cellsOf } from './tables.ts';

// The bill of docs/scale.md is reckoned from steps: here is a real session that is played and metered.

const TENANT = 'default';
const DAY = 24 * HOUR;
const ENTRIES_PER_APPEND = 4;

let tests = 0;

beforeEach(async () => {
  tests += 1;
  stopClock(START + tests * 100 * DAY);
  // The first use of the tenant and of the project is apart, and so is what else there was.
  await create();
  await new Conversation('first', 'project').append([entry()]);
  await callsSettled();
  advance(40 * DAY);
  await runDurableObjectAlarm(env.REGISTRY.getByName(TENANT));
  await call('GET', '/v1/registry/stats');
  await callsSettled();
});

/** Waits for an answer; fails the test where it is no success. */
async function made(answer: Promise<Response>): Promise<void> {
  const { status } = await answer;
  if (status !== 200) throw new Error(`The answer was ${status}`);
}

/** A session and its transcript, with all that they cost in any object. */
class Played {
  readonly talk = new Conversation(`talk-${tests}`, 'project');
  #id = '';
  #objects: readonly { readonly name: string; readonly stub: DurableObjectStub }[] = [];
  #alarms = 0;

  get path(): string {
    return `/v1/sessions/${this.#id}`;
  }

  /** What has been spent since the last time. */
  async spent(): Promise<Use> {
    await callsSettled();
    const sum = (rows: (name: string) => number) =>
      this.#objects.reduce((all, { name }) => all + rows(name), 0);
    const use = {
      requests: callsMade().length + this.#alarms,
      written: sum(rowsWritten),
      read: sum(rowsRead),
    };
    this.reset();
    return use;
  }

  reset(): void {
    resetCalls();
    resetRows();
    this.#alarms = 0;
  }

  async create(): Promise<void> {
    this.reset();
    this.#id = (await create({ model: 'opus' })).sessionId;
    const project = await projectObjectName(TENANT, this.talk.project);
    const session = sessionObjectName(TENANT, this.#id);
    this.#objects = [
      { name: session, stub: env.SESSIONS.getByName(session) },
      { name: TENANT, stub: env.REGISTRY.getByName(TENANT) },
      { name: await this.talk.objectName(), stub: await this.talk.stub() },
      { name: project, stub: env.PROJECTS.getByName(project) },
    ];
  }

  async link(): Promise<void> {
    const body = { claudeSessionId: 'claude' };
    await made(call('PUT', `${this.path}/claude-session-id`, { body }));
  }

  async touch(): Promise<void> {
    await made(call('POST', `${this.path}/activity`));
  }

  async append(): Promise<void> {
    await this.talk.append(Array.from({ length: ENTRIES_PER_APPEND }, () => entry()));
  }

  async end(): Promise<void> {
    await made(call('DELETE', this.path));
  }

  /** Lets time pass, every alarm ringing when it is due. */
  async pass(ms: number): Promise<void> {
    const until = Date.now() + ms;
    for (;;) {
      await callsSettled();
      const alarms = await Promise.all(
        this.#objects.map(async ({ stub }) => ({
          stub,
          at: (await runInDurableObject(stub, (_, { storage }) => storage.getAlarm())) ?? Infinity,
        })),
      );
      const [next] = alarms.toSorted((a, b) => a.at - b.at);
      if (next === undefined || next.at > until) break;
      stopClock(Math.max(next.at, Date.now()));
      if (!(await runDurableObjectAlarm(next.stub))) throw new Error('The alarm did not run');
      this.#alarms += 1;
    }
    stopClock(until);
  }
}

/** A reported touch, with the row of the minute that it is the first in. */
const REPORTED = {
  requests: STEPS.touch.requests + STEPS.report.requests,
  written: STEPS.touch.written + STEPS.report.written + 1,
  read: STEPS.touch.read + STEPS.report.read,
};

describe('what a step of a session costs', () => {
  it('is what the bill is reckoned with', async () => {
    const played = new Played();
    await played.create();
    expect(await played.spent()).toMatchObject({ requests: 3, written: STEPS.create.written });
    await played.link();
    expect(await played.spent()).toEqual(STEPS.link);
    await played.pass(90_000);
    await played.spent();
    await played.touch();
    expect(await played.spent()).toEqual(REPORTED);
    await played.touch();
    expect(await played.spent()).toEqual(STEPS.touch);
    await played.append();
    await played.pass(10_000);
    await played.spent();
    advance(MINUTE);
    await played.append();
    expect(await played.spent()).toEqual(STEPS.append);
    await played.pass(10_000);
    expect(await played.spent()).toEqual(STEPS.tell);
    await played.touch();
    await played.spent();
    await played.end();
    expect(await played.spent()).toMatchObject({ requests: STEPS.end.requests, written: STEPS.end.written });
  });

  it('is within the table of docs/design.md', () => {
    const most = (operation: string): string =>
      design
        .split('\n')
        .find((line) => line.startsWith(`| ${operation} `))
        ?.split('|')[3]
        ?.trim() ?? '';
    const bound = (operation: string) => Number(most(operation).replace('≤ ', ''));
    expect(STEPS.touch.written).toBe(bound('touch'));
    expect(STEPS.create.written).toBeLessThanOrEqual(bound('create'));
    expect(STEPS.end.written).toBeLessThanOrEqual(bound('end'));
    expect(STEPS.expire.written).toBeLessThanOrEqual(bound('an idle session, from its last touch to expiry'));
    expect(most('append of n entries')).toBe('≤ 2 n + 2');
    expect(STEPS.append.written).toBeLessThanOrEqual(2 * ENTRIES_PER_APPEND + 2);
  });
});

describe('the bill', () => {
  it.each(['session', 'month', 'servers'] as const)('is what docs/scale.md says (%s)', (name) => {
    expect(cellsOf(between(scale, name))).toEqual(cellsOf(TABLES[name]()));
  });
});

describe('what a whole session costs, from its creation until nothing is left of it', () => {
  it.each([
    ['ended', 1],
    ['left to expire', 0],
  ])('(%s) is what the bill is reckoned with', async (_, ended) => {
    const played = new Played();
    await played.create();
    await played.link();
    for (let touch = 0; touch < ASSUMED.touches; touch += 1) {
      await played.pass(ASSUMED.touchEveryMs);
      await played.touch();
      if (touch % (ASSUMED.touches / ASSUMED.appends) === 0) await played.append();
    }
    if (ended === 1) await played.end();
    await played.pass(ASSUMED.timeoutMs + 40 * DAY);
    const spent = await played.spent();
    const reckoned = useOf({ ...ASSUMED, ended }, 1);
    // Each event is the first of its minute here, where a tenant with many sessions has many in one.
    const minutes = ASSUMED.touches + 1;
    const written = reckoned.written + minutes * STEPS.minute.written;
    const read = reckoned.read + minutes * STEPS.minute.read;
    expect(reckoned.requests / spent.requests).toBeCloseTo(1, 1);
    expect(written / spent.written).toBeCloseTo(1, 1);
    expect(read / spent.read).toBeCloseTo(1, 1);
  });
});
