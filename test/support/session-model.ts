/**
 * What the API promises of one session, as plainly as it can be said: no storage, no versions, no alarms.
 * It shares no code with what it is held against.
 *
 * @module
 */

type Json = string | number | boolean | null | Json[] | JsonObject;
type JsonObject = { [key: string]: Json };

interface Config {
  model?: string;
  cwd: string;
  permissionMode: 'default';
  appendSystemPrompt?: string;
  maxTurns: number;
  metadata: JsonObject;
}

/** What a caller may do, and what may happen meanwhile. */
export type Step =
  | { readonly do: 'get' | 'end' | 'purge' | 'resume' | 'createAgain' | 'alarm' | 'evict' }
  | { readonly do: 'touch'; readonly messages: number; readonly key: string | null }
  | { readonly do: 'link'; readonly claudeSessionId: string; readonly projectKey: string | undefined }
  | { readonly do: 'patch'; readonly patch: Patch }
  | { readonly do: 'wait'; readonly ms: number }
  | { readonly do: 'waitForExpiry'; readonly offsetMs: number }
  | { readonly do: 'outliveRetention' };

export interface Patch {
  readonly model?: string | null;
  readonly maxTurns?: number | null;
  readonly metadata?: JsonObject | null;
  readonly sessionTimeoutMs?: number | null;
  readonly maxLifetimeMs?: number | null;
}

/** A session of the wire, or the code of the refusal. */
export type Outcome = Readonly<Record<string, unknown>> | { readonly code: string };

const isObject = (value: Json | undefined): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** The pseudocode of RFC 7396, section 2, word for word. */
export function mergePatchByTheBook(target: Json | undefined, patch: Json): Json {
  if (!isObject(patch)) return patch;
  const result: JsonObject = isObject(target) ? { ...target } : {};
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) delete result[name];
    else result[name] = mergePatchByTheBook(result[name], value);
  }
  return result;
}

const sorted = (value: unknown): unknown =>
  isObject(value as Json)
    ? Object.fromEntries(
        Object.entries(value as JsonObject)
          .toSorted(([a], [b]) => (a < b ? -1 : 1))
          .map(([key, inner]) => [key, sorted(inner)]),
      )
    : value;
const same = (a: unknown, b: unknown) => JSON.stringify(sorted(a)) === JSON.stringify(sorted(b));
const iso = (time: number) => new Date(time).toISOString();

export class SessionModel {
  readonly createdAt: number;
  readonly #id: string;
  readonly #defaults: { cwd: string; sessionTimeoutMs: number };
  readonly #retentionMs: number;
  #config: Config;
  #lastActivity: number;
  #timeout: number;
  #lifetime: number | null;
  #messages = 0;
  #keys: { key: string; messages: number }[] = [];
  #claudeIds: string[] = [];
  #projectKey: string | undefined;
  #revision = 1;
  #end: { at: number; reason: string } | null = null;
  #purged = false;

  constructor(
    id: string,
    defaults: { cwd: string; sessionTimeoutMs: number },
    given: { sessionTimeoutMs: number; maxLifetimeMs: number | null },
    retentionMs: number,
    now: number,
  ) {
    this.#id = id;
    this.#defaults = defaults;
    this.#retentionMs = retentionMs;
    this.createdAt = now;
    this.#lastActivity = now;
    this.#timeout = given.sessionTimeoutMs;
    this.#lifetime = given.maxLifetimeMs;
    this.#config = { cwd: defaults.cwd, permissionMode: 'default', maxTurns: 10, metadata: {} };
  }

  get #idleAt(): number {
    return this.#lastActivity + this.#timeout;
  }

  get #absoluteAt(): number {
    return this.#lifetime === null ? Infinity : this.createdAt + this.#lifetime;
  }

  get expiresAt(): number {
    return Math.min(this.#idleAt, this.#absoluteAt);
  }

  get active(): boolean {
    return this.#end === null;
  }

  get purged(): boolean {
    return this.#purged;
  }

  /** From when on every call answers 404; infinity while the session is active. */
  get forgottenAt(): number {
    return this.#end === null ? Infinity : this.#end.at + this.#retentionMs;
  }

  /** Does what a caller asks, at a time, and says what the caller must hear. */
  perform(step: Step, now: number): Outcome {
    this.expireIfDue(now);
    if (this.#purged || now >= this.forgottenAt)
      return { code: step.do === 'createAgain' ? 'conflict' : 'session_not_found' };
    if (step.do === 'get' || step.do === 'createAgain') return this.#wire();
    if (step.do === 'resume') return this.#resume(now);
    if (step.do === 'purge') return this.#purge(now);
    if (this.#end !== null)
      return { code: this.#end.reason === 'ended' ? 'session_ended' : 'session_expired' };
    if (step.do === 'touch') return this.#touch(step.messages, step.key, now);
    if (step.do === 'link') return this.#link(step.claudeSessionId, step.projectKey);
    if (step.do === 'patch') return this.#patch(step.patch, now);
    if (step.do === 'end') this.#close(now, 'ended');
    return this.#wire();
  }

  expireIfDue(now: number): void {
    if (this.#end !== null || now < this.expiresAt) return;
    this.#close(this.expiresAt, this.#absoluteAt <= this.#idleAt ? 'max_lifetime' : 'idle_timeout');
  }

  #close(at: number, reason: string): void {
    this.#end = { at: Math.max(at, this.createdAt), reason };
    this.#revision += 1;
  }

  #touch(messages: number, key: string | null, now: number): Outcome {
    const known = this.#keys.find((it) => it.key === key);
    if (known !== undefined)
      return known.messages === messages ? this.#wire() : { code: 'idempotency_key_reused' };
    if (key !== null) this.#keys = [...this.#keys, { key, messages }].slice(-16);
    this.#messages += messages;
    this.#lastActivity = Math.max(this.#lastActivity, now);
    return this.#wire();
  }

  #link(claudeId: string, projectKey: string | undefined): Outcome {
    const before = [this.#claudeIds, this.#projectKey];
    this.#claudeIds = [...this.#claudeIds.filter((id) => id !== claudeId), claudeId].slice(-32);
    this.#projectKey = projectKey ?? this.#projectKey;
    if (!same(before, [this.#claudeIds, this.#projectKey])) this.#revision += 1;
    return this.#wire();
  }

  #patch(patch: Patch, now: number): Outcome {
    const before = structuredClone([this.#config, this.#timeout, this.#lifetime]);
    if (patch.model === null) delete this.#config.model;
    else if (patch.model !== undefined) this.#config = { ...this.#config, model: patch.model };
    if (patch.maxTurns !== undefined) this.#config = { ...this.#config, maxTurns: patch.maxTurns ?? 10 };
    if (patch.metadata !== undefined) {
      const merged = mergePatchByTheBook(this.#config.metadata, patch.metadata);
      this.#config = { ...this.#config, metadata: isObject(merged) ? merged : {} };
    }
    if (patch.sessionTimeoutMs !== undefined)
      this.#timeout = patch.sessionTimeoutMs ?? this.#defaults.sessionTimeoutMs;
    if (patch.maxLifetimeMs !== undefined) this.#lifetime = patch.maxLifetimeMs;
    if (!same(before, [this.#config, this.#timeout, this.#lifetime])) this.#revision += 1;
    this.expireIfDue(now);
    return this.#wire();
  }

  #resume(now: number): Outcome {
    if (this.#end === null) return this.#wire();
    if (this.#end.reason === 'ended') return { code: 'session_ended' };
    if (now >= this.#absoluteAt) return { code: 'session_expired' };
    this.#end = null;
    this.#revision += 1;
    this.#lastActivity = Math.max(this.#lastActivity, now);
    return this.#wire();
  }

  #purge(now: number): Outcome {
    if (this.#end === null) this.#close(now, 'ended');
    const final = this.#wire();
    this.#purged = true;
    return final;
  }

  #wire(): Outcome {
    const current = this.#claudeIds.at(-1);
    return {
      sessionId: this.#id,
      ...(current === undefined ? {} : { claudeSessionId: current }),
      claudeSessionIds: this.#claudeIds,
      ...(this.#projectKey === undefined ? {} : { projectKey: this.#projectKey }),
      config: structuredClone(this.#config),
      status: this.#end === null ? 'active' : this.#end.reason === 'ended' ? 'ended' : 'expired',
      createdAt: iso(this.createdAt),
      expiresAt: iso(this.expiresAt),
      lastActivity: iso(this.#lastActivity),
      messageCount: this.#messages,
      sessionTimeoutMs: this.#timeout,
      maxLifetimeMs: this.#lifetime,
      ...(this.#end === null ? {} : { endedAt: iso(this.#end.at), endReason: this.#end.reason }),
      revision: this.#revision,
    };
  }
}
