/**
 * Who is looking: the token, kept for this tab alone, and what it says of itself.
 *
 * @module
 */
import { computed, signal } from '@preact/signals';
import type { Scope } from '../contract/scopes.ts';

const STORAGE_KEY = 'berth.token';

/** The token; null where none was given, which a server in development takes. */
export const token = signal<string | null>(sessionStorage.getItem(STORAGE_KEY));

/** What a token says of itself. It is read to know what to offer: the server alone decides. */
interface Claims {
  /** Null for all. */
  readonly scopes: ReadonlySet<string> | null;
  readonly tenant: string | null;
  /** The only session that it is good for. */
  readonly sessionId: string | null;
}

const EVERYTHING: Claims = { scopes: null, tenant: null, sessionId: null };

function readClaims(text: string): Claims {
  try {
    const [, payload = ''] = text.split('.');
    const bytes = Uint8Array.from(atob(payload.replaceAll('-', '+').replaceAll('_', '/')), (it) =>
      it.charCodeAt(0),
    );
    const claims = JSON.parse(new TextDecoder().decode(bytes)) as Record<string, unknown>;
    const { scope, tenant, session } = claims;
    return {
      scopes: new Set(typeof scope === 'string' ? scope.split(' ') : []),
      tenant: typeof tenant === 'string' ? tenant : 'default',
      sessionId: typeof session === 'string' ? session : null,
    };
  } catch {
    // Not one that we can read. The server says what it may do.
    return EVERYTHING;
  }
}

export const claims = computed(() => (token.value === null ? EVERYTHING : readClaims(token.value)));

/** Whether something is worth offering. */
export function may(scope: Scope): boolean {
  return claims.value.scopes?.has(scope) ?? true;
}

export function keepToken(text: string | null): void {
  if (text === null) sessionStorage.removeItem(STORAGE_KEY);
  else sessionStorage.setItem(STORAGE_KEY, text);
  token.value = text;
}
