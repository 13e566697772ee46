/**
 * Stands between the Worker, the objects and each other: counts calls, and makes them fail on purpose.
 *
 * @module
 */

/** `before`: the call does not arrive. `after`: it is carried out, its answer lost. `hang`: no answer ever. */
export type FaultKind = 'before' | 'after' | 'hang';

interface Fault {
  readonly method: string;
  readonly kind: FaultKind;
  times: number;
  /** Runs between the call's arrival and its answer. */
  readonly during: (() => Promise<void>) | null;
}

let faults: Fault[] = [];
let calls: string[] = [];
let underWay = 0;

/** What a broken connection to an object looks like to its caller. */
class Disconnected extends Error {
  readonly retryable = true;
  readonly remote = false;
}

/** Makes the next `times` calls of a method (`registry.report`, `session.create`) fail. */
export function failCalls(method: string, kind: FaultKind, times = Number.POSITIVE_INFINITY): void {
  faults.push({ method, kind, times, during: null });
}

/** Runs something after the next call of a method was carried out, before its caller has the answer. */
export function duringCall(method: string, during: () => Promise<void>): void {
  faults.push({ method, kind: 'after', times: 1, during });
}

/** Has all calls work again, and none counted. */
export function resetCalls(): void {
  faults = [];
  calls = [];
}

/** The calls since the last reset, in order: `session.touch`, `registry.report`. */
export function callsMade(): readonly string[] {
  return calls;
}

/** Waits until every call has come back, those that follow from others too; one that hangs is not waited for. */
export async function callsSettled(): Promise<void> {
  await scheduler.wait(1);
  if (underWay > 0) await callsSettled();
}

async function carryOut(method: string, make: () => Promise<unknown>): Promise<unknown> {
  calls.push(method);
  const call = () => {
    underWay += 1;
    return make().finally(() => {
      underWay -= 1;
    });
  };
  const fault = faults.find((it) => it.method === method && it.times > 0);
  if (fault === undefined) return call();
  fault.times -= 1;
  if (fault.during !== null) {
    const answer = await call();
    await fault.during();
    return answer;
  }
  if (fault.kind === 'before') throw new Disconnected(`${method} did not arrive`);
  if (fault.kind === 'hang') return new Promise(() => undefined);
  await call();
  throw new Disconnected(`the answer of ${method} was lost`);
}

interface Named {
  getByName(name: string): object;
}

function namespace<T extends Named>(real: T, label: string): T {
  return {
    getByName(name: string) {
      const stub = real.getByName(name) as Record<string, (...parameters: unknown[]) => Promise<unknown>>;
      return new Proxy(stub, {
        get(_, method) {
          if (typeof method !== 'string') return undefined;
          return (...parameters: unknown[]) =>
            carryOut(`${label}.${method}`, async () => stub[method]?.(...parameters));
        },
      });
    },
  } as unknown as T;
}

/** The environment with every call to an object going through here. */
export function interpose(env: Env): Env {
  return {
    ...env,
    SESSIONS: namespace(env.SESSIONS, 'session'),
    REGISTRY: namespace(env.REGISTRY, 'registry'),
    TRANSCRIPTS: namespace(env.TRANSCRIPTS, 'transcript'),
    PROJECTS: namespace(env.PROJECTS, 'project'),
  };
}
