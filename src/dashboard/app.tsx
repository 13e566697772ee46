/**
 * What there is to see: the question for a token, or the board with one session open beside it.
 *
 * @module
 */
import { claims, may } from './access.ts';
import { Capacity } from './capacity.tsx';
import { Charts } from './charts.tsx';
import { asked, refusal } from './feed.ts';
import { Header } from './header.tsx';
import { Notices } from './notices.tsx';
import { opened } from './route.ts';
import { SessionDetail } from './session-detail.tsx';
import { SessionTable } from './session-table.tsx';
import { Shares } from './shares.tsx';
import { SignIn } from './sign-in.tsx';

/** Whether there is a list of sessions. */
const lists = (): boolean => claims.value.sessionId === null && may('sessions:read');

/** What a token lets one see. */
function Board() {
  const { sessionId } = claims.value;
  if (sessionId !== null && opened.value !== sessionId)
    return (
      <p class="card lone">
        This token is good for one session alone: <a href={`#/sessions/${sessionId}`}>{sessionId}</a>
      </p>
    );
  const watches = sessionId === null && may('registry:read');
  return (
    <>
      {watches && (
        <div class="overview">
          <Capacity />
          <Charts />
          <Shares />
        </div>
      )}
      {lists() && <SessionTable />}
    </>
  );
}

export function App() {
  return (
    <>
      {asked.value === null && lists() && (
        <a class="skip" href="#sessions">
          To the sessions
        </a>
      )}
      <Header />
      {refusal.value !== null && (
        <p class="refusal" role="alert">
          {refusal.value}
        </p>
      )}
      <main>{asked.value === null ? <Board /> : <SignIn reason={asked.value} />}</main>
      {asked.value === null && opened.value !== null && (
        <SessionDetail key={opened.value} sessionId={opened.value} />
      )}
      <Notices />
    </>
  );
}
