/**
 * Berth with a door to its registry, so that its calls can be made by the thousand without a request for each:
 * the same app and objects, and beside them `POST /door/<call>`.
 *
 * @module
 */
import { createApp } from '../../../../src/app.ts';
import { remote, type Remote } from '../../../../src/protocol/remote.ts';
import type { Call, Calls } from './calls.ts';
import type { MeasuredRegistry } from './measured-registry.ts';
import { paperSession } from './population.ts';

export { MeasuredRegistry } from './measured-registry.ts';
export { SessionWithoutAlarm } from './session-without-alarm.ts';

/** Of those who come without a token, which is everyone where `AUTH` is `off`. */
const TENANT = 'default';
const PREFIX = '/door/';
/** Those that are admitted while it is measured are like the last of so many. */
const LIKE_THOSE_OF = 100;

type Registry = Remote<MeasuredRegistry>;
type Handlers = {
  readonly [K in Call]: (registry: Registry, input: Calls[K]['input']) => Promise<Calls[K]['answer']>;
};

/** What they are asked for so many times is asked by one call after the other. */
const handlers: Handlers = {
  fill: (registry, input) => registry.fill(input),
  async limit(registry, { maxSessions }) {
    await registry.setLimits({ maxSessions });
    return null;
  },
  async admit(registry, { times }) {
    const ids: string[] = [];
    while (ids.length < times) {
      const { sessionId, created } = paperSession(ids.length, LIKE_THOSE_OF, Date.now());
      const reserved = await registry.reserve({ sessionId, report: created });
      if (!reserved.ok) throw new Error(`Not admitted: ${reserved.error.code}`);
      ids.push(sessionId);
    }
    return ids;
  },
  withdraw: (registry, { ids }) => registry.withdraw(ids),
  async refuse(registry, { times }) {
    for (let i = 0; i < times; i += 1) {
      const { sessionId, created } = paperSession(i, LIKE_THOSE_OF, Date.now());
      const reserved = await registry.reserve({ sessionId, report: created });
      if (reserved.ok || reserved.error.code !== 'max_sessions_reached')
        throw new Error('Admitted above the limit');
    }
    return null;
  },
  async list(registry, { filter, times }) {
    for (let i = 0; i < times; i += 1) {
      const { length } = await registry.list(filter);
      if (length !== filter.limit) throw new Error(`A page has ${length} sessions`);
    }
    return null;
  },
  async stats(registry, { times, active }) {
    for (let i = 0; i < times; i += 1) {
      const { activeCount } = await registry.stats();
      if (activeCount !== active) throw new Error(`There are ${activeCount} active sessions, not ${active}`);
    }
    return null;
  },
  sweep: (registry) => registry.sweep(),
  stored: (registry) => registry.stored(),
};

const app = createApp();

export default {
  async fetch(request: Request, env: Env, context: ExecutionContext): Promise<Response> {
    const { pathname } = new URL(request.url);
    if (!pathname.startsWith(PREFIX)) return app.fetch(request, env, context);
    const call = pathname.slice(PREFIX.length) as Call;
    const registry = remote<MeasuredRegistry>(env.REGISTRY, TENANT);
    return Response.json(await handlers[call](registry, await request.json()));
  },
};
