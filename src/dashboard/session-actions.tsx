/**
 * What may be done with one session.
 *
 * @module
 */
import { useState } from 'preact/hooks';
import type { Session } from '../contract/session.ts';
import { may } from './access.ts';
import { ConfirmDialog } from './confirm-dialog.tsx';
import { client } from './feed.ts';
import { shortId } from './format.ts';
import { announce, attempt } from './notices.tsx';
import { takeAnswer } from './session-list.ts';

export function Actions({
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
      takeAnswer(changed);
      announce(done);
    });
  return (
    <div class="actions">
      {status === 'active' && (
        <>
          <button
            type="button"
            title="Its idle time starts afresh. No message is counted."
            onClick={() =>
              act(() => client.sessions.touch(sessionId, { messages: 0 }), 'Its idle time starts afresh.')
            }
          >
            Keep alive
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
