/**
 * Asks every session by itself, and compares what they say with what the registry counts.
 *
 * @module
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { RegistryStats, SessionStatus } from '../../src/client/index.ts';
import type { Fate } from './book.ts';
import type { World } from './conversation.ts';

/** So many are asked at once, and a second: each is an object that wakes for it and stays for some seconds. */
const ASKED_AT_ONCE = 16;
const ASKED_PER_SECOND = 300;
/** Slots are given back within this time of an expiry. */
const SETTLE_TIMEOUT_MS = 60_000;
const LOOK_INTERVAL_MS = 250;

/** How a session may stand once all is quiet; `gone` past its retention. */
const POSSIBLE: Readonly<Record<Fate, readonly (SessionStatus | 'gone')[]>> = {
  kept: ['active'],
  left: ['expired', 'gone'],
  ended: ['ended', 'gone'],
  erased: ['gone'],
};

export interface Census {
  readonly stats: RegistryStats;
  /** Those in the list of active sessions. */
  readonly listed: readonly string[];
  /** Those that say that they are active. */
  readonly active: readonly string[];
  readonly asked: number;
}

/** Waits until no more are active than are to be. */
export async function untilQuiet({ client, book, tally }: World): Promise<void> {
  const deadline = performance.now() + SETTLE_TIMEOUT_MS;
  const expected = book.idsOf('kept').length;
  while ((await client.registry.stats()).activeCount > expected) {
    if (performance.now() > deadline) return tally.surprise('slots were not given back within a minute');
    await sleep(LOOK_INTERVAL_MS);
  }
}

/** Asks all that were ever created. */
export async function census(world: World): Promise<Census> {
  const { client, book } = world;
  const stats = await client.registry.stats();
  const listed: string[] = [];
  for await (const { sessionId } of client.sessions.listAll()) listed.push(sessionId);
  const waiting = [...book.fates].toReversed();
  const active: string[] = [];
  const ask = async (): Promise<void> => {
    for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
      const [sessionId, fate] = next;
      const nextAt = performance.now() + (1_000 * ASKED_AT_ONCE) / ASKED_PER_SECOND;
      if ((await askOne(world, sessionId, fate)) === 'active') active.push(sessionId);
      await sleep(Math.max(0, nextAt - performance.now()));
    }
  };
  await Promise.all(Array.from({ length: ASKED_AT_ONCE }, ask));
  return { stats, listed, active, asked: book.fates.size };
}

async function askOne({ client, tally }: World, sessionId: string, fate: Fate): Promise<string> {
  const asked = await tally.call('census', ['session_not_found'], () => client.sessions.get(sessionId));
  const status = asked.ok ? asked.value.status : 'gone';
  if (!POSSIBLE[fate].includes(status)) tally.surprise(`${sessionId} is ${status}, and was ${fate}`);
  return status;
}

/** Ends those that are still alive but for some, and waits until the registry keeps no others. */
export async function endAllBut(count: number, { client, book, tally }: World): Promise<void> {
  for (const sessionId of book.idsOf('kept').slice(count)) {
    const ended = await tally.call('end', [], () => client.sessions.end(sessionId));
    if (ended.ok) book.ended(sessionId);
  }
  // What is touched is told of from time to time, what is linked at once: so all messages are counted.
  for (const sessionId of book.idsOf('kept'))
    await tally.call('link', [], () => client.sessions.link(sessionId, { claudeSessionId: 'soak' }));
}
