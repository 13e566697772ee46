import * as fc from 'fast-check';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { callsSettled, failCalls, resetCalls, type FaultKind } from '../support/calls.ts';
import { differences, faultsWithin, recordOf, TransitionLog, unadmitted } from '../support/audit.ts';
import { SECOND, Tenant, advance, stopClock } from '../support/tenant.ts';

const MAX_SESSIONS = 3;

/** Each takes about half a second. */
const RUNS = 8;

/** What can happen. `who` picks one of the sessions that there are. */
type Step =
  | {
      readonly kind: 'create';
      readonly timeoutS: number;
      readonly model: string;
      readonly key: string | null;
    }
  | { readonly kind: 'touch' | 'end' | 'purge' | 'resume' | 'forget' | 'loseAlarm'; readonly who: number }
  | { readonly kind: 'look' }
  | { readonly kind: 'forgetRegistry' }
  | { readonly kind: 'mend' }
  | { readonly kind: 'pass'; readonly seconds: number }
  | { readonly kind: 'fail'; readonly method: string; readonly how: FaultKind; readonly times: number };

const who = fc.nat(7);
const steps = fc.array(
  fc.oneof(
    {
      weight: 5,
      arbitrary: fc.record({
        kind: fc.constant('create' as const),
        timeoutS: fc.constantFrom(20, 60, 150),
        model: fc.constantFrom('opus', 'sonnet'),
        key: fc.constantFrom(null, null, 'a', 'b'),
      }),
    },
    {
      weight: 8,
      arbitrary: fc.record({
        kind: fc.constantFrom('touch', 'end', 'purge', 'resume', 'resume', 'forget', 'loseAlarm'),
        who,
      }),
    },
    { weight: 3, arbitrary: fc.record({ kind: fc.constantFrom('look', 'forgetRegistry', 'mend') }) },
    {
      weight: 6,
      arbitrary: fc.record({
        kind: fc.constant('pass' as const),
        seconds: fc.constantFrom(1, 14, 16, 31, 70),
      }),
    },
    {
      weight: 4,
      arbitrary: fc.record({
        kind: fc.constant('fail' as const),
        method: fc.constantFrom(
          'registry.report',
          'registry.report',
          'session.settle',
          'session.create',
          'session.resume',
          'registry.reserve',
        ),
        how: fc.constantFrom('before', 'after'),
        times: fc.constantFrom(1, 4),
      }),
    },
  ) as fc.Arbitrary<Step>,
  { minLength: 5, maxLength: 25 },
);

/** One tenant and its sessions. */
class World {
  readonly tenant = new Tenant();

  /** The ids that the registry has ever held a row of. */
  readonly ids = new Set<string>();

  async learn(): Promise<void> {
    const ids = await this.tenant.inRegistry(({ sql }) =>
      sql.exec("SELECT 1 FROM sqlite_master WHERE name = 'sessions'").toArray().length === 0
        ? []
        : sql.exec<{ session_id: string }>('SELECT session_id FROM sessions').toArray(),
    );
    for (const { session_id } of ids) this.ids.add(session_id);
  }

  /** Runs every alarm that is due. */
  async runAlarms(): Promise<void> {
    for (const id of this.ids) {
      const at = await this.tenant.inSession(id, (storage) => storage.getAlarm());
      if (at !== null && at <= Date.now()) await this.tenant.sessionAlarm(id);
    }
    const at = await this.tenant.alarmAt();
    if (at !== null && at <= Date.now()) await this.tenant.alarm();
  }

  async pass(seconds: number): Promise<void> {
    advance(seconds * SECOND);
    await this.runAlarms();
  }

  async take(step: Step): Promise<void> {
    const { tenant } = this;
    advance(SECOND);
    if (step.kind === 'create') {
      const { model, timeoutS, key } = step;
      await tenant.create({ model, sessionTimeoutMs: timeoutS * SECOND }, key);
    } else if (step.kind === 'pass') await this.pass(step.seconds);
    else if (step.kind === 'fail') failCalls(step.method, step.how, step.times);
    else if (step.kind === 'mend') resetCalls();
    else if (step.kind === 'forgetRegistry') await tenant.evictRegistry().catch(() => undefined);
    else if (step.kind === 'look') await this.look();
    else if (this.ids.size > 0) await this.#toOne(step.kind, [...this.ids][step.who % this.ids.size] ?? '');
  }

  async #toOne(kind: string, id: string): Promise<void> {
    const { tenant } = this;
    if (kind === 'touch') await tenant.touch(id, 2);
    if (kind === 'end') await tenant.end(id);
    if (kind === 'purge') await tenant.end(id, true);
    if (kind === 'resume') await tenant.resume(id);
    if (kind === 'forget') await tenant.evictSession(id).catch(() => undefined);
    // The alarm that is promised to be dispensable is the one of the expiry.
    if (kind === 'loseAlarm' && (await recordOf(tenant, id))?.ending === null)
      await tenant.inSession(id, (storage) => storage.deleteAlarm());
  }

  /** Reads the list and the statistics, which must be of one mind. */
  async look(): Promise<void> {
    const { tenant } = this;
    await tenant.list();
    const { activeCount, totalInMemory } = await tenant.registry.stats();
    const active = await tenant.list();
    const all = await tenant.list({ statuses: ['active', 'expired', 'ended'] });
    if (active.length !== activeCount || all.length !== totalInMemory)
      throw new Error(`${active.length} of ${all.length} listed, ${activeCount} of ${totalInMemory} counted`);
  }
}

afterEach(() => {
  vi.restoreAllMocks();
  resetCalls();
});

describe('whatever happens, in whatever order', () => {
  it('no more are admitted than may be, none lives unadmitted, and in the end registry and sessions agree', async () => {
    const log = new TransitionLog();
    await fc.assert(
      fc.asyncProperty(steps, async (sequence) => {
        stopClock();
        resetCalls();
        const world = new World();
        const { tenant } = world;
        await tenant.registry.setLimits({ maxSessions: MAX_SESSIONS });
        for (const step of sequence) {
          await world.take(step);
          await callsSettled();
          await world.learn();
          expect(await faultsWithin(tenant, MAX_SESSIONS)).toEqual([]);
          expect(await unadmitted(tenant, [...world.ids])).toEqual([]);
        }
        resetCalls();
        for (let i = 0; i < 8; i += 1) await world.pass(15);
        expect(await differences(tenant, [...world.ids])).toEqual([]);
        // No timeout is longer than this, so that all that is left comes to its end.
        for (let i = 0; i < 8; i += 1) await world.pass(30);
        expect(await differences(tenant, [...world.ids])).toEqual([]);
        expect(await tenant.registry.stats()).toMatchObject({ activeCount: 0, ...log.totalsOf(tenant) });
      }),
      { numRuns: RUNS },
    );
  }, 60_000);
});
