import { runInDurableObject } from 'cloudflare:test';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { PaperSession } from '../support/paper-session.ts';
import { Tenant } from '../support/tenant.ts';

const COUNT = 20;

afterEach(() => vi.restoreAllMocks());

/** How often a registry does something to its storage while something is done. */
async function timesDuring(
  tenant: Tenant,
  what: 'sync' | 'transactionSync',
  work: () => Promise<unknown>,
): Promise<number> {
  const spy = await runInDurableObject(tenant.registryStub, (_, { storage }) => vi.spyOn(storage, what));
  await work();
  return spy.mock.calls.length;
}

describe('what comes at once is written together', () => {
  it('reservations wait for the commit under way, and for the same one', async () => {
    const tenant = new Tenant();
    await tenant.registry.reserve(new PaperSession().reservation());
    const times = await timesDuring(tenant, 'sync', () =>
      Promise.all(
        Array.from({ length: COUNT }, () => tenant.registry.reserve(new PaperSession().reservation())),
      ),
    );
    expect(times).toBeGreaterThan(0);
    expect(times).toBeLessThan(COUNT);
  });

  it('confirmations share a transaction', async () => {
    const tenant = new Tenant();
    const sessions = Array.from({ length: COUNT }, () => new PaperSession());
    for (const session of sessions) await tenant.registry.reserve(session.reservation());
    const times = await timesDuring(tenant, 'transactionSync', () =>
      Promise.all(sessions.map((session) => tenant.registry.report(session.id, session.report))),
    );
    expect(times).toBeGreaterThan(0);
    expect(times).toBeLessThan(COUNT / 2);
    for (const { id } of sessions) expect(await tenant.row(id)).toMatchObject({ reserved: 'no' });
  });
});
