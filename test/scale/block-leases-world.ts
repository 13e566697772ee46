/**
 * What the protocol of {@link ./block-leases.ts} has to stand: a network that loses, repeats and overtakes, and
 * machines that die, each with a clock of its own. Whatever must always hold is looked at after every step.
 *
 * @module
 */
import {
  admit,
  ask,
  giveBack,
  granted,
  hear,
  isInForce,
  limit,
  release,
  review,
  take,
  undivided,
  type Grant,
  type Parent,
  type Request,
  type Rules,
  type Shard,
} from './block-leases.ts';

export const SHARDS = 3;
/** The parent among the machines: after the shards. */
export const PARENT = SHARDS;
const START = 1_000_000;

/** What must always hold did not. */
export class Breach extends Error {}

function must(holds: boolean, otherwise: string): void {
  if (!holds) throw new Breach(otherwise);
}

type Message =
  | { readonly to: 'parent'; readonly request: Request }
  | { readonly to: 'shard'; readonly shard: number; readonly grant: Grant | 'recall' };

/** What can happen. `node` is a shard, or the parent; `which` picks one of the messages under way. */
export type Step =
  | { readonly do: 'create' | 'end' | 'renew' | 'recall'; readonly shard: number }
  | { readonly do: 'deliver' | 'repeat' | 'lose'; readonly which: number }
  | { readonly do: 'pass'; readonly ms: number }
  | { readonly do: 'limit'; readonly maxSessions: number }
  | { readonly do: 'crash'; readonly node: number; readonly offset: number }
  | { readonly do: 'review' };

/** A parent and its shards, the messages between them, and a clock for each. */
export class World {
  parent: Parent;
  #shards: Shard[];
  #messages: Message[] = [];
  /** How many sessions there may be: the limit, or what it was until the change of it is answered. */
  #allowed: number;
  #now = START;
  /** How far each machine's clock is ahead. */
  readonly #offsets: number[] = Array.from({ length: SHARDS + 1 }, () => 0);
  readonly #rules: Rules;
  readonly #writesFirst: boolean;
  /** What each had stored before its last change. */
  #parentBefore: Parent;
  readonly #shardsBefore: Shard[];

  constructor(max: number, rules: Rules, writesFirst: boolean) {
    const { parent, shards } = undivided(max, SHARDS);
    this.parent = parent;
    this.#shards = shards;
    this.#allowed = max;
    this.#rules = rules;
    this.#writesFirst = writesFirst;
    this.#parentBefore = parent;
    this.#shardsBefore = [...shards];
  }

  get #admitted(): number {
    return this.#shards.reduce((sum, { admitted }) => sum + admitted, 0);
  }

  get #held(): number {
    return this.#shards.reduce((sum, { held }) => sum + held, 0);
  }

  /** Has something happen, and sees that nothing is wrong after it. */
  take(step: Step): void {
    const before = granted(this.parent);
    this.#do(step);
    if (isInForce(this.parent, this.#clock(PARENT), this.#rules)) this.#allowed = this.parent.maxSessions;
    for (const [index, { admitted, held }] of this.#shards.entries()) {
      const counted = this.parent.accounts[index]?.granted ?? 0;
      must(admitted <= held, `Shard ${index} has admitted ${admitted} and holds ${held}`);
      must(held <= counted, `Shard ${index} holds ${held} and is counted for ${counted}`);
    }
    // The sum exceeds the limit only where the limit was lowered under it, and then only shrinks.
    const sum = granted(this.parent);
    must(sum <= Math.max(before, this.parent.maxSessions), `${sum} are granted`);
  }

  #do(step: Step): void {
    switch (step.do) {
      case 'create':
        if (!this.#create(step.shard)) this.#ask(step.shard, 2);
        break;
      case 'end':
        if (this.#shard(step.shard).admitted > 0) this.#store(step.shard, release(this.#shard(step.shard)));
        break;
      case 'renew':
        this.#ask(step.shard, 0);
        break;
      case 'recall':
        this.#messages.push({ to: 'shard', shard: step.shard, grant: 'recall' });
        break;
      case 'deliver':
        this.#deliver(this.#pick(step.which, true));
        break;
      case 'repeat':
        this.#deliver(this.#pick(step.which, false));
        break;
      case 'lose':
        this.#pick(step.which, true);
        break;
      case 'pass':
        this.#now += step.ms;
        break;
      case 'limit':
        this.#storeParent(limit(this.parent, step.maxSessions));
        this.#allowed = Math.max(this.#allowed, step.maxSessions);
        break;
      case 'crash':
        this.#crash(step.node, step.offset);
        break;
      case 'review':
        this.#storeParent(review(this.parent, this.#clock(PARENT), this.#rules));
        break;
    }
  }

  #shard(index: number): Shard {
    const found = this.#shards[index];
    if (found === undefined) throw new Error(`There is no shard ${index}`);
    return found;
  }

  /** Whether a shard admits one more by itself. */
  #create(index: number): boolean {
    const admitting = admit(this.#shard(index), this.#clock(index), this.#rules);
    if (admitting === null) return false;
    this.#store(index, admitting);
    must(this.#admitted <= this.#allowed, `${this.#admitted} are admitted, ${this.#allowed} allowed`);
    return true;
  }

  /**
   * Messages arrive again: nothing of the limit may be lost, and whichever shards are chosen, all of it must be
   * of use, and no more.
   */
  comeToRest(choices: Iterable<number>): void {
    this.#deliverAll();
    this.#recallAll();
    this.#deliverAll();
    this.take({ do: 'pass', ms: 0 });
    must(granted(this.parent) === this.#held, `${granted(this.parent)} are granted, ${this.#held} held`);
    must(this.#held === this.#admitted, `${this.#held} are held, ${this.#admitted} admitted`);
    const expected = Math.max(this.#admitted, this.parent.maxSessions);
    for (const index of choices) this.#createWhateverItTakes(index);
    must(this.#admitted === expected, `${this.#admitted} are admitted in the end, ${expected} could be`);
  }

  /** Admits one more where the tenant has room: the shard asks, everyone gives back, it asks again. */
  #createWhateverItTakes(index: number): void {
    for (let asked = 0; !this.#create(index) && asked < 2; asked += 1) {
      this.#ask(index, 1);
      this.#deliverAll();
    }
  }

  /** Every message arrives, in order, and those that follow from it. */
  #deliverAll(): void {
    while (this.#messages.length > 0) this.#deliver(this.#pick(0, true));
  }

  #recallAll(): void {
    for (let index = 0; index < SHARDS; index += 1)
      this.#messages.push({ to: 'shard', shard: index, grant: 'recall' });
  }

  #ask(index: number, want: number): void {
    const [next, request] = ask(index, this.#shard(index), want);
    this.#store(index, next);
    this.#messages.push({ to: 'parent', request });
  }

  #pick(at: number, remove: boolean): Message | undefined {
    if (this.#messages.length === 0) return undefined;
    const index = at % this.#messages.length;
    return remove ? this.#messages.splice(index, 1)[0] : this.#messages[index];
  }

  #deliver(message: Message | undefined): void {
    if (message === undefined) return;
    if (message.to === 'parent') this.#hear(message.request);
    else if (message.grant === 'recall') {
      const [next, request] = giveBack(message.shard, this.#shard(message.shard), this.#rules);
      this.#store(message.shard, next);
      this.#messages.push({ to: 'parent', request });
    } else {
      this.#store(message.shard, take(this.#shard(message.shard), message.grant, this.#rules));
    }
  }

  #hear(request: Request): void {
    const [next, grant] = hear(this.parent, request, this.#clock(PARENT), this.#rules);
    this.#storeParent(next);
    if (grant === null) return;
    this.#messages.push({ to: 'shard', shard: request.shard, grant });
    // Whoever asks in vain has the others give back what they don't use, and gives back too.
    const inVain = request.want > 0 && (grant.held < request.held + request.want || grant.leasedUntil === 0);
    if (inVain) this.#recallAll();
  }

  #store(index: number, next: Shard): void {
    this.#shardsBefore[index] = this.#shard(index);
    this.#shards[index] = next;
  }

  #storeParent(next: Parent): void {
    this.#parentBefore = this.parent;
    this.parent = next;
  }

  /** The machine comes back as another, with what was stored: what was on its way to it is gone. */
  #crash(node: number, offset: number): void {
    if (!this.#writesFirst) {
      if (node === PARENT) this.parent = this.#parentBefore;
      else this.#shards[node] = this.#shardsBefore[node] ?? this.#shard(node);
    }
    this.#offsets[node] = offset;
    this.#messages = this.#messages.filter(
      (message) => (message.to === 'parent' ? PARENT : message.shard) !== node,
    );
  }

  #clock(node: number): number {
    return this.#now + (this.#offsets[node] ?? 0);
  }
}
