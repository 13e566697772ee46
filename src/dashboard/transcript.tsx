/**
 * A transcript as a conversation: that of the session, and those of its subagents.
 *
 * @module
 */
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks';
import { BerthError, type EntriesRef, type TranscriptRef } from '../client/index.ts';
import type { Turn } from './conversation.ts';
import { client } from './feed.ts';
import { count } from './format.ts';
import { PAGE_ENTRIES, type Shown } from './transcript-window.ts';
import { TurnView, type ToolNames } from './turn-view.tsx';
import { useTranscript, type Goal, type Turning } from './use-transcript.ts';

/** Subagents begin while one looks. */
const SUBPATHS_POLL_MS = 10_000;
/** As near to the end as this is at the end. */
const END_PX = 24;
/** Where the Agent SDK keeps what a subagent says. */
const AGENT_PREFIX = 'subagents/agent-';

interface Props {
  readonly project: string;
  readonly session: string;
  /** The session's last activity: a new one is a reason to look at once. */
  readonly heardAt: string;
}

function useSubpaths({ project, session }: TranscriptRef, heardAt: string): readonly string[] {
  const [subpaths, setSubpaths] = useState<readonly string[]>([]);
  useEffect(() => {
    const controller = new AbortController();
    const look = async (): Promise<void> => {
      if (document.hidden) return;
      try {
        const found = await client.transcripts.subpaths({ project, session }, controller);
        setSubpaths((before) => (before.join('\n') === found.join('\n') ? before : found));
      } catch (error) {
        // The transcript beside it says what is wrong.
        if (!controller.signal.aborted && !(error instanceof BerthError)) throw error;
      }
    };
    void look();
    const timer = setInterval(() => void look(), SUBPATHS_POLL_MS);
    return () => {
      clearInterval(timer);
      controller.abort();
    };
  }, [project, session, heardAt]);
  return subpaths;
}

const nameOf = (subpath: string): string =>
  subpath.startsWith(AGENT_PREFIX) ? `Subagent ${subpath.slice(AGENT_PREFIX.length)}` : subpath;

function toolNames(turns: readonly Turn[]): ToolNames {
  const calls = turns.flatMap(({ pieces }) => pieces).filter((piece) => piece.kind === 'tool');
  return new Map(calls.flatMap(({ id, name }) => (id === null ? [] : [[id, name] as const])));
}

interface TurnsProps {
  readonly turns: readonly Turn[];
  readonly subpaths: readonly string[];
  readonly onOpen: (subpath: string) => void;
}

function Turns({ turns, subpaths, onOpen }: TurnsProps) {
  const tools = useMemo(() => toolNames(turns), [turns]);
  let speaker = '';
  return (
    <ol class="turns">
      {turns.map((turn) => {
        const { key, who, model, agentId } = turn;
        const isAside = who === 'tool' || who === 'program';
        const isNamed = !isAside && (who !== 'assistant' || speaker !== `assistant ${model}`);
        if (!isAside) speaker = `${who} ${model}`;
        const subpath = AGENT_PREFIX + agentId;
        const opens = agentId !== null && subpaths.includes(subpath);
        return (
          <TurnView
            key={key}
            turn={turn}
            isNamed={isNamed}
            tools={tools}
            onOpenAgent={opens ? () => onOpen(subpath) : null}
          />
        );
      })}
    </ol>
  );
}

interface PagerProps {
  readonly shown: Shown;
  readonly onTurn: (to: Turning) => void;
}

/** The ways to other pages. What leads nowhere stays where it is, so that the focus does too. */
function Pager({ shown: { from, to, total }, onTurn }: PagerProps) {
  if (total <= PAGE_ENTRIES)
    return <p class="pager">{total > 0 && `${count(total)} ${total === 1 ? 'entry' : 'entries'}`}</p>;
  const ways = [
    { turning: 'start', label: 'Start', leads: from > 0 },
    { turning: 'earlier', label: 'Earlier', leads: from > 0 },
    { turning: 'later', label: 'Later', leads: to < total },
  ] as const;
  return (
    <div class="pager" role="group" aria-label="Pages">
      {ways.map(({ turning, label, leads }) => (
        <button
          key={turning}
          type="button"
          aria-disabled={!leads}
          onClick={() => {
            if (leads) onTurn(turning);
          }}
        >
          {label}
        </button>
      ))}
      <span role="status">
        {count(from + 1)}–{count(to)} of {count(total)}
      </span>
    </div>
  );
}

/** Scrolls so that an entry, or the next one that is shown, comes to an edge. */
function scrollTo(log: HTMLElement, { edge, entry }: Goal): void {
  const turns = [...log.querySelectorAll<HTMLElement>('.turn')];
  const turn = turns.find(({ dataset }) => Number(dataset['entry']) >= entry);
  if (edge === 'end' || turn === undefined) log.scrollTop = log.scrollHeight;
  else {
    const top = turn.getBoundingClientRect().top - log.getBoundingClientRect().top;
    log.scrollTop += edge === 'top' ? top : top - log.clientHeight;
  }
}

interface StreamProps extends Omit<TurnsProps, 'turns'> {
  readonly of: EntriesRef;
  readonly heardAt: string;
  /** Whether what is for the program is shown too. */
  readonly isAll: boolean;
}

/** One stream of entries. It opens at its end, and follows it while one looks at the end. */
function Stream({ of, heardAt, isAll, subpaths, onOpen }: StreamProps) {
  const log = useRef<HTMLDivElement>(null);
  /** Where it was scrolled to already. */
  const reached = useRef<Goal | null>(null);
  const followed = useRef(true);
  const [isFollowed, setFollowed] = useState(true);
  const { shown, problem, goal, turn } = useTranscript(of, heardAt, () => followed.current);
  const { to, total, isLast } = shown;
  const turns = useMemo(
    () => (isAll ? shown.turns : shown.turns.filter(({ who }) => who !== 'program')),
    [shown.turns, isAll],
  );

  /** Sees whether one looks at the end. */
  const see = (): void => {
    if (log.current === null) return;
    const { scrollHeight, scrollTop, clientHeight } = log.current;
    followed.current = isLast && scrollHeight - scrollTop - clientHeight < END_PX;
    setFollowed(followed.current);
  };
  const seeNow = useRef(see);
  seeNow.current = see;
  useLayoutEffect(() => {
    if (log.current === null) return;
    if (goal !== null && goal !== reached.current) scrollTo(log.current, goal);
    else if (followed.current) log.current.scrollTop = log.current.scrollHeight;
    reached.current = goal;
    see();
  }, [turns, goal, problem]);
  useEffect(() => {
    const element = log.current;
    const list = element?.querySelector('ol');
    if (!element || !list) return undefined;
    // One who looks at the end goes on to when the panel changes its size, but not when they open a piece.
    const observer = new ResizeObserver((changes) => {
      const isPanel = changes.some(({ target }) => target === element);
      if (isPanel && followed.current) element.scrollTop = element.scrollHeight;
      seeNow.current();
    });
    observer.observe(element);
    observer.observe(list);
    return () => observer.disconnect();
  }, []);

  const goTo = (turning: Turning): void => {
    // What comes meanwhile doesn't scroll away from where one goes.
    followed.current = false;
    turn(turning);
  };
  const newer = total - to;
  return (
    <>
      <Pager shown={shown} onTurn={goTo} />
      {problem !== null && <p class="none">{problem}</p>}
      <div class="log-frame">
        <div
          class="log"
          role="log"
          aria-labelledby="transcript-title"
          aria-live={isFollowed ? 'polite' : 'off'}
          tabIndex={0}
          ref={log}
          onScroll={see}
        >
          {turns.length === 0 && total > 0 && <p class="none">Nothing is said in these entries.</p>}
          <Turns turns={turns} subpaths={subpaths} onOpen={onOpen} />
        </div>
        {!isFollowed && (
          <button
            type="button"
            class="primary newest"
            onClick={() => {
              log.current?.focus({ preventScroll: true });
              goTo('newest');
            }}
          >
            <span aria-hidden="true">↓ </span>Newest{isLast && newer > 0 && ` (${count(newer)} more)`}
          </button>
        )}
      </div>
    </>
  );
}

export function Transcript({ project, session, heardAt }: Props) {
  const subpaths = useSubpaths({ project, session }, heardAt);
  const [subpath, setSubpath] = useState('');
  const [isAll, setAll] = useState(false);
  const of = { project, session, subpath: subpath === '' ? undefined : subpath };
  // What was deleted meanwhile is still what one looks at.
  const offered = subpath === '' || subpaths.includes(subpath) ? subpaths : [...subpaths, subpath];
  return (
    <section class="transcript" aria-labelledby="transcript-title">
      <div class="transcript-head">
        <h3 id="transcript-title">Transcript</h3>
        {offered.length > 0 && (
          <label class="select">
            <span class="sr">Part of the transcript</span>
            <select value={subpath} onChange={({ currentTarget }) => setSubpath(currentTarget.value)}>
              <option value="">Main conversation</option>
              {offered.map((name) => (
                <option key={name} value={name}>
                  {nameOf(name)}
                </option>
              ))}
            </select>
          </label>
        )}
        <label class="all">
          <input
            type="checkbox"
            checked={isAll}
            onChange={({ currentTarget }) => setAll(currentTarget.checked)}
          />
          All entries
        </label>
      </div>
      <Stream key={subpath} of={of} heardAt={heardAt} isAll={isAll} subpaths={subpaths} onOpen={setSubpath} />
    </section>
  );
}
