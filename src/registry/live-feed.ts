/**
 * The live feed: what changes in a registry, sent to whoever watches, over WebSockets that hibernate.
 *
 * @module
 */
import type { RegistryStats } from '../contract/registry.ts';
import { LIVE_BATCH_SUBPROTOCOL, type LiveEvent, type LiveMessage } from '../contract/live.ts';
import type { ListedSession } from '../contract/session.ts';

/** Updates of one session, and statistics, are sent at most this often. */
const FLUSH_INTERVAL_MS = 1_000;
/**
 * What changes within this time after something was sent is sent at its end, to each viewer in one go: where much
 * changes, waking each of them for each change would take longer than the changes do.
 */
const GATHER_MS = 200;
/** Viewers at once. */
export const MAX_VIEWERS = 100;
/** Sockets at once, those that were closed and have not agreed included. */
const MAX_SOCKETS = 1_000;
/** A viewer sends `ping` more often than this. One that doesn't is gone, or reads nothing of what is kept for it. */
const SILENCE_MS = 120_000;

/** What a batch may have unless it is one message, characters: some clients take no text of more than a megabyte. */
const MAX_BATCH_LENGTH = 200_000;

/** Closed since the token has run out. */
const CLOSE_TOKEN_EXPIRED = 4401;
const CLOSE_GOING_AWAY = 1001;

/** What is kept with each socket while the object sleeps. */
interface Viewer {
  /** When the viewer's token runs out, milliseconds since the epoch; null for never. */
  readonly expiresAt: number | null;
  /** When it came, milliseconds since the epoch. */
  readonly connectedAt: number;
  /** Whether it takes messages many at a time. */
  readonly takesBatches: boolean;
}

/** What the feed needs of the object that it is in. */
export interface LiveFeedHost {
  stats(): RegistryStats;
}

/**
 * A change is written out once, whoever watches. There is no timer but one of a second after a change, so
 * the object sleeps while nothing happens, its sockets open and its pings answered by the platform.
 */
export class LiveFeed {
  readonly #ctx: DurableObjectState;
  readonly #host: LiveFeedHost;
  /** The latest of each session that was updated since the last flush. */
  readonly #updates = new Map<string, ListedSession>();
  #flushPlanned = false;
  /** Written out and not sent yet, in order; null while what changes is sent at once. */
  #gathered: string[] | null = null;
  /**
   * When the first of the viewers' tokens runs out; null for never, undefined until it was looked up. A viewer
   * that has left may still be counted: then there is one look too many.
   */
  #nextExpiry: number | null | undefined;

  constructor(ctx: DurableObjectState, host: LiveFeedHost) {
    this.#ctx = ctx;
    this.#host = host;
    ctx.setWebSocketAutoResponse(new WebSocketRequestResponsePair('ping', 'pong'));
  }

  /** Takes a viewer on, whose first message is the statistics; null where there are too many. */
  connect(expiresAt: number | null, protocol: string | null): Response | null {
    this.#dropSilent(Date.now());
    const full = this.#sockets().length >= MAX_VIEWERS;
    if (full || this.#ctx.getWebSockets().length >= MAX_SOCKETS) return null;
    const { 0: client, 1: server } = new WebSocketPair();
    this.#ctx.acceptWebSocket(server);
    const takesBatches = protocol === LIVE_BATCH_SUBPROTOCOL;
    server.serializeAttachment({ expiresAt, connectedAt: Date.now(), takesBatches } satisfies Viewer);
    this.#nextExpiry = undefined;
    const stats = JSON.stringify(this.#statsMessage());
    server.send(takesBatches ? `[${stats}]` : stats);
    const headers = protocol === null ? {} : { 'Sec-WebSocket-Protocol': protocol };
    return new Response(null, { status: 101, webSocket: client, headers });
  }

  /** A session has changed. Updates wait for the next flush; everything else is sent at once, or with the next burst. */
  changed(event: LiveEvent, session: ListedSession): void {
    if (!this.#isWatched()) return;
    if (event === 'updated') {
      this.#updates.set(session.sessionId, session);
    } else {
      this.#updates.delete(session.sessionId);
      this.#tell({ type: 'session', event, session });
    }
    this.#planFlush();
  }

  /** Something was counted that no session shows. */
  counted(): void {
    if (this.#isWatched()) this.#planFlush();
  }

  /** Closes the sockets whose token has run out. */
  closeExpired(now: number): void {
    this.#nextExpiry = undefined;
    for (const socket of this.#sockets()) {
      const expiresAt = viewerOf(socket)?.expiresAt ?? null;
      if (expiresAt !== null && expiresAt <= now) socket.close(CLOSE_TOKEN_EXPIRED, 'The token has run out');
    }
  }

  /** When the next viewer's token runs out, or null. */
  nextExpiry(): number | null {
    // Asked for after each write: looking at every viewer is not to be part of it.
    if (this.#nextExpiry === undefined) this.#nextExpiry = this.#readNextExpiry();
    return this.#nextExpiry;
  }

  #readNextExpiry(): number | null {
    const times = this.#sockets()
      .map((socket) => viewerOf(socket)?.expiresAt ?? null)
      .filter((time) => time !== null);
    return times.length === 0 ? null : Math.min(...times);
  }

  /** Those that are open: one that was closed stays with the platform until its viewer agrees. */
  #sockets(): WebSocket[] {
    return this.#ctx.getWebSockets().filter(({ readyState }) => readyState === WebSocket.OPEN);
  }

  #isWatched(): boolean {
    return this.#ctx.getWebSockets().length > 0;
  }

  #planFlush(): void {
    if (this.#flushPlanned) return;
    this.#flushPlanned = true;
    setTimeout(() => this.#flush(), FLUSH_INTERVAL_MS);
  }

  #flush(): void {
    this.#flushPlanned = false;
    this.#dropSilent(Date.now());
    const updates = [...this.#updates.values()].map((session): LiveMessage => ({
      type: 'session',
      event: 'updated',
      session,
    }));
    this.#updates.clear();
    const gathered = this.#gathered ?? [];
    if (this.#gathered !== null) this.#gathered = [];
    this.#send([...gathered, ...[...updates, this.#statsMessage()].map((it) => JSON.stringify(it))]);
  }

  /** Tells of a change: at once where nothing was sent just before, else with what else happens in that time. */
  #tell(message: LiveMessage): void {
    const text = JSON.stringify(message);
    if (this.#gathered !== null) {
      this.#gathered.push(text);
      return;
    }
    this.#send([text]);
    this.#gather();
  }

  #gather(): void {
    this.#gathered = [];
    setTimeout(() => {
      const gathered = this.#gathered ?? [];
      this.#gathered = null;
      if (gathered.length === 0) return;
      this.#send(gathered);
      this.#gather();
    }, GATHER_MS);
  }

  #statsMessage(): LiveMessage {
    return { type: 'stats', stats: this.#host.stats() };
  }

  /** Sends messages, written out once, to each viewer in turn. */
  #send(texts: readonly string[]): void {
    const now = Date.now();
    // The alarm for it may be late, or busy with a long sweep.
    if ((this.nextExpiry() ?? Number.POSITIVE_INFINITY) <= now) this.closeExpired(now);
    let batches: readonly string[] | null = null;
    for (const socket of this.#sockets()) {
      // One that came before there were batches says nothing of them.
      const taken = viewerOf(socket)?.takesBatches === true ? (batches ??= batchesOf(texts)) : texts;
      for (const text of taken) socket.send(text);
    }
  }

  /** Closed tabs can linger: one that has not pinged for long is closed from here. */
  #dropSilent(now: number): void {
    for (const socket of this.#sockets()) {
      const pingedAt = this.#ctx.getWebSocketAutoResponseTimestamp(socket)?.getTime();
      if (now - (pingedAt ?? viewerOf(socket)?.connectedAt ?? 0) > SILENCE_MS)
        socket.close(CLOSE_GOING_AWAY, 'No ping for too long');
    }
  }
}

/** Messages that are written out, many to a text, in order. */
function batchesOf(texts: readonly string[]): string[] {
  const batches: string[][] = [];
  let length = Number.POSITIVE_INFINITY;
  for (const text of texts) {
    if (length + text.length > MAX_BATCH_LENGTH) {
      batches.push([]);
      length = 0;
    }
    batches.at(-1)?.push(text);
    length += text.length;
  }
  return batches.map((batch) => `[${batch.join(',')}]`);
}

function viewerOf(socket: WebSocket): Viewer | null {
  return socket.deserializeAttachment() as Viewer | null;
}
