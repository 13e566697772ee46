/**
 * A model of a design that is not built (docs/scale.md): a tenant's capacity, held by a parent and leased in
 * blocks to shards that admit sessions on their own. What is here is the protocol alone, as pure functions
 * over what each side has stored; what the messages pass through is the test's affair.
 *
 * Two rules carry it. The parent never counts less for a shard, in sessions or in time, than the shard may
 * believe it has: so the blocks' sum bounds the sessions. And a shard's request says what it has and makes every
 * earlier answer void: so a block comes back by the word of its holder alone, whatever was lost, repeated or
 * overtaken.
 *
 * @module
 */

/** How long a shard may admit on a grant without hearing from its parent. */
export const LEASE_MS = 30_000;
/** How far the clocks of two machines may differ. */
export const MAX_CLOCK_SKEW_MS = 15_000;

/** What a shard has stored. Times in milliseconds, by its own clock. */
export interface Shard {
  /** The number of its last request: grows with each, and with each block that it gives back. */
  readonly request: number;
  /** Sessions that it may have admitted at once. */
  readonly held: number;
  /** From when on it admits nobody. */
  readonly leasedUntil: number;
  /** Sessions that it has admitted: by its rows, of course, not by a number of its own. */
  readonly admitted: number;
}

/** What the parent has stored of one shard. Times in milliseconds, by the parent's clock. */
export interface Account {
  /** The newest request that was heard. */
  readonly request: number;
  /** What the shard may believe it holds. */
  readonly granted: number;
  /** Until when it may admit; in the past for none. */
  readonly leasedUntil: number;
}

export interface Parent {
  readonly maxSessions: number;
  readonly accounts: readonly Account[];
}

/** From a shard to its parent: what it holds now, until when, and how much more it would like. */
export interface Request {
  readonly shard: number;
  readonly request: number;
  readonly held: number;
  readonly leasedUntil: number;
  readonly want: number;
}

/** The parent's answer. */
export interface Grant {
  readonly request: number;
  readonly held: number;
  readonly leasedUntil: number;
}

export const granted = (parent: Parent): number =>
  parent.accounts.reduce((sum, account) => sum + account.granted, 0);

/** A tenant as it is today: one registry, which holds everything. The other shards have nothing. */
export function undivided(maxSessions: number, shards: number): { parent: Parent; shards: Shard[] } {
  const first = { request: 0, leasedUntil: LEASE_MS };
  const none = { request: 0, leasedUntil: 0 };
  return {
    parent: {
      maxSessions,
      accounts: Array.from({ length: shards }, (_, i) =>
        i === 0 ? { ...first, granted: maxSessions } : { ...none, granted: 0 },
      ),
    },
    shards: Array.from({ length: shards }, (_, i) =>
      i === 0 ? { ...first, held: maxSessions, admitted: 0 } : { ...none, held: 0, admitted: 0 },
    ),
  };
}

/** Every rule whose breach a test is to see. Each is a function of what its side knows, and nothing else. */
export interface Rules {
  /** Whether a shard may admit one more. */
  mayAdmit(shard: Shard, now: number): boolean;
  /** What a shard keeps when it gives back. */
  keeps(shard: Shard): number;
  /** The number of the request by which it does. */
  numberOfReturn(shard: Shard): number;
  /** Whether a shard takes an answer. */
  takes(shard: Shard, grant: Grant): boolean;
  /** Whether the parent has heard a request before, or something newer. */
  isOld(account: Account, request: Request): boolean;
  /** How much more a shard gets. */
  more(parent: Parent, want: number): number;
  /** Until when a shard may admit on what it has, as far as that is the parent's to say. */
  granting(parent: Parent, now: number): number;
  /** Until when it may admit, given that and what it has said itself. */
  leasedUntil(request: Request, granting: number): number;
  /** What a shard that has fallen silent is still counted for. */
  countedFor(account: Account, now: number): number;
  /** Whether a shard can be relied on to admit nobody unless it asks first. */
  isQuiet(account: Account, now: number): boolean;
}

export const RULES: Rules = {
  mayAdmit: (shard, now) => now < shard.leasedUntil && shard.admitted < shard.held,
  // Nobody is ended to give a block back.
  keeps: (shard) => shard.admitted,
  // Else an answer that is under way would bring back what was given away.
  numberOfReturn: (shard) => shard.request + 1,
  takes: (shard, grant) => grant.request === shard.request,
  isOld: (account, request) => request.request <= account.request,
  more: (parent, want) => Math.max(0, Math.min(want, parent.maxSessions - granted(parent))),
  // Above the limit nobody gets time: what falls free in a shard must not be filled there.
  granting: (parent, now) => (granted(parent) <= parent.maxSessions ? now + LEASE_MS : 0),
  // A lease can't be cut short by an answer that is still under way.
  leasedUntil: (request, granting) => Math.max(request.leasedUntil, granting),
  // A lease that has lapsed stops admissions; the sessions behind it live on, and count.
  countedFor: (account) => account.granted,
  isQuiet: (account, now) => account.leasedUntil + MAX_CLOCK_SKEW_MS <= now,
};

/** Admits a session, or null where the shard must ask its parent first. */
export function admit(shard: Shard, now: number, rules: Rules = RULES): Shard | null {
  return rules.mayAdmit(shard, now) ? { ...shard, admitted: shard.admitted + 1 } : null;
}

/** A session has expired or ended. */
export function release(shard: Shard): Shard {
  return { ...shard, admitted: shard.admitted - 1 };
}

/** Asks for `want` more, and for time: the shard keeps what it holds. It is sent once it is stored. */
export function ask(index: number, shard: Shard, want: number): [Shard, Request] {
  const next = { ...shard, request: shard.request + 1 };
  const { request, held, leasedUntil } = next;
  return [next, { shard: index, request, held, leasedUntil, want }];
}

/** Gives back what is not in use, and admits nobody until it has asked: what a shard does when it is recalled. */
export function giveBack(index: number, shard: Shard, rules: Rules = RULES): [Shard, Request] {
  const request = rules.numberOfReturn(shard);
  const next = { ...shard, request, held: rules.keeps(shard), leasedUntil: 0 };
  return [next, { shard: index, request, held: next.held, leasedUntil: 0, want: 0 }];
}

/** Takes what the parent grants, if it answers the last request: an earlier one is void. */
export function take(shard: Shard, grant: Grant, rules: Rules = RULES): Shard {
  if (!rules.takes(shard, grant)) return shard;
  return { ...shard, held: grant.held, leasedUntil: grant.leasedUntil };
}

/**
 * Hears a request and answers it, or null where it was overtaken by a newer one. A repeated one gets the answer
 * that it had: it may have been taken.
 */
export function hear(
  parent: Parent,
  request: Request,
  now: number,
  rules: Rules = RULES,
): [Parent, Grant | null] {
  const account = parent.accounts[request.shard];
  if (account === undefined) throw new Error(`There is no shard ${request.shard}`);
  if (rules.isOld(account, request))
    return [parent, request.request === account.request ? grantOf(account) : null];
  // What was granted before is void by this request; what it says is all that the shard has.
  const heard = withAccount(parent, request.shard, { ...account, granted: request.held });
  const more = rules.more(heard, request.want);
  const raised = withAccount(parent, request.shard, { ...account, granted: request.held + more });
  const next: Account = {
    request: request.request,
    granted: request.held + more,
    leasedUntil: rules.leasedUntil(request, rules.granting(raised, now)),
  };
  return [withAccount(parent, request.shard, next), grantOf(next)];
}

/** What the parent does now and then: nothing to its accounts, by the rules. */
export function review(parent: Parent, now: number, rules: Rules = RULES): Parent {
  return {
    ...parent,
    accounts: parent.accounts.map((account) => ({ ...account, granted: rules.countedFor(account, now) })),
  };
}

/** Changes the limit. It holds once {@link isInForce} says so: then the change is answered. */
export function limit(parent: Parent, maxSessions: number): Parent {
  return { ...parent, maxSessions };
}

/** Whether nobody can be admitted past the limit any more, wherever. */
export function isInForce(parent: Parent, now: number, rules: Rules = RULES): boolean {
  return (
    granted(parent) <= parent.maxSessions || parent.accounts.every((account) => rules.isQuiet(account, now))
  );
}

const grantOf = ({ request, granted: held, leasedUntil }: Account): Grant => ({ request, held, leasedUntil });

function withAccount(parent: Parent, shard: number, account: Account): Parent {
  return { ...parent, accounts: parent.accounts.map((it, i) => (i === shard ? account : it)) };
}
