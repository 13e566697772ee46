/**
 * The one way to the objects: fresh stubs, retries where they are safe, and an answer in time from what may have
 * to wait for others.
 *
 * @module
 */
import { fail, ok, type Failed, type Result } from '../contract/errors.ts';
import { logError, logWarning } from '../log.ts';
import { projectObjectName, sessionObjectName, transcriptObjectName } from '../protocol/names.ts';
import type { TranscriptName } from '../protocol/transcript.ts';
import { remote, type Remote } from '../protocol/remote.ts';
import {
  toResult,
  type SessionAnswer,
  type SessionRepresentation,
} from '../protocol/session-representation.ts';
import { TimeoutError, within } from '../protocol/within.ts';
import type { RegistryObject } from '../registry/registry-object.ts';
import type { ResumePlan, SessionObject } from '../session/session-object.ts';
import type { ProjectObject } from '../transcript/project-object.ts';
import type { TranscriptObject } from '../transcript/transcript-object.ts';

/** An object that has not answered by then is not going to. */
const CALL_TIMEOUT_MS = 10_000;
/**
 * For calls that wait for nothing but their own object's storage, as reads and touches of a session do: a timer that
 * never rings would be a part of what each of them takes.
 */
export const UNBOUNDED = null;
const MAX_ATTEMPTS = 3;
/** The waits between attempts double from here, each with up to as much again at random. */
const FIRST_BACKOFF_MS = 50;
const OVERLOADED_RETRY_AFTER_S = 2;

/** Whether a call may be made again when it is not known whether it was carried out. */
export type Repeatable = 'repeatable' | 'once';

/** Calls to the objects of one tenant. */
export class Objects {
  readonly #env: Env;
  readonly #tenant: string;

  constructor(env: Env, tenant: string) {
    this.#env = env;
    this.#tenant = tenant;
  }

  /** Calls the object of a session, which answers with the session. */
  session(
    sessionId: string,
    repeatable: Repeatable,
    call: (session: Remote<SessionObject>) => Promise<SessionAnswer>,
    timeoutMs: number | null = CALL_TIMEOUT_MS,
  ): Promise<Result<SessionRepresentation>> {
    return attempt(repeatable, async () => toResult(await call(this.#session(sessionId))), timeoutMs);
  }

  /** What a session's object says of resuming it. */
  resumePlan(sessionId: string): Promise<Result<ResumePlan>> {
    return attempt('repeatable', () => this.#session(sessionId).planResume());
  }

  #session(sessionId: string): Remote<SessionObject> {
    return remote(this.#env.SESSIONS, sessionObjectName(this.#tenant, sessionId));
  }

  /** Calls the tenant's registry. All of its calls are harmless when repeated. */
  registry<T>(call: (registry: Remote<RegistryObject>) => Promise<Result<T>>): Promise<Result<T>> {
    return attempt('repeatable', () => call(remote(this.#env.REGISTRY, this.#tenant)));
  }

  /** Hands a request to upgrade to a WebSocket to the tenant's registry. */
  upgrade(request: Request): Promise<Result<Response>> {
    return attempt('once', async () => ok(await this.#env.REGISTRY.getByName(this.#tenant).fetch(request)));
  }

  /** Calls the object of a transcript. */
  async transcript<T>(
    { project, session }: TranscriptName,
    repeatable: Repeatable,
    call: (transcript: Remote<TranscriptObject>) => Promise<Result<T>>,
  ): Promise<Result<T>> {
    const name = await transcriptObjectName(this.#tenant, project, session);
    return attempt(repeatable, () => call(remote(this.#env.TRANSCRIPTS, name)));
  }

  /** Calls the object of a project. All of its calls are harmless when repeated. */
  async project<T>(
    project: string,
    call: (index: Remote<ProjectObject>) => Promise<Result<T>>,
  ): Promise<Result<T>> {
    const name = await projectObjectName(this.#tenant, project);
    return attempt('repeatable', () => call(remote(this.#env.PROJECTS, name)));
  }
}

/** What the platform says of a failed call. */
interface CallError {
  readonly message: string;
  readonly retryable: boolean;
  readonly overloaded: boolean;
}

function describe(error: unknown): CallError {
  const { message, retryable, overloaded } = (error ?? {}) as Partial<Record<keyof CallError, unknown>>;
  const text = String(message ?? error);
  return {
    message: text,
    // For minutes after a deploy an old object may lack a method that a new Worker calls.
    retryable: retryable === true || text.includes('does not implement the method'),
    overloaded: overloaded === true,
  };
}

async function attempt<T>(
  repeatable: Repeatable,
  call: () => Promise<Result<T>>,
  timeoutMs: number | null = CALL_TIMEOUT_MS,
): Promise<Result<T>> {
  for (let attempts = 1; ; attempts += 1) {
    try {
      const answer = call();
      return await (timeoutMs === null ? answer : within(timeoutMs, answer));
    } catch (error) {
      const { message, retryable, overloaded } = describe(error);
      const busy = overloaded || retryable || error instanceof TimeoutError;
      if (!busy) throw error;
      const again = retryable && !overloaded && repeatable === 'repeatable' && attempts < MAX_ATTEMPTS;
      logWarning('object.call_failed', { attempts, again, message });
      if (!again) return unavailable(error);
    }
    const backoff = FIRST_BACKOFF_MS * 2 ** (attempts - 1);
    await new Promise((resolve) => setTimeout(resolve, backoff * (1 + Math.random())));
  }
}

function unavailable(error: unknown): Failed {
  logError('object.unavailable', error, {});
  return fail('overloaded', 'This cannot be answered just now. Try again shortly.', {
    retryAfterS: OVERLOADED_RETRY_AFTER_S,
  });
}
