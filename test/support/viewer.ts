/**
 * Viewers of the live feed.
 *
 * @module
 */
import { runInDurableObject } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import type { LiveEvent, LiveMessage } from '../../src/contract/live.ts';
import { until } from './tenant.ts';
import { Service, sign } from './tokens.ts';

const LIVE = '/v1/registry/live';

/** Asks to watch, as a browser does: with the token among the subprotocols. */
export function knock(
  service: Service,
  protocols: readonly string[],
  headers: Record<string, string> = {},
): Promise<Response> {
  const offered = protocols.length === 0 ? {} : { 'Sec-WebSocket-Protocol': protocols.join(', ') };
  return service.call('GET', LIVE, null, { headers: { Upgrade: 'websocket', ...offered, ...headers } });
}

/** One who watches, with all that was seen. */
export class Viewer {
  readonly messages: LiveMessage[] = [];
  /** The same as they came. */
  readonly texts: string[] = [];
  readonly pongs: string[] = [];
  /** The code with which the server has closed the feed. */
  closedWith: number | null = null;
  readonly socket: WebSocket;

  constructor(response: Response) {
    const { webSocket } = response;
    if (webSocket === null) throw new Error(`Not let in: ${response.status}`);
    this.socket = webSocket;
    webSocket.addEventListener('message', ({ data }) => {
      const text = String(data);
      if (!/^[[{]/.test(text)) {
        this.pongs.push(text);
        return;
      }
      const heard = JSON.parse(text) as LiveMessage | LiveMessage[];
      this.texts.push(text);
      this.messages.push(...(Array.isArray(heard) ? heard : [heard]));
    });
    webSocket.addEventListener('close', ({ code }) => {
      this.closedWith = code;
    });
    webSocket.accept();
  }

  /** What happened to sessions, in the order in which it was shown. */
  get events(): string[] {
    return this.messages.flatMap((message) => (message.type === 'session' ? [message.event] : []));
  }

  /** How often statistics were shown. */
  get statistics(): number {
    return this.messages.filter(({ type }) => type === 'stats').length;
  }

  /** Waits until something of this kind was shown. */
  async shown(event: LiveEvent): Promise<void> {
    await until(() => this.events.includes(event));
  }

  /** Waits until so many statistics were shown, the first of them at the start. */
  async seen(statistics: number): Promise<void> {
    await until(() => this.statistics >= statistics);
  }

  /** Waits until the server has closed the feed, and answers with which code. */
  async closed(): Promise<number | null> {
    await until(() => this.closedWith !== null);
    return this.closedWith;
  }
}

/** One who watches a tenant and never pings, and has seen the statistics that come first. */
export async function silentViewerOf(
  tenant: string,
  claims: Readonly<Record<string, unknown>> = {},
  protocols: readonly string[] = ['berth.v1'],
): Promise<Viewer> {
  const token = await sign({ tenant, ...claims });
  const viewer = new Viewer(await knock(new Service(), [...protocols, `bearer.${token}`]));
  await viewer.seen(1);
  return viewer;
}

/** The same, but taken for one who was heard a moment ago, however far the clock is moved. */
export async function viewerOf(
  tenant: string,
  claims: Readonly<Record<string, unknown>> = {},
): Promise<Viewer> {
  const viewer = await silentViewerOf(tenant, claims);
  await runInDurableObject(env.REGISTRY.getByName(tenant), (_, state) => {
    for (const socket of state.getWebSockets()) {
      const kept = socket.deserializeAttachment() as object;
      socket.serializeAttachment({ ...kept, connectedAt: Number.MAX_SAFE_INTEGER });
    }
  });
  return viewer;
}
