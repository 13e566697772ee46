/**
 * One session as it is now: read anew whenever the feed says that it changed.
 *
 * @module
 */
import { useEffect, useRef, useState } from 'preact/hooks';
import { AuthenticationError, BerthError, NotFoundError } from '../client/index.ts';
import type { Session, SessionSummary } from '../contract/session.ts';
import { client, connection, follow, refused } from './feed.ts';

/** Without a feed, and after a failure, the session is asked for again. */
const POLL_MS = 3_000;

type Shown = Session | 'loading' | 'gone';

let listen: ((message: { event: string; session: SessionSummary } | null) => void) | null = null;
follow({
  message: (message) => {
    if (message.type === 'session') listen?.(message);
  },
  connected: () => listen?.(null),
});

interface Looked {
  readonly shown: Shown;
  /** Why it could not be read just now; null where it could. */
  readonly problem: string | null;
  readonly change: (it: Session | 'gone') => void;
}

export function useSession(sessionId: string): Looked {
  const [shown, setShown] = useState<Shown>('loading');
  const [problem, setProblem] = useState<string | null>(null);
  const asked = useRef(0);
  const latest = useRef(0);
  const hasFailed = useRef(false);
  /** Takes what was asked for as the `number`th, unless something later is known. */
  const settle = (number: number, it: Session | 'gone' | BerthError): void => {
    if (number < latest.current) return;
    latest.current = number;
    hasFailed.current = it instanceof BerthError;
    setProblem(it instanceof BerthError ? it.detail : null);
    if (!(it instanceof BerthError)) setShown(it);
  };
  const change = (it: Session | 'gone'): void => settle((asked.current += 1), it);
  useEffect(() => {
    let isOver = false;
    const fetchIt = async (): Promise<void> => {
      const mine = (asked.current += 1);
      try {
        const session = await client.sessions.get(sessionId);
        if (!isOver) settle(mine, session);
      } catch (error) {
        if (isOver) return;
        if (error instanceof NotFoundError) settle(mine, 'gone');
        else if (error instanceof AuthenticationError) refused(error);
        else if (error instanceof BerthError) settle(mine, error);
        else throw error;
      }
    };
    listen = (message) => {
      if (message === null) void fetchIt();
      else if (message.session.sessionId !== sessionId) return;
      else if (message.event === 'purged') change('gone');
      else void fetchIt();
    };
    void fetchIt();
    const poll = setInterval(() => {
      if ((connection.peek() === null || hasFailed.current) && !document.hidden) void fetchIt();
    }, POLL_MS);
    return () => {
      isOver = true;
      listen = null;
      clearInterval(poll);
    };
  }, [sessionId]);
  return { shown, problem, change };
}
