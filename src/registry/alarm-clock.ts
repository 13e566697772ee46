/**
 * The object's only alarm, set no more often than it has to be: each setting is a row written.
 *
 * @module
 */

/** An alarm in the past can stall. */
const MIN_DELAY_MS = 10;
/** The wait after work that failed: what fails for good would cost a fortune. */
const FAILED_DELAY_MS = 5_000;

export class AlarmClock {
  readonly #storage: DurableObjectStorage;
  /** When it stands, as far as is known; null for not at all. */
  #standsAt: number | null = null;
  #rings = false;
  /** When its work last failed. */
  #failedAt = Number.NEGATIVE_INFINITY;

  constructor(storage: DurableObjectStorage) {
    this.#storage = storage;
  }

  /** Finds out when it stands. Nothing may be armed before. */
  async read(): Promise<void> {
    this.#standsAt = await this.#storage.getAlarm();
  }

  /** Whether it stands, as far as is known. */
  get stands(): boolean {
    return this.#standsAt !== null;
  }

  /** Sees that it stands no later than `due`. It is left alone where it is early, and while it rings. */
  armBy(due: number | null, now: number): void {
    if (due === null || this.#rings) return;
    const failed = now >= this.#failedAt && now < this.#failedAt + FAILED_DELAY_MS;
    const time = Math.max(due, failed ? this.#failedAt + FAILED_DELAY_MS : now + MIN_DELAY_MS);
    if (this.#standsAt !== null && this.#standsAt <= time) return;
    this.#standsAt = time;
    // Not awaited: an await would split the block, and the output gate reports a failure to write.
    void this.#storage.setAlarm(time);
  }

  /** Does what is to be done when it rings; it is to be armed anew after that. */
  async ring(work: () => Promise<void>): Promise<void> {
    this.#standsAt = null;
    this.#rings = true;
    try {
      await work();
    } catch (error) {
      this.#failedAt = Date.now();
      throw error;
    } finally {
      this.#rings = false;
    }
  }
}
