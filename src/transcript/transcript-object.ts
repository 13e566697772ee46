/**
 * One transcript of a Claude conversation.
 *
 * @module
 */
import { DurableObject } from 'cloudflare:workers';
import { fail, ok, type Result } from '../contract/errors.ts';
import { REMEMBERED_APPEND_KEYS } from '../contract/limits.ts';
import { readSettings } from '../contract/settings.ts';
import type { TranscriptSummary } from '../contract/transcript.ts';
import { logInfo, logWarning } from '../log.ts';
import { projectObjectName, tenantOf } from '../protocol/names.ts';
import { remote } from '../protocol/remote.ts';
import type {
  Appended,
  AppendRequest,
  EntryPage,
  OpenedReading,
  Reading,
  SummaryConflict,
  SummaryWrite,
  ToldProject,
  TranscriptName,
} from '../protocol/transcript.ts';
import { within } from '../protocol/within.ts';
import { Schema } from '../storage/migrations.ts';
import { EntryLog, MAIN_STREAM, MAX_STREAMS, type LoggedPage } from './entry-log.ts';
import { TRANSCRIPT_MIGRATIONS } from './migrations.ts';

/** How long a first append or a deletion waits for the project, so that a list that follows is right. */
const TELL_WAIT_MS = 2_000;
/** News that have no answer by then are told again. */
const TELL_TIMEOUT_MS = 5_000;
/** Appends tell their project of a new `mtime` at most this often. */
const TELL_INTERVAL_MS = 5_000;
/** News that could not be told are told again after this. */
const TELL_RETRY_MS = 15_000;

const RECORD_KEY = 'record';
const keysKey = (stream: number): string => `keys:${stream}`;

/** What a transcript keeps beside its entries. Times in milliseconds since the epoch. */
interface TranscriptRecord {
  readonly name: TranscriptName;
  /** Grows with each deletion, beyond it too: it begins with the time of the first append. */
  readonly generation: number;
  /** Grows with each write. */
  readonly version: number;
  /** When the main transcript was last appended to; null before that. */
  readonly mtime: number | null;
  /** When anything was last appended: retention counts from here. */
  readonly lastAppend: number;
  /** The id of the next subpath's stream. */
  readonly nextStream: number;
  readonly summary: TranscriptSummary | null;
  /** When the summary was written. */
  readonly summaryMtime?: number;
  /** Whether the project is still to hear of something; then the alarm stands within its interval. */
  readonly untold: boolean;
  /** Whether all is deleted but for the project's knowing of it. */
  readonly deleted: boolean;
}

/** An append that was carried out, as a repeat of it is answered. */
type KnownAppend = Appended & { readonly key: string; readonly bodyDigest: string };

/**
 * TranscriptObject: one per transcript, named `<tenant>/<SHA-256 of project and session>`.
 *
 * An append-only document that outlives the session it was written in. It keeps the main transcript and
 * those of its subagents, tells its project what lists need, and deletes itself when nothing was appended
 * for the retention time. A transcript that nobody wrote stores nothing here.
 */
export class TranscriptObject extends DurableObject<Env> {
  readonly #tenant = tenantOf(this.ctx.id.name);
  readonly #schema = new Schema(this.ctx.storage, TRANSCRIPT_MIGRATIONS);
  readonly #log = new EntryLog(this.ctx.storage.sql);
  readonly #retentionMs = retentionOf(this.env);
  /** Undefined until it was read. */
  #record: TranscriptRecord | null | undefined;
  /** The last telling of the project that was asked for, whether or not it has begun. */
  #telling: Promise<void> = Promise.resolve();
  #hasBegun = true;
  /** The version that the project last heard of. */
  #toldVersion = 0;
  /** Of what was deleted: what is written in the same millisecond must come after it. */
  #lastGeneration = 0;

  /**
   * Appends entries, in order and all or none, and replaces the summary with them.
   *
   * @returns a summary conflict where the stored summary has another version; `idempotency_key_reused`.
   */
  async append(request: AppendRequest): Promise<Result<Appended | SummaryConflict>> {
    const wasListed = this.#isListed();
    const written = this.#append(request);
    if (!written.ok || 'current' in written.value) return written;
    const untold = this.#load()?.untold === true;
    const becameListed = !wasListed && this.#isListed();
    if (untold && (becameListed || request.summary !== null)) {
      const told = this.#tell();
      this.ctx.waitUntil(told);
      // The alarm tells the project if this fails: the entries are stored in any case.
      if (becameListed) await within(TELL_WAIT_MS, told).catch(() => undefined);
    }
    return written;
  }

  /** Begins a reading after entry number `after`; null where that stream was never written. */
  open(subpath: string, after: number): OpenedReading | null {
    const record = this.#live();
    const stream = record === null ? null : this.#log.streamOf(subpath);
    if (record === null || stream === null) return null;
    const total = this.#log.total(stream);
    if (total === 0) return null;
    const reading = { generation: record.generation, stream, total };
    return { reading, first: streamed(this.#log.page(stream, after, total)) };
  }

  /** The next entries of a reading; null where what it reads has been deleted meanwhile. */
  page(reading: Reading, after: number): EntryPage | null {
    const record = this.#live();
    // A stream that is there has entries, and its id is never used again.
    if (record?.generation !== reading.generation || this.#log.total(reading.stream) === 0) return null;
    return streamed(this.#log.page(reading.stream, after, reading.total));
  }

  /** The subpaths that were written. */
  subpaths(): string[] {
    return this.#live() === null ? [] : this.#log.subpaths();
  }

  /** Deletes everything, or one subpath. What was never written is no error. */
  async delete(subpath: string | null): Promise<void> {
    const record = this.#live();
    if (record === null) return;
    if (subpath !== null) {
      const stream = this.#log.streamOf(subpath);
      if (stream === null || stream === MAIN_STREAM) return;
      this.ctx.storage.transactionSync(() => {
        this.#log.deleteStream(stream);
        this.ctx.storage.kv.delete(keysKey(stream));
      });
      return;
    }
    this.#bury(record, Date.now());
    const told = this.#tell();
    this.ctx.waitUntil(told);
    await within(TELL_WAIT_MS, told).catch(() => undefined);
  }

  /** Tells the project what it has not heard, and ends what has outlived its retention. */
  override async alarm(): Promise<void> {
    const record = this.#load();
    if (record === null) return;
    const now = Date.now();
    if (record.untold) {
      this.#wakeAt(now + TELL_RETRY_MS);
      await this.#tell();
      const current = this.#load();
      if (current?.untold && !current.deleted && current.version === this.#toldVersion)
        this.#wakeAt(Date.now() + TELL_INTERVAL_MS);
    } else if (this.#retentionMs > 0 && now >= record.lastAppend + this.#retentionMs) {
      this.#bury(record, now);
      await this.#tell();
    } else if (this.#retentionMs > 0) {
      this.#wakeAt(record.lastAppend + this.#retentionMs);
    }
  }

  #load(): TranscriptRecord | null {
    this.#record ??= this.ctx.storage.kv.get<TranscriptRecord>(RECORD_KEY) ?? null;
    return this.#record;
  }

  /** The record of a transcript that is there: not one that is being deleted. */
  #live(): TranscriptRecord | null {
    const record = this.#load();
    if (record === null || record.deleted) return null;
    this.#schema.ensure();
    return record;
  }

  /** Whether the project lists the transcript, or is to: once its main stream has entries. */
  #isListed(): boolean {
    return (this.#live()?.mtime ?? null) !== null;
  }

  #save(record: TranscriptRecord): void {
    this.#record = undefined;
    this.ctx.storage.kv.put(RECORD_KEY, record);
    this.#record = record;
  }

  #append(request: AppendRequest): Result<Appended | SummaryConflict> {
    const now = Date.now();
    const live = this.#live();
    const known = this.#known(live, request);
    if (known !== null) return known;
    if (request.entries.lengths.length === 0 && request.summary === null)
      return ok(this.#nothing(live, request, now));
    const current = live?.summary ?? null;
    if (request.summary !== null && !isFor(request.summary, live)) return ok({ current });
    this.#schema.ensure();
    try {
      return this.ctx.storage.transactionSync(() => this.#write(live, request, now));
    } catch (error) {
      this.#record = undefined;
      throw error;
    }
  }

  /** What an append of nothing comes to: it leaves no trace. */
  #nothing(record: TranscriptRecord | null, { subpath }: AppendRequest, now: number): Appended {
    const stream = record === null ? null : this.#log.streamOf(subpath);
    const total = stream === null ? 0 : this.#log.total(stream);
    return { appended: 0, total, mtime: record?.lastAppend ?? now };
  }

  /** A repeat's answer, or null. */
  #known(record: TranscriptRecord | null, { idempotency, subpath }: AppendRequest): Result<Appended> | null {
    const stream = record === null ? null : this.#log.streamOf(subpath);
    if (idempotency === null || stream === null) return null;
    const known = this.#keys(stream).find(({ key }) => key === idempotency.key);
    if (known === undefined) return null;
    if (known.bodyDigest !== idempotency.bodyDigest)
      return fail('idempotency_key_reused', 'This key was used to append something else.');
    return ok({ appended: known.appended, total: known.total, mtime: known.mtime });
  }

  #write(live: TranscriptRecord | null, request: AppendRequest, now: number): Result<Appended> {
    const record = live ?? this.#begin(request.name, now);
    const found = this.#log.streamOf(request.subpath);
    const stream = found ?? record.nextStream;
    if (stream >= MAX_STREAMS) return fail('invalid_request', 'This transcript has had too many subpaths.');
    if (found === null && request.entries.lengths.length > 0) this.#log.addStream(stream, request.subpath);
    const appended = this.#log.append(stream, request.entries);
    const total = this.#log.total(stream);
    const changed = appended > 0 || request.summary !== null;
    const main = stream === MAIN_STREAM && appended > 0;
    const mtime = Math.max(now, record.lastAppend);
    const listed = main || record.mtime !== null;
    const untold = record.untold || (changed && listed && (main || request.summary !== null));
    if (changed)
      this.#save({
        ...record,
        version: record.version + 1,
        mtime: main ? mtime : record.mtime,
        lastAppend: mtime,
        nextStream: found === null ? stream + 1 : record.nextStream,
        ...(request.summary === null ? {} : withSummary(request.summary, mtime)),
        untold,
      });
    if (untold && (live === null || !record.untold)) this.#wakeAt(now + TELL_INTERVAL_MS);
    else if (live === null && this.#retentionMs > 0) this.#wakeAt(now + this.#retentionMs);
    const answer = { appended, total, mtime: changed ? mtime : record.lastAppend };
    this.#remember(stream, request, answer);
    return ok(answer);
  }

  /** A new record, beyond any generation that there has been. */
  #begin(name: TranscriptName, now: number): TranscriptRecord {
    const buried = this.#load();
    if (buried !== null) {
      this.#log.clear();
      for (const [key] of this.ctx.storage.kv.list({ prefix: 'keys:' })) this.ctx.storage.kv.delete(key);
    }
    return {
      name,
      generation: Math.max(now, this.#lastGeneration + 1, (buried?.generation ?? 0) + 1),
      version: (buried?.version ?? 0) + 1,
      mtime: null,
      lastAppend: 0,
      nextStream: MAIN_STREAM + 1,
      summary: null,
      // What was deleted may still be listed: before the new one is, if it ever is.
      untold: buried !== null,
      deleted: false,
    };
  }

  #keys(stream: number): readonly KnownAppend[] {
    return this.ctx.storage.kv.get<KnownAppend[]>(keysKey(stream)) ?? [];
  }

  #remember(stream: number, { idempotency }: AppendRequest, answer: Appended): void {
    if (idempotency === null) return;
    const keys = [...this.#keys(stream), { ...idempotency, ...answer }];
    this.ctx.storage.kv.put(keysKey(stream), keys.slice(-REMEMBERED_APPEND_KEYS));
  }

  /** Marks everything as deleted, in one row; it is deleted once the project has heard of it. */
  #bury(record: TranscriptRecord, now: number): void {
    this.#lastGeneration = record.generation + 1;
    this.#save({
      ...record,
      generation: this.#lastGeneration,
      version: record.version + 1,
      summary: null,
      untold: true,
      deleted: true,
    });
    this.#wakeAt(now + TELL_RETRY_MS);
    logInfo('transcript.deleted', { tenant: this.#tenant, generation: record.generation });
  }

  /**
   * Tells the project how the transcript stands; one telling at a time, so that none overtakes another. One
   * that has not begun will tell of what is written by then: a second need not wait behind it.
   */
  #tell(): Promise<void> {
    if (!this.#hasBegun) return this.#telling;
    this.#hasBegun = false;
    const begin = (): Promise<void> => {
      this.#hasBegun = true;
      return this.#tellNow();
    };
    // Who asked for the one before hears of its failure.
    this.#telling = this.#telling.then(begin, begin);
    return this.#telling;
  }

  async #tellNow(): Promise<void> {
    const record = this.#load();
    if (record === null || !record.untold) return;
    if (record.version !== this.#toldVersion && !(await this.#toldProject(record))) return;
    this.#toldVersion = record.version;
    const current = this.#load();
    if (current?.version !== record.version) return;
    if (record.deleted) {
      this.#record = null;
      // Versions begin anew.
      this.#toldVersion = 0;
      this.#schema.forget();
      await this.ctx.storage.deleteAll();
      return;
    }
    // The mark stays for the interval: appends in it then need no alarm of their own.
    if (Date.now() < record.lastAppend + TELL_INTERVAL_MS) return;
    this.#save({ ...record, untold: false });
    if (this.#retentionMs > 0) this.#wakeAt(record.lastAppend + this.#retentionMs);
  }

  /** @returns whether the project has answered. */
  async #toldProject(record: TranscriptRecord): Promise<boolean> {
    const { project, session } = record.name;
    const name = await projectObjectName(this.#tenant, project);
    const index = remote<ToldProject>(this.env.PROJECTS, name);
    const { generation, mtime, summary } = record;
    const told =
      record.deleted || mtime === null
        ? // One that is not listed yet takes the place of one that was, with a lower generation.
          index.remove(session, record.deleted ? generation : generation - 1)
        : index.put(project, { session, generation, mtime, summary });
    try {
      await within(TELL_TIMEOUT_MS, told);
      return true;
    } catch (error) {
      logWarning('transcript.tell_failed', { tenant: this.#tenant, message: String(error) });
      return false;
    }
  }

  /** Sets the object's only alarm, in one write with what was stored before it. */
  #wakeAt(time: number): void {
    // Not awaited: an await would split the block, and the output gate reports a failure to write.
    void this.ctx.storage.setAlarm(time);
  }
}

/** How long a transcript stays after its last append; 0 for ever, which is also right while it is unknown. */
function retentionOf(env: Env): number {
  const result = readSettings({ ...env });
  return result.ok ? result.settings.transcriptRetentionMs : 0;
}

/** Whether a summary is to replace the one that is stored, rather than an older or a deleted one. */
function isFor({ ifVersion, ifMtime }: SummaryWrite, record: TranscriptRecord | null): boolean {
  if (ifVersion !== (record?.summary?.version ?? 0)) return false;
  return ifMtime === undefined || ifMtime === (record?.summaryMtime ?? ifMtime);
}

const withSummary = (
  { data, ifVersion }: SummaryWrite,
  mtime: number,
): Pick<TranscriptRecord, 'summary' | 'summaryMtime'> => ({
  summary: { data, version: ifVersion + 1 },
  summaryMtime: mtime,
});

function streamed({ bytes, last }: LoggedPage): EntryPage {
  const { readable, writable } = new IdentityTransformStream();
  // Fails where nobody reads on.
  writeOut(writable, bytes).catch(() => undefined);
  return { body: readable, last };
}

/** Writes bytes, and gives their memory back once they have been read. */
async function writeOut(writable: WritableStream, bytes: Uint8Array<ArrayBuffer>): Promise<void> {
  const writer = writable.getWriter();
  if (bytes.byteLength > 0) await writer.write(bytes);
  bytes.buffer.transfer(0);
  await writer.close();
}
