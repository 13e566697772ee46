import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LIVE_EXPIRES_HEADER } from '../../src/protocol/live.ts';
import { PaperSession } from '../support/paper-session.ts';
import { SECOND, Tenant, advance, stopClock } from '../support/tenant.ts';

/** Each takes about a quarter of a second. */
const RUNS = 25;

/** What can happen to a registry. `who` picks one of the sessions that there were. */
type Step = { readonly kind: (typeof KINDS)[number]; readonly who: number; readonly seconds: number };
const KINDS = [
  'reserve',
  'reserveWithKey',
  'confirm',
  'touch',
  'end',
  'purge',
  'settle',
  'resume',
  'watch',
  'limit',
  'look',
  'ring',
  'ringInVain',
  'forget',
  'pass',
] as const;

const steps = fc.array(
  fc.record<Step>({
    kind: fc.constantFrom(...KINDS),
    who: fc.nat(5),
    seconds: fc.constantFrom(1, 4, 31, 100, 90_000),
  }),
  { minLength: 5, maxLength: 30 },
);

/** A registry to which things happen, and what of it only the test knows. */
class Happenings {
  readonly tenant = new Tenant();
  readonly #sessions: PaperSession[] = [];
  #tokensRunOutAt: number[] = [];
  #failedAt = Number.NEGATIVE_INFINITY;

  async take({ kind, who, seconds }: Step): Promise<void> {
    const { registry } = this.tenant;
    if (kind === 'pass') advance(seconds * SECOND);
    if (kind === 'limit') await registry.setLimits({ maxSessions: 100 });
    if (kind === 'look') await registry.stats();
    if (kind === 'forget') await this.tenant.evictRegistry().catch(() => undefined);
    if (kind === 'watch') await this.#watch(seconds);
    if (kind === 'ring') await this.#ring();
    if (kind === 'ringInVain') await this.#ringInVain();
    if (kind === 'reserve' || kind === 'reserveWithKey') {
      const session = new PaperSession({ sessionTimeoutMs: seconds * SECOND });
      this.#sessions.push(session);
      await registry.reserve(session.reservation(kind === 'reserve' ? undefined : session.id));
    }
    const session = this.#sessions.at(who % Math.max(1, this.#sessions.length));
    if (session !== undefined) await this.#toOne(kind, session);
  }

  async #toOne(kind: Step['kind'], session: PaperSession): Promise<void> {
    const { registry } = this.tenant;
    const { status } = session.report;
    if (kind === 'confirm') await registry.report(session.id, session.report);
    if (kind === 'touch' && status === 'active') await registry.report(session.id, session.touch());
    if (kind === 'end' && status === 'active') await registry.report(session.id, session.end());
    if (kind === 'settle' && status === 'active') await registry.report(session.id, session.settle());
    if (kind === 'purge' && status !== 'active') await registry.report(session.id, session.purge());
    if (kind === 'resume' && status === 'expired') {
      await registry.reserve(session.resumption());
      session.resume();
    }
  }

  async #watch(seconds: number): Promise<void> {
    const expiresAt = Date.now() + seconds * SECOND;
    const headers = { Upgrade: 'websocket', [LIVE_EXPIRES_HEADER]: String(expiresAt) };
    const { webSocket } = await this.tenant.registryStub.fetch('https://registry.invalid/', { headers });
    webSocket?.accept();
    this.#tokensRunOutAt.push(expiresAt);
  }

  async #ring(): Promise<void> {
    await this.tenant.alarm();
    this.#tokensRunOutAt = this.#tokensRunOutAt.filter((time) => time > Date.now());
  }

  async #ringInVain(): Promise<void> {
    const { tenant } = this;
    if ((await this.#nextRow()) === null) return;
    await tenant.inRegistry(({ sql }) =>
      sql.exec(`
        CREATE TRIGGER no_update BEFORE UPDATE ON sessions BEGIN SELECT raise(ABORT, 'broken on purpose'); END;
        CREATE TRIGGER no_delete BEFORE DELETE ON sessions BEGIN SELECT raise(ABORT, 'broken on purpose'); END;`),
    );
    const failed = await tenant.alarm().then(
      () => false,
      () => true,
    );
    if (failed) this.#failedAt = Date.now();
    this.#tokensRunOutAt = this.#tokensRunOutAt.filter((time) => time > Date.now());
    await tenant.inRegistry(({ sql }) => sql.exec('DROP TRIGGER no_update; DROP TRIGGER no_delete;'));
  }

  #nextRow(): Promise<number | null> {
    return this.tenant.inRegistry(({ sql }) =>
      sql.exec("SELECT 1 FROM sqlite_master WHERE name = 'sessions'").toArray().length === 0
        ? null
        : sql
            .exec<{ due: number | null }>(
              'SELECT min(due) AS due FROM (SELECT due FROM sessions UNION ALL SELECT expires_at FROM idempotency_keys)',
            )
            .one().due,
    );
  }

  /** How much later than it should the alarm stands, milliseconds; 0 where it stands in time. */
  async lateness(): Promise<number> {
    const row = await this.#nextRow();
    const due = Math.min(row ?? Number.POSITIVE_INFINITY, ...this.#tokensRunOutAt);
    if (due === Number.POSITIVE_INFINITY) return 0;
    const alarm = (await this.tenant.alarmAt()) ?? Number.POSITIVE_INFINITY;
    return Math.max(0, alarm - Math.max(due, Date.now() + 10, this.#failedAt + 5 * SECOND));
  }
}

describe('whatever happens to a registry', () => {
  it('its alarm stands, no later than what next falls due', async () => {
    await fc.assert(
      fc.asyncProperty(steps, async (sequence) => {
        stopClock();
        const happenings = new Happenings();
        for (const step of sequence) {
          await happenings.take(step);
          expect(await happenings.lateness(), `after ${step.kind}`).toBe(0);
        }
      }),
      { numRuns: RUNS },
    );
  }, 60_000);
});
