/**
 * Which session is open: it is part of the address, so that it can be passed on.
 *
 * @module
 */
import { signal } from '@preact/signals';

const ROUTE = /^#\/sessions\/([\w-]+)$/;
const current = (): string | null => ROUTE.exec(location.hash)?.[1] ?? null;

export const opened = signal(current());

addEventListener('hashchange', () => {
  opened.value = current();
});

export function open(sessionId: string): void {
  location.hash = `#/sessions/${sessionId}`;
}

/** Closes it, and leaves no `#` behind. */
export function close(): void {
  history.pushState(null, '', location.pathname);
  opened.value = null;
}
