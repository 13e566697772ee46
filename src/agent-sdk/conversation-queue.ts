/**
 * Work on conversations in turn: for each stream apart, and for a whole conversation between the others.
 *
 * @module
 */

interface Job {
  /** The stream that is worked on; null for all of the conversation. */
  readonly stream: string | null;
  /** When it is done, well or badly. */
  readonly done: Promise<void>;
}

const holdsUp = (earlier: Job, stream: string | null): boolean =>
  earlier.stream === null || stream === null || earlier.stream === stream;

export class ConversationQueue {
  /** What is not done yet, by conversation, in the order of the calls. */
  readonly #jobs = new Map<string, Set<Job>>();

  /**
   * Does work when all that was asked for before is done, well or badly, that touches the same: the stream,
   * or with null any stream of the conversation.
   */
  run<T>(conversation: string, stream: string | null, work: () => Promise<T>): Promise<T> {
    const jobs = this.#jobs.get(conversation) ?? new Set();
    this.#jobs.set(conversation, jobs);
    const before = [...jobs].filter((job) => holdsUp(job, stream)).map(({ done }) => done);
    const result = before.length === 0 ? work() : Promise.all(before).then(work);
    const job: Job = { stream, done: settled(result) };
    jobs.add(job);
    void this.#forgetAfter(conversation, jobs, job);
    return result;
  }

  async #forgetAfter(conversation: string, jobs: Set<Job>, job: Job): Promise<void> {
    await job.done;
    jobs.delete(job);
    if (jobs.size === 0) this.#jobs.delete(conversation);
  }
}

async function settled(result: Promise<unknown>): Promise<void> {
  await result.catch(() => undefined);
}
