/**
 * One session, whole: what it is, what it holds, what was said in it; and what may be done with it.
 *
 * @module
 */
import { useEffect, useRef, useState } from 'preact/hooks';
import { AuthenticationError, BerthError, NotFoundError } from '../client/index.ts';
import type { Session, SessionSummary } from '../contract/session.ts';
import { claims, may } from './access.ts';
import { ConfirmDialog } from './confirm-dialog.tsx';
import { client, connection, follow, refused } from './feed.ts';
import { count, duration, EVENT_WORDS, shortId } from './format.ts';
import { JsonTree } from './json-tree.tsx';
import { announce, attempt } from './notices.tsx';
import { close } from './route.ts';
import { Mode, Status } from './session-row.tsx';
import { take } from './session-list.ts';
import { Countdown, Time } from './time.tsx';
import { Transcript } from './transcript.tsx';

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

function useSession(sessionId: string): Looked {
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

function Actions({
  session,
  onChange,
}: {
  readonly session: Session;
  readonly onChange: (it: Session) => void;
}) {
  const [isAsking, setAsking] = useState(false);
  if (!may('sessions:write')) return null;
  const { sessionId, status } = session;
  const act = (what: () => Promise<Session>, done: string): void =>
    void attempt(async () => {
      const changed = await what();
      onChange(changed);
      take({ ...changed, reportedAt: new Date().toISOString() });
      announce(done);
    });
  return (
    <div class="actions">
      {status === 'active' && (
        <>
          <button
            type="button"
            onClick={() =>
              act(() => client.sessions.touch(sessionId, { messages: 0 }), 'Its time starts afresh.')
            }
          >
            Touch
          </button>
          <button type="button" class="danger" onClick={() => setAsking(true)}>
            End…
          </button>
        </>
      )}
      {status === 'expired' && (
        <button
          type="button"
          class="primary"
          onClick={() => act(() => client.sessions.resume(sessionId), 'It is active again.')}
        >
          Resume
        </button>
      )}
      {isAsking && (
        <ConfirmDialog
          title="End this session?"
          text={`${shortId(sessionId)} gives its slot back at once, and can not be resumed. Its transcript stays.`}
          action="End session"
          onAnswer={(agreed) => {
            setAsking(false);
            if (agreed) act(() => client.sessions.end(sessionId), 'The session is ended.');
          }}
        />
      )}
    </div>
  );
}

function Facts({ session }: { readonly session: Session }) {
  const { config, status, endedAt, endReason, maxLifetimeMs } = session;
  return (
    <dl class="facts">
      <dt>Expires</dt>
      <dd>
        {status === 'active' ? (
          <Countdown iso={session.expiresAt} ofMs={session.sessionTimeoutMs} />
        ) : (
          <>
            {endedAt !== undefined && <Time iso={endedAt} />}
            {endReason !== undefined && `, ${EVENT_WORDS[endReason]}`}
          </>
        )}
      </dd>
      <dt>Last active</dt>
      <dd>
        <Time iso={session.lastActivity} />
      </dd>
      <dt>Created</dt>
      <dd>
        <Time iso={session.createdAt} />
      </dd>
      <dt>Timeout</dt>
      <dd>
        {duration(session.sessionTimeoutMs)} idle
        {maxLifetimeMs !== null && `, ${duration(maxLifetimeMs)} in all`}
      </dd>
      <dt>Messages</dt>
      <dd>{count(session.messageCount)}</dd>
      <dt>Model</dt>
      <dd>{config.model ?? <span class="none">as Claude chooses</span>}</dd>
      <dt>Permission</dt>
      <dd>
        <Mode mode={config.permissionMode} />
      </dd>
      <dt>Folder</dt>
      <dd>
        <code>{config.cwd}</code>
      </dd>
      <dt>Turns</dt>
      <dd>{count(config.maxTurns)} at most</dd>
      <dt>Revision</dt>
      <dd>{session.revision}</dd>
      <dt>Claude ids</dt>
      <dd>
        {session.claudeSessionIds.length === 0 && <span class="none">none linked</span>}
        <ol class="ids">
          {session.claudeSessionIds.toReversed().map((id) => (
            <li key={id}>
              <code>{id}</code>
            </li>
          ))}
        </ol>
      </dd>
    </dl>
  );
}

export function SessionDetail({ sessionId }: { readonly sessionId: string }) {
  const { shown, problem, change } = useSession(sessionId);
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    heading.current?.focus({ preventScroll: true });
    const leave = (event: KeyboardEvent): void => {
      if (event.key !== 'Escape' || event.defaultPrevented) return;
      // There, it is about what is typed or chosen.
      if (event.target instanceof HTMLInputElement || event.target instanceof HTMLSelectElement) return;
      close();
      document.querySelector<HTMLElement>('[role="grid"]')?.focus();
    };
    addEventListener('keydown', leave);
    return () => removeEventListener('keydown', leave);
  }, []);
  const session = typeof shown === 'string' ? null : shown;
  return (
    <aside class="detail" aria-labelledby="detail-title">
      <header>
        <div>
          <h2 id="detail-title" ref={heading} tabIndex={-1}>
            <span class="sr">Session </span>
            <code title={sessionId}>{sessionId}</code>
          </h2>
          {session !== null && <Status status={session.status} />}
        </div>
        {claims.value.sessionId === null && (
          <button type="button" class="quiet close" onClick={close} aria-label="Close">
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
          <Facts session={session} />
          {Object.keys(session.config.metadata).length > 0 && (
            <section>
              <h3>Metadata</h3>
              <JsonTree value={session.config.metadata} />
            </section>
          )}
          {session.config.appendSystemPrompt !== undefined && (
            <details class="prompt">
              <summary>System prompt</summary>
              <pre tabIndex={0}>{session.config.appendSystemPrompt}</pre>
            </details>
          )}
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
