/**
 * One session, whole: what it is, what it holds, what was said in it; and what may be done with it.
 *
 * @module
 */
import { useEffect, useLayoutEffect, useRef } from 'preact/hooks';
import { claims, may } from './access.ts';
import { close } from './route.ts';
import { Actions } from './session-actions.tsx';
import { About } from './session-facts.tsx';
import { Status } from './session-row.tsx';
import { Transcript } from './transcript.tsx';
import { useSession } from './use-session.ts';

const toSessions = (): void => document.querySelector<HTMLElement>('[role="grid"]')?.focus();

/** Closes the panel. One goes on from the row that it was opened from. */
function dismiss(): void {
  close();
  toSessions();
}

/** Escape is about what is typed or chosen there. */
const keepsEscape = (target: EventTarget | null): boolean =>
  target instanceof HTMLSelectElement || (target instanceof HTMLInputElement && target.type !== 'checkbox');

export function SessionDetail({ sessionId }: { readonly sessionId: string }) {
  const { shown, problem, change } = useSession(sessionId);
  const panel = useRef<HTMLElement>(null);
  const heading = useRef<HTMLHeadingElement>(null);
  const isOnly = claims.value.sessionId !== null;
  useLayoutEffect(() => {
    const element = panel.current;
    heading.current?.focus({ preventScroll: true });
    return () => {
      // The browser's way back closes it too.
      if (element?.contains(document.activeElement) === true) toSessions();
    };
  }, []);
  useEffect(() => {
    if (isOnly) return undefined;
    const leave = (event: KeyboardEvent): void => {
      if (event.key === 'Escape' && !event.defaultPrevented && !keepsEscape(event.target)) dismiss();
    };
    addEventListener('keydown', leave);
    return () => removeEventListener('keydown', leave);
  }, [isOnly]);
  const session = typeof shown === 'string' ? null : shown;
  return (
    <aside class="detail" ref={panel} aria-labelledby="detail-title">
      <header>
        <div>
          <h2 id="detail-title" ref={heading} tabIndex={-1}>
            <span class="sr">Session </span>
            <code title={sessionId}>{sessionId}</code>
          </h2>
          {session !== null && <Status status={session.status} />}
        </div>
        {!isOnly && (
          <button type="button" class="quiet close" onClick={dismiss} aria-label="Close">
            ✕
          </button>
        )}
      </header>
      {problem !== null && (
        <p class="failure" role="alert">
          {problem}
        </p>
      )}
      {shown === 'gone' && <p class="none">It is not kept any longer.</p>}
      {session !== null && (
        <>
          <Actions session={session} onChange={change} />
          <About session={session} />
          {may('transcripts:read') &&
            session.claudeSessionId !== undefined &&
            session.projectKey !== undefined && (
              <Transcript
                key={session.claudeSessionId}
                project={session.projectKey}
                session={session.claudeSessionId}
                heardAt={session.lastActivity}
              />
            )}
        </>
      )}
    </aside>
  );
}
