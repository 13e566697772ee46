/**
 * A transcript that is looked at: the page that is shown, as it grows, and the ways to others.
 *
 * @module
 */
import { useEffect, useRef, useState } from 'preact/hooks';
import { AuthenticationError, BerthError, NotFoundError, type EntriesRef } from '../client/index.ts';
import type { JsonObject } from '../contract/session.ts';
import { client, refused } from './feed.ts';
import { NOTHING, TranscriptWindow, type Entries, type Shown } from './transcript-window.ts';

/** How soon one looks again for what came; less and less often while nothing does, so that looking costs little. */
const POLL_MS = 2_000;
const MAX_POLL_MS = 15_000;
const POLL_GROWTH = 1.5;

async function read(ref: EntriesRef, after: number, limit: number, signal: AbortSignal): Promise<Entries> {
  const entries: JsonObject[] = [];
  let total = 0;
  const onTotal = (count: number): void => {
    total = count;
  };
  for await (const entry of client.transcripts.read(ref, { after, signal, maxAttempts: 1, onTotal })) {
    entries.push(entry);
    if (entries.length >= limit) break;
  }
  return { total, entries };
}

/** How one turns to another page. */
export type Turning = 'start' | 'earlier' | 'later' | 'newest';

/** Where to look once another page is there: the entry that is to be at that edge of what is seen. */
export interface Goal {
  readonly edge: 'top' | 'bottom' | 'end';
  readonly entry: number;
}

function goalOf(turning: Turning, { from, to }: Shown): Goal {
  if (turning === 'newest') return { edge: 'end', entry: 0 };
  // Where one left off.
  if (turning === 'earlier') return { edge: 'bottom', entry: from };
  return { edge: 'top', entry: turning === 'later' ? to : 0 };
}

interface State {
  readonly shown: Shown;
  /** Why it could not be read just now; null where it could. */
  readonly problem: string | null;
  /** A new one for each page that was turned to. */
  readonly goal: Goal | null;
}

export interface Looked extends State {
  readonly turn: (to: Turning) => void;
}

/**
 * Looks at a transcript, from its end.
 *
 * @param heardAt - the session's last activity: a new one is a reason to look at once.
 * @param isFollowed - whether what comes is to be shown, asked each time.
 */
export function useTranscript(
  { project, session, subpath }: EntriesRef,
  heardAt: string,
  isFollowed: () => boolean,
): Looked {
  const [state, setState] = useState<State>({ shown: NOTHING, problem: null, goal: null });
  const look = useRef<() => void>(() => undefined);
  const turn = useRef<(to: Turning) => void>(() => undefined);
  useEffect(() => {
    const controller = new AbortController();
    const { signal } = controller;
    const pages = new TranscriptWindow((after, limit) =>
      read({ project, session, subpath }, after, limit, signal),
    );
    const attempt = async (work: () => Promise<Goal | null>): Promise<void> => {
      let problem: string | null = null;
      let goal: Goal | null = null;
      try {
        goal = await work();
      } catch (error) {
        if (signal.aborted) return;
        if (!(error instanceof BerthError)) throw error;
        if (error instanceof AuthenticationError) refused(error);
        if (error instanceof NotFoundError) pages.clear();
        problem = error instanceof NotFoundError ? 'There is no transcript yet.' : error.detail;
      }
      const { shown } = pages;
      if (signal.aborted) return;
      setState((before) => {
        const isSame = goal === null && before.shown === shown && before.problem === problem;
        return isSame ? before : { shown, problem, goal };
      });
    };
    /** What is asked for is done one after the other. */
    let last: Promise<void> = Promise.resolve();
    let waiting = 0;
    const next = async (work: () => Promise<Goal | null>): Promise<void> => {
      waiting += 1;
      last = last.then(() => attempt(work)).finally(() => (waiting -= 1));
      await last;
    };
    let pollMs = POLL_MS;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const follow = async (): Promise<null> => {
      const before = pages.shown;
      await pages.follow(isFollowed());
      pollMs = pages.shown === before ? Math.min(MAX_POLL_MS, pollMs * POLL_GROWTH) : POLL_MS;
      return null;
    };
    const poll = (): void => {
      if (document.hidden) pollMs = POLL_MS;
      else if (waiting === 0) void next(follow);
      timer = setTimeout(poll, pollMs);
    };
    look.current = () => {
      clearTimeout(timer);
      pollMs = POLL_MS;
      poll();
    };
    turn.current = (to) =>
      void next(async () => {
        const goal = goalOf(to, pages.shown);
        await pages[to]();
        return goal;
      });
    look.current();
    return () => {
      clearTimeout(timer);
      controller.abort();
    };
  }, [project, session, subpath]);
  useEffect(() => look.current(), [heardAt]);
  return { ...state, turn: (to) => turn.current(to) };
}
