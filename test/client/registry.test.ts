import { describe, expect, it } from 'vitest';
import { appClient } from '../support/app-fetch.ts';

const client = appClient();

describe('the registry', () => {
  it('counts', async () => {
    const before = await client.registry.stats();
    await client.sessions.create({ model: 'm' });
    expect(await client.registry.stats()).toMatchObject({
      totalCreated: before.totalCreated + 1,
      activeCount: before.activeCount + 1,
      byModel: { m: 1 },
    });
  });

  it('says what happened minute by minute', async () => {
    const series = await client.registry.series({ minutes: 3 });
    expect(series).toHaveLength(3);
    expect(series.at(-1)).toMatchObject({ minute: expect.stringMatching(/:00\.000Z$/), active: 1 });
    expect(await client.registry.series()).toHaveLength(60);
  });

  it('has limits that can be changed', async () => {
    expect(await client.registry.limits()).toEqual({ maxSessions: 100 });
    expect(await client.registry.setLimits({ maxSessions: 7 })).toEqual({ maxSessions: 7 });
    expect(await client.registry.limits()).toEqual({ maxSessions: 7 });
  });

  it('gives its figures as text for Prometheus', async () => {
    const text = await client.registry.metrics();
    expect(text).toMatch(/^# TYPE /m);
    expect(text).toMatch(/# EOF\n$/);
  });
});

describe('the service', () => {
  it('says that it is up', async () => {
    expect(await client.health()).toEqual({ ok: true, version: expect.stringMatching(/^\d+\.\d+\.\d+/) });
  });
});
