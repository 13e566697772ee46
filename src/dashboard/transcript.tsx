/**
 * A transcript as a conversation, as it grows.
 *
 * @module
 */
import { useEffect, useRef, useState } from 'preact/hooks';
import { BerthError, NotFoundError } from '../client/index.ts';
import type { JsonObject } from '../contract/session.ts';
import { turnOf, type Piece, type Turn } from './conversation.ts';
import { client } from './feed.ts';
import { count } from './format.ts';
import { Time } from './time.tsx';

const POLL_MS = 2_000;
/** Turns that are shown; earlier ones on demand, as many more each time. */
const SHOWN_TURNS = 100;
/** Turns are shown this often while a long transcript streams in. */
const SHOW_TURNS = 500;

interface Props {
  readonly project: string;
  readonly session: string;
  /** The session's last activity: a new one is a reason to look at once. */
  readonly heardAt: string;
}

interface State {
  readonly turns: readonly Turn[];
  readonly entries: number;
  readonly problem: string | null;
}

const NOTHING: State = { turns: [], entries: 0, problem: null };

function useTranscript({ project, session, heardAt }: Props): State {
  const [state, setState] = useState<State>(NOTHING);
  const read = useRef<() => void>(() => undefined);
  useEffect(() => {
    const controller = new AbortController();
    let entries = 0;
    let turns: Turn[] = [];
    let last: JsonObject | null = null;
    let isReading = false;
    let hasFailed = false;
    const show = (problem: string | null): void => {
      hasFailed = problem !== null;
      setState({ turns: [...turns], entries, problem });
    };
    const startOver = (): void => {
      turns = [];
      entries = 0;
      last = null;
    };
    const readOn = async (): Promise<void> => {
      if (isReading || document.hidden) return;
      isReading = true;
      const before = entries;
      // The last entry is read once more: where it isn't there, the transcript was written anew.
      let isSame = last === null;
      try {
        const after = Math.max(0, entries - 1);
        const options = { after, signal: controller.signal, maxAttempts: 1 };
        for await (const entry of client.transcripts.read({ project, session }, options)) {
          if (!isSame) {
            isSame = JSON.stringify(entry) === JSON.stringify(last);
            if (!isSame) break;
            continue;
          }
          last = entry;
          const turn = turnOf(entry, entries);
          entries += 1;
          if (turn !== null) turns.push(turn);
          if (turns.length % SHOW_TURNS === 0) show(null);
        }
        if (!isSame) startOver();
        if (!isSame || hasFailed || entries !== before || before === 0) show(null);
      } catch (error) {
        if (controller.signal.aborted) return;
        if (!(error instanceof BerthError)) throw error;
        if (error instanceof NotFoundError) {
          startOver();
        }
        show(error instanceof NotFoundError ? 'There is no transcript yet.' : error.detail);
      } finally {
        isReading = false;
      }
      if (!isSame && entries === 0) void readOn();
    };
    read.current = () => void readOn();
    read.current();
    const timer = setInterval(read.current, POLL_MS);
    return () => {
      clearInterval(timer);
      controller.abort();
    };
  }, [project, session]);
  useEffect(() => read.current(), [heardAt]);
  return state;
}

/** Text with its fenced code as code. */
function Text({ text }: { readonly text: string }) {
  const parts = text.split(/^```[^\n]*\n?/m);
  return (
    <>
      {parts.map((part, index) =>
        part === '' ? null : index % 2 === 1 ? (
          <pre key={index} tabIndex={0}>
            {part}
          </pre>
        ) : (
          <p key={index}>{part.trim()}</p>
        ),
      )}
    </>
  );
}

const FIRST_LINE = 80;
const firstLine = (text: string): string => (text.trim().split('\n')[0] ?? '').slice(0, FIRST_LINE);

function PieceView({ piece }: { readonly piece: Piece }) {
  if (piece.kind === 'text') return <Text text={piece.text} />;
  if (piece.kind === 'thinking')
    return (
      <details class="piece">
        <summary>Thinking</summary>
        <p>{piece.text}</p>
      </details>
    );
  const isTool = piece.kind === 'tool';
  const body = isTool ? piece.input : piece.text;
  const failed = !isTool && piece.failed;
  return (
    <details class={failed ? 'piece failed' : 'piece'}>
      <summary>
        <b>{isTool ? piece.name : failed ? 'Failed' : 'Result'}</b>{' '}
        <code>{firstLine(isTool ? body.replaceAll(/\s+/g, ' ') : body)}</code>
      </summary>
      <pre tabIndex={0}>{body}</pre>
    </details>
  );
}

const WHO = { user: 'User', assistant: 'Claude', note: 'Note' } as const;

function TurnView({ turn }: { readonly turn: Turn }) {
  const isResult = turn.pieces.every(({ kind }) => kind === 'result');
  return (
    <li class={isResult ? 'turn result' : `turn ${turn.who}`}>
      {!isResult && (
        <p class="who">
          <b>{WHO[turn.who]}</b> {turn.at !== null && <Time iso={turn.at} />}
        </p>
      )}
      {turn.pieces.map((piece, index) => (
        <PieceView key={index} piece={piece} />
      ))}
    </li>
  );
}

export function Transcript(props: Props) {
  const { turns, entries, problem } = useTranscript(props);
  const [limit, setLimit] = useState(SHOWN_TURNS);
  const hidden = Math.max(0, turns.length - limit);
  return (
    <section class="transcript" aria-labelledby="transcript-title">
      <h3 id="transcript-title">
        Transcript <small>{count(entries)} entries</small>
      </h3>
      {problem !== null && <p class="none">{problem}</p>}
      {hidden > 0 && (
        <button type="button" class="quiet" onClick={() => setLimit(limit + SHOWN_TURNS)}>
          {count(hidden)} earlier
        </button>
      )}
      <div role="log" aria-labelledby="transcript-title">
        <ol class="turns">
          {turns.slice(hidden).map((turn) => (
            <TurnView key={turn.key} turn={turn} />
          ))}
        </ol>
      </div>
    </section>
  );
}
