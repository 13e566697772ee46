/**
 * A request to every route, made from the routes themselves: what is new is covered without a word.
 *
 * @module
 */
import { routes } from '../../src/http/routes/index.ts';
import { newSessionId } from '../../src/contract/session-id.ts';
import type { Route } from '../../src/http/route.ts';

/** Every route that needs a token. */
export const guarded: readonly Route[] = routes.filter(({ scope }) => scope !== 'public');

/** What a route is called in the name of a test. */
export const nameOf = ({ method, path }: Route): string => `${method} ${path}`;

/** Bodies that routes take, where an empty object is none. */
const BODIES: Readonly<Record<string, unknown>> = {
  'PATCH /v1/sessions/:id': { model: 'changed-by-another' },
  'PUT /v1/sessions/:id/claude-session-id': { claudeSessionId: 'linked-by-another' },
  'PUT /v1/registry/limits': { maxSessions: 7 },
  'POST /v1/projects/:project/transcripts/:session/entries': { entries: [{ type: 'user' }] },
};

/** The address of a route, its parameters filled in. */
export function addressOf(route: Route, parameters: Readonly<Record<string, string>> = {}): string {
  const path = route.path.replaceAll(/:(\w+)/g, (_, name: string) =>
    encodeURIComponent(parameters[name] ?? (name === 'id' ? newSessionId() : name)),
  );
  const needsSubpath = route.method === 'DELETE' && route.path.endsWith('/entries');
  return needsSubpath ? `${path}?subpath=${encodeURIComponent(parameters['subpath'] ?? 'subpath')}` : path;
}

/** What is sent to a route beside its address, so that only the caller can be wrong. */
export function sentTo(route: Route): { body?: unknown; headers: Record<string, string> } {
  return {
    headers: route.path.endsWith('/live') ? { Upgrade: 'websocket' } : {},
    ...(route.body === undefined ? {} : { body: BODIES[nameOf(route)] ?? {} }),
  };
}
