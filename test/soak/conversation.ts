/**
 * An app that has one conversation after the other, each as long as its session.
 *
 * @module
 */
import { randomUUID } from 'node:crypto';
import type { BerthClient, CreateSession, Session } from '../../src/client/index.ts';
import type { Amounts } from './amounts.ts';
import type { Book } from './book.ts';
import { between, chance, oneOf, pause, whole } from './chance.ts';
import type { Outcome, Tally } from './tally.ts';

export const PROJECT = 'soak';
export const MODELS = ['claude-opus-4-1', 'claude-sonnet-5'] as const;
export const TEAMS = ['search', 'billing', 'support'] as const;

/** How long an app thinks between two steps, milliseconds. */
const [MIN_THINK_MS, MAX_THINK_MS] = [80, 420];
/** How long one waits for a slot that waits at all, milliseconds. */
const WAIT_FOR_SLOT_MS = 2_500;
/** Those that are to last get one, however tight it is when they come. */
const WAIT_TO_LAST_MS = 20_000;
/** How far the server's clock, which stands still within a request, may be behind this one. */
const CLOCK_GRAIN_MS = 50;
/** As large as a prompt is, characters. */
const PROMPT_LENGTH = 2_000;

const GONE = ['session_expired'] as const;

export interface World {
  readonly client: BerthClient;
  readonly tally: Tally;
  readonly book: Book;
  readonly amounts: Amounts;
}

/** How conversations go, each with its share. */
const PLANS = [
  { share: 0.45, plan: endedInTime },
  { share: 0.2, plan: forgotten },
  { share: 0.15, plan: comeBackTo },
  { share: 0.1, plan: livedOut },
  { share: 0.1, plan: erased },
] as const;

/** Has a conversation, to its end. */
export async function converse(world: World): Promise<void> {
  let dice = Math.random();
  const chosen = PLANS.find(({ share }) => (dice -= share) < 0) ?? PLANS[0];
  await chosen.plan(world);
}

/** A session that one app has in hand. */
class Held {
  readonly #world: World;
  #session: Session;

  constructor(world: World, session: Session) {
    this.#world = world;
    this.#session = session;
  }

  get id(): string {
    return this.#session.sessionId;
  }

  /** Waits until its time is over, and a moment more. */
  async outlive(): Promise<void> {
    const left = Date.parse(this.#session.expiresAt) - Date.now();
    await pause(Math.max(0, left) + CLOCK_GRAIN_MS, Math.max(0, left) + 500);
  }

  /** One step of a conversation. False where it had expired. */
  async turn(): Promise<boolean> {
    await pause(MIN_THINK_MS, MAX_THINK_MS);
    const { client } = this.#world;
    const dice = Math.random();
    if (dice < 0.1) return this.#read();
    if (dice < 0.2) return this.#append();
    if (dice < 0.25)
      return this.#step('patch', () =>
        client.sessions.update(this.id, { metadata: { team: oneOf(TEAMS), turn: whole(1, 99) } }),
      );
    if (dice < 0.3)
      return this.#step('link', () => client.sessions.link(this.id, { claudeSessionId: randomUUID() }));
    const messages = whole(1, 3);
    const touched = await this.#step('touch', () => client.sessions.touch(this.id, { messages }));
    if (touched) this.#world.book.messages += messages;
    return touched;
  }

  async turns(count: number): Promise<void> {
    for (let turn = 0; turn < count; turn += 1) if (!(await this.turn())) return;
  }

  async end(): Promise<boolean> {
    const ended = await this.#step('end', () => this.#world.client.sessions.end(this.id));
    if (ended) this.#world.book.ended(this.id);
    return ended;
  }

  async purge(wasEnded: boolean): Promise<void> {
    const { client, tally, book } = this.#world;
    const purged = await tally.call('purge', [], () => client.sessions.purge(this.id));
    if (purged.ok && purged.value !== null) book.purged(purged.value, wasEnded);
    else tally.surprise('purge: it was gone already');
  }

  /** Makes it active again. False where there was no room for it. */
  async resume(): Promise<boolean> {
    const { client, tally, book } = this.#world;
    const waitForSlotMs = chance(0.5) ? WAIT_FOR_SLOT_MS : 0;
    const resumed = await tally.call('resume', ['max_sessions_reached', 'session_not_found'], () =>
      client.sessions.resume(this.id, { waitForSlotMs }),
    );
    if (!resumed.ok) return false;
    book.resumed += 1;
    this.#session = resumed.value;
    return true;
  }

  /** Asks for what can't be: an absolute lifetime that is over is over. */
  async resumeInVain(): Promise<void> {
    const { client, tally } = this.#world;
    const resumed = await tally.call('resume', ['session_expired', 'session_not_found'], () =>
      client.sessions.resume(this.id),
    );
    if (resumed.ok) tally.surprise(`resume: ${this.id} lives on past its absolute lifetime`);
  }

  /** A call that only an active session answers. */
  async #step(kind: string, make: () => Promise<Session>): Promise<boolean> {
    const sentAt = Date.now();
    const outcome = await this.#world.tally.call(kind, GONE, make);
    this.#checkTime(kind, outcome, sentAt);
    if (outcome.ok) this.#session = outcome.value;
    return outcome.ok;
  }

  /** Reads, which never fails: a session that has expired is shown as such. */
  async #read(): Promise<boolean> {
    const { client, tally } = this.#world;
    const read = await tally.call('read', [], () => client.sessions.get(this.id));
    if (read.ok) this.#session = read.value;
    return read.ok && read.value.status === 'active';
  }

  /** Appends to the transcript, which holds whatever has become of the session. */
  async #append(): Promise<boolean> {
    const { client, tally } = this.#world;
    const entries = Array.from({ length: whole(1, 4) }, () => ({
      uuid: randomUUID(),
      type: 'user',
      message: { role: 'user', content: 'x'.repeat(whole(10, PROMPT_LENGTH)) },
    }));
    const appended = await tally.call('append', [], () =>
      client.transcripts.append({ project: PROJECT, session: this.id }, { entries }, { touch: this.id }),
    );
    // It does not say until when the session lasts now.
    return appended.ok && appended.value.touched === true && (await this.#read());
  }

  /** At or past its expiry a session is expired to every caller, and not before. */
  #checkTime(kind: string, outcome: Outcome<unknown>, sentAt: number): void {
    const { tally } = this.#world;
    const { expiresAt } = this.#session;
    const late = sentAt - Date.parse(expiresAt);
    const early = Date.parse(expiresAt) - Date.now();
    if (outcome.ok && late > CLOCK_GRAIN_MS)
      tally.surprise(`${kind}: ${this.id} was active ${late} ms after ${expiresAt}`);
    if (!outcome.ok && outcome.code === 'session_expired' && early > CLOCK_GRAIN_MS)
      tally.surprise(`${kind}: ${this.id} was expired ${early} ms before ${expiresAt}`);
  }
}

/** Creates a session, if there is room for it. */
async function create(world: World, input: CreateSession, fate: 'kept' | 'left'): Promise<Held | null> {
  const { client, tally, book } = world;
  const patience = chance(0.5) ? WAIT_FOR_SLOT_MS : 0;
  const waitForSlotMs = fate === 'kept' ? WAIT_TO_LAST_MS : patience;
  const body: CreateSession = {
    model: oneOf(MODELS),
    permissionMode: oneOf(['default', 'plan', 'acceptEdits']),
    metadata: { team: oneOf(TEAMS), turn: 0 },
    ...(chance(0.2) ? { appendSystemPrompt: 'x'.repeat(PROMPT_LENGTH) } : {}),
    ...input,
  };
  const created = await tally.call('create', ['max_sessions_reached'], () =>
    client.sessions.create(body, { waitForSlotMs }),
  );
  if (!created.ok) {
    await pause(MIN_THINK_MS, MAX_THINK_MS);
    return null;
  }
  book.created(created.value, fate);
  return new Held(world, created.value);
}

const begin = ({ amounts }: World): CreateSession => ({
  sessionTimeoutMs: Math.round(between(...amounts.timeoutMs)),
});

async function endedInTime(world: World): Promise<void> {
  const held = await create(world, begin(world), 'left');
  if (held === null) return;
  await held.turns(whole(1, 9));
  if ((await held.end()) && chance(0.2)) await held.purge(true);
}

/** Whoever had it says no more. */
async function forgotten(world: World): Promise<void> {
  const held = await create(world, begin(world), 'left');
  await held?.turns(whole(0, 4));
}

async function comeBackTo(world: World): Promise<void> {
  const held = await create(world, { ...begin(world), sessionTimeoutMs: 1_000 }, 'left');
  if (held === null) return;
  await held.turns(whole(0, 2));
  await held.outlive();
  if (await held.turn()) return world.tally.surprise(`${held.id} is active past its time`);
  if (!(await held.resume())) return;
  await held.turns(whole(1, 4));
  if (chance(0.5)) await held.end();
}

/** An absolute lifetime is over whatever the activity, and long before the idle hour. */
async function livedOut(world: World): Promise<void> {
  const held = await create(world, { sessionTimeoutMs: 60_000, maxLifetimeMs: 1_500 }, 'left');
  if (held === null) return;
  while (await held.turn()) continue;
  if (chance(0.3)) await held.resumeInVain();
}

async function erased(world: World): Promise<void> {
  const held = await create(world, begin(world), 'left');
  if (held === null) return;
  await held.turns(whole(0, 3));
  await held.purge(false);
}

/** A session that lasts, and is touched now and then until it is time to stop. */
export async function keepAlive(world: World, isOver: () => boolean): Promise<void> {
  const held = await create(world, { sessionTimeoutMs: 3_600_000 }, 'kept');
  if (held === null) return world.tally.surprise('create: there was no room for one that was to be kept');
  while (!isOver()) {
    await pause(500, 1_500);
    await held.turn();
  }
}
