/**
 * What was said, once: text with its code, tools with what they were given and what they answered.
 *
 * @module
 */
import type { ComponentChildren } from 'preact';
import { useState } from 'preact/hooks';
import { firstLine, type Body, type Piece, type Turn } from './conversation.ts';
import { count } from './format.ts';
import { Time } from './time.tsx';

/** Longer texts are shown when asked for. */
const SHOWN_CHARACTERS = 3_000;

/** A text, the beginning of it at first where it is long. */
function Long({
  body: { text, characters },
  children,
}: {
  readonly body: Body;
  readonly children: (text: string) => ComponentChildren;
}) {
  const [isWhole, setWhole] = useState(false);
  const isLong = text.length > SHOWN_CHARACTERS;
  const isCut = characters > text.length;
  return (
    <>
      {children(isLong && !isWhole ? `${text.slice(0, SHOWN_CHARACTERS)}…` : text)}
      {isLong && (
        <button type="button" class="quiet whole" aria-expanded={isWhole} onClick={() => setWhole(!isWhole)}>
          {isWhole ? 'Show less' : `Show ${isCut ? 'more' : 'all'} of ${count(characters)} characters`}
        </button>
      )}
      {isCut && (isWhole || !isLong) && (
        <p class="none">{count(characters - text.length)} more characters are not shown here.</p>
      )}
    </>
  );
}

/** Text with its fenced code as code. */
function Text({ text }: { readonly text: string }) {
  const parts = text.split(/^```[^\n]*\n?/m);
  return (
    <>
      {parts.map((part, index) =>
        part.trim() === '' ? null : index % 2 === 1 ? (
          <pre key={index} tabIndex={0}>
            {part.trimEnd()}
          </pre>
        ) : (
          <p key={index}>{part.trim()}</p>
        ),
      )}
    </>
  );
}

/** Names of the tools, by the ids of their calls. */
export type ToolNames = ReadonlyMap<string, string>;

interface FoldedProps {
  readonly name: string;
  /** What is seen of it while it is folded. */
  readonly gist?: ComponentChildren;
  readonly body: Body;
  readonly failed?: boolean;
}

function Folded({ name, gist, body, failed = false }: FoldedProps) {
  return (
    <details class={failed ? 'piece failed' : 'piece'} open={failed}>
      <summary>
        <b>{name}</b> {gist}
      </summary>
      {body.characters === 0 ? (
        <p class="none">Nothing.</p>
      ) : (
        <Long body={body}>{(text) => <pre tabIndex={0}>{text}</pre>}</Long>
      )}
    </details>
  );
}

function Result({
  of,
  failed,
  body,
  tools,
}: Extract<Piece, { kind: 'result' }> & { readonly tools: ToolNames }) {
  const more = body.text.trim().split('\n').length - 1;
  const gist = (
    <>
      {of !== null && <small>{tools.get(of)} </small>}
      <code>{firstLine(body.text) || '(nothing)'}</code>
      {more > 0 && <small>{` +${count(more)} ${more === 1 ? 'line' : 'lines'}`}</small>}
    </>
  );
  return <Folded name={failed ? 'Failed' : 'Result'} gist={gist} body={body} failed={failed} />;
}

function PieceView({ piece, tools }: { readonly piece: Piece; readonly tools: ToolNames }) {
  if (piece.kind === 'text') return <Long body={piece.body}>{(text) => <Text text={text} />}</Long>;
  if (piece.kind === 'thinking')
    return (
      <details class="piece thinking">
        <summary>
          <b>Thinking</b> <span>{firstLine(piece.body.text)}</span>
        </summary>
        <Long body={piece.body}>{(text) => <p>{text}</p>}</Long>
      </details>
    );
  if (piece.kind === 'tool')
    return <Folded name={piece.name} gist={<code>{piece.gist}</code>} body={piece.body} />;
  if (piece.kind === 'result') return <Result {...piece} tools={tools} />;
  if (piece.kind === 'data') return <Folded name={piece.name} body={piece.body} />;
  return (
    <p class="media">
      <b>{piece.name}</b> {piece.about}
    </p>
  );
}

const WHO = { user: 'User', assistant: 'Claude', note: 'Note' } as const;

interface Props {
  readonly turn: Turn;
  /** Whether it is someone else's turn, who is named. */
  readonly isNamed: boolean;
  readonly tools: ToolNames;
  /** Opens what the subagent said whose work this is the result of; null where there is nothing of it. */
  readonly onOpenAgent: (() => void) | null;
}

export function TurnView({ turn: { key, who, at, model, pieces }, isNamed, tools, onOpenAgent }: Props) {
  return (
    <li class={`turn ${who}`} data-entry={key}>
      {isNamed && who !== 'tool' && who !== 'program' && (
        <p class="who">
          <b>{WHO[who]}</b> {at !== null && <Time iso={at} />} {model}
        </p>
      )}
      {pieces.map((piece, index) => (
        <PieceView key={index} piece={piece} tools={tools} />
      ))}
      {onOpenAgent !== null && (
        <button type="button" class="quiet" onClick={onOpenAgent}>
          What the subagent did
        </button>
      )}
    </li>
  );
}
