/**
 * How many requests a caller may make: the platform's rate-limit bindings, and behind the same interface a
 * window in memory where there are none.
 *
 * @module
 */

/** Each limit: so many requests in so many seconds, counted for each location. The same as in wrangler.toml. */
export const RATE_LIMITS = {
  CREATES_BY_TENANT: { limit: 4_000, periodS: 10 },
  CREATES_BY_TOKEN: { limit: 2_000, periodS: 10 },
  REQUESTS_BY_TENANT: { limit: 40_000, periodS: 10 },
  REQUESTS_BY_TOKEN: { limit: 20_000, periodS: 10 },
  AUTH_FAILURES_BY_ADDRESS: { limit: 1_000, periodS: 10 },
} as const;

export type RateLimitName = keyof typeof RATE_LIMITS;

/** What the platform's binding has, and the window in memory too. */
export interface RateLimiter {
  limit(options: { key: string }): Promise<{ success: boolean }>;
}

/** Callers that a window in memory tells apart; beyond, it begins anew rather than grow. */
const MAX_KEYS = 100_000;

/** A fixed window in this isolate's memory. */
export class MemoryRateLimiter implements RateLimiter {
  readonly #limit: number;
  readonly #periodMs: number;
  readonly #counts = new Map<string, number>();
  #window = 0;

  constructor(limit: number, periodS: number) {
    this.#limit = limit;
    this.#periodMs = periodS * 1000;
  }

  limit({ key }: { key: string }): Promise<{ success: boolean }> {
    const window = Math.floor(Date.now() / this.#periodMs);
    if (window !== this.#window || this.#counts.size >= MAX_KEYS) this.#counts.clear();
    this.#window = window;
    const count = (this.#counts.get(key) ?? 0) + 1;
    this.#counts.set(key, count);
    return Promise.resolve({ success: count <= this.#limit });
  }
}

const inMemory = new Map<RateLimitName, RateLimiter>();

function limiter(env: Env, name: RateLimitName): RateLimiter {
  const binding: unknown = Reflect.get(env, name);
  if (typeof binding === 'object' && binding !== null && 'limit' in binding) return binding as RateLimiter;
  const { limit, periodS } = RATE_LIMITS[name];
  const known = inMemory.get(name) ?? new MemoryRateLimiter(limit, periodS);
  inMemory.set(name, known);
  return known;
}

/** Counts a request under each name; answers the first limit that it is over, or null. */
export async function overLimit(
  env: Env,
  counted: readonly (readonly [name: RateLimitName, key: string])[],
): Promise<RateLimitName | null> {
  if (counted.length === 0) return null;
  const outcomes = await Promise.all(counted.map(([name, key]) => limiter(env, name).limit({ key })));
  const over = outcomes.findIndex(({ success }) => !success);
  return counted[over]?.[0] ?? null;
}
