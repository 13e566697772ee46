/**
 * What there is to know of one session.
 *
 * @module
 */
import type { EndReason, Session } from '../contract/session.ts';
import { count, duration } from './format.ts';
import { JsonTree } from './json-tree.tsx';
import { Mode } from './session-row.tsx';
import { Countdown, Time } from './time.tsx';

const REASONS = {
  ended: 'ended by a call',
  idle_timeout: 'expired: idle for too long',
  max_lifetime: 'expired: reached its lifetime',
} as const satisfies Record<EndReason, string>;

/** When it will end, or when and why it has. */
function End({ session }: { readonly session: Session }) {
  const { status, expiresAt, sessionTimeoutMs, endedAt, endReason } = session;
  if (status === 'active')
    return (
      <>
        <dt>Expires</dt>
        <dd>
          <Countdown iso={expiresAt} ofMs={sessionTimeoutMs} />
        </dd>
      </>
    );
  return (
    <>
      <dt>Ended</dt>
      <dd>
        {endedAt !== undefined && <Time iso={endedAt} />}
        {endReason !== undefined && `, ${REASONS[endReason]}`}
      </dd>
    </>
  );
}

function Facts({ session }: { readonly session: Session }) {
  const { config, maxLifetimeMs } = session;
  return (
    <dl class="facts">
      <End session={session} />
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

/** Everything but the conversation. */
export function About({ session }: { readonly session: Session }) {
  const { metadata, appendSystemPrompt } = session.config;
  return (
    <details class="about" open>
      <summary>About</summary>
      <Facts session={session} />
      {Object.keys(metadata).length > 0 && (
        <section>
          <h3>Metadata</h3>
          <JsonTree value={metadata} />
        </section>
      )}
      {appendSystemPrompt !== undefined && (
        <details class="prompt">
          <summary>System prompt</summary>
          <pre tabIndex={0}>{appendSystemPrompt}</pre>
        </details>
      )}
    </details>
  );
}
