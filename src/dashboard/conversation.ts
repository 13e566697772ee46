/**
 * What is said in a transcript's entries, which Claude Code writes and nobody promises the form of.
 *
 * @module
 */
import type { JsonObject, JsonValue } from '../contract/session.ts';

/** Characters of a piece that are kept: a page holds hundreds of pieces, and any may be megabytes long. */
export const KEPT_CHARACTERS = 100_000;

/** A text, or the beginning of one that is too long to be kept. */
export interface Body {
  readonly text: string;
  /** How long it is in full. */
  readonly characters: number;
}

/** A piece of a conversation. */
export type Piece =
  | { readonly kind: 'text'; readonly body: Body }
  | { readonly kind: 'thinking'; readonly body: Body }
  | {
      readonly kind: 'tool';
      readonly id: string | null;
      readonly name: string;
      /** What tells this call from others, on one line. */
      readonly gist: string;
      readonly body: Body;
    }
  | {
      readonly kind: 'result';
      /** The `id` of the tool's call. */
      readonly of: string | null;
      readonly failed: boolean;
      readonly body: Body;
    }
  /** What is no text, and is only named: `image/png, 34 KB`. */
  | { readonly kind: 'media'; readonly name: string; readonly about: string }
  /** What is not known, as JSON. */
  | { readonly kind: 'data'; readonly name: string; readonly body: Body };

/** What an entry says. */
export interface Turn {
  /** The number of the entry, from 0. */
  readonly key: number;
  /**
   * `tool` for what tools answered, which the user is said to say; `program` for what Claude Code notes for
   * itself, which is no part of the conversation.
   */
  readonly who: 'user' | 'assistant' | 'tool' | 'note' | 'program';
  /** When it was said; null where the entry has no time that is one. */
  readonly at: string | null;
  readonly model: string | null;
  readonly pieces: readonly Piece[];
  /** The subagent whose work this is the result of. */
  readonly agentId: string | null;
}

function isObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
const textOr = <T>(value: JsonValue | undefined, otherwise: T): string | T =>
  typeof value === 'string' ? value : otherwise;
const toJson = (value: JsonValue | undefined): string => JSON.stringify(value ?? null, null, 2);

const bodyOf = (text: string): Body => ({
  text: text.slice(0, KEPT_CHARACTERS),
  characters: text.length,
});

const MAX_GIST_CHARACTERS = 120;

/** The first line with something on it. */
export function firstLine(text: string): string {
  const line = /\S.*/.exec(text.slice(0, KEPT_CHARACTERS))?.[0] ?? '';
  return line.length > MAX_GIST_CHARACTERS ? `${line.slice(0, MAX_GIST_CHARACTERS)}…` : line;
}

/** What says most of a tool's input, the first that is there. */
const GIST_FIELDS = ['command', 'file_path', 'pattern', 'url', 'query', 'description', 'prompt'];

function gistOf(input: JsonValue | undefined): string {
  if (!isObject(input)) return '';
  const texts = [...GIST_FIELDS.map((name) => input[name]), ...Object.values(input)];
  return firstLine(
    textOr(
      texts.find((value) => typeof value === 'string' && value !== ''),
      '',
    ),
  );
}

/** A tool's input as people read it: texts with their lines, not as JSON has them. */
function inputText(input: JsonValue | undefined): string {
  if (!isObject(input)) return toJson(input);
  return Object.entries(input)
    .map(([name, value]) => {
      const text = typeof value === 'string' ? value : toJson(value);
      return text.includes('\n') ? `${name}:\n${text}` : `${name}: ${text}`;
    })
    .join('\n');
}

const BASE64_BITS = 6;
const KB = 1_000;

/** An image or a document, which is not shown: its kind, and its size where it is part of the entry. */
function mediaOf(block: JsonObject): Piece {
  const source = isObject(block['source']) ? block['source'] : {};
  const data = textOr(source['data'], '');
  const kind = textOr(source['media_type'], textOr(source['type'], 'unknown kind'));
  const size = Math.ceil((data.length * BASE64_BITS) / 8 / KB);
  const about = data === '' ? kind : `${kind}, ${size} KB`;
  return { kind: 'media', name: textOr(block['type'], 'media'), about };
}

const isMedia = (block: JsonValue): block is JsonObject =>
  isObject(block) && (block['type'] === 'image' || block['type'] === 'document');

function resultPieces(block: JsonObject): Piece[] {
  const { content } = block;
  const blocks = Array.isArray(content) ? content : [];
  const texts = blocks
    .filter((it) => !isMedia(it))
    .map((it) => (isObject(it) && typeof it['text'] === 'string' ? it['text'] : toJson(it)));
  const text = Array.isArray(content) ? texts.join('\n') : textOr(content, null);
  const media = blocks.filter(isMedia).map(mediaOf);
  const of = textOr(block['tool_use_id'], null);
  const body = bodyOf(text ?? (content === undefined ? '' : toJson(content)));
  // A picture alone is a result without a text.
  const isShown = body.characters > 0 || media.length === 0;
  return [
    ...(isShown ? [{ kind: 'result', of, failed: block['is_error'] === true, body } as const] : []),
    ...media,
  ];
}

function piecesOfBlock(block: JsonValue): Piece[] {
  if (!isObject(block)) return [{ kind: 'data', name: 'unknown', body: bodyOf(toJson(block)) }];
  const type = textOr(block['type'], 'unknown');
  if (isMedia(block)) return [mediaOf(block)];
  // Tools that the API runs itself have kinds of their own: `server_tool_use`, `web_search_tool_result`.
  if (type.endsWith('tool_use'))
    return [
      {
        kind: 'tool',
        id: textOr(block['id'], null),
        name: textOr(block['name'], 'tool'),
        gist: gistOf(block['input']),
        body: bodyOf(inputText(block['input'])),
      },
    ];
  if (isResult(block)) return resultPieces(block);
  if (type === 'text') return textPieces(textOr(block['text'], ''), 'text');
  // Often there is only its signature.
  if (type === 'thinking') return textPieces(textOr(block['thinking'], ''), 'thinking');
  if (type === 'redacted_thinking') return textPieces('This is not shown to anyone.', 'thinking');
  return [{ kind: 'data', name: type, body: bodyOf(toJson(block)) }];
}

const textPieces = (text: string, kind: 'text' | 'thinking'): Piece[] =>
  text.trim() === '' ? [] : [{ kind, body: bodyOf(text) }];

function piecesOf(content: JsonValue | undefined): Piece[] {
  if (typeof content === 'string') return textPieces(content, 'text');
  return Array.isArray(content) ? content.flatMap(piecesOfBlock) : [];
}

/** What Claude Code says for the user: instructions and summaries, not what anyone typed. */
const isInserted = (entry: JsonObject): boolean =>
  entry['isMeta'] === true || entry['isCompactSummary'] === true;

const isResult = (block: JsonValue): boolean =>
  isObject(block) && textOr(block['type'], '').endsWith('tool_result');

function speakerOf(
  entry: JsonObject,
  type: 'user' | 'assistant',
  content: JsonValue | undefined,
): Turn['who'] {
  if (isInserted(entry)) return 'note';
  return type === 'user' && Array.isArray(content) && content.some(isResult) ? 'tool' : type;
}

function spokenOf(entry: JsonObject): Pick<Turn, 'who' | 'pieces'> | null {
  const { type, message } = entry;
  if ((type === 'user' || type === 'assistant') && isObject(message)) {
    const pieces = piecesOf(message['content']);
    return pieces.length === 0 ? null : { who: speakerOf(entry, type, message['content']), pieces };
  }
  const note = type === 'summary' ? entry['summary'] : type === 'system' ? entry['content'] : undefined;
  const pieces = textPieces(textOr(note, ''), 'text');
  return pieces.length === 0 ? null : { who: 'note', pieces };
}

/** What the `key`-th entry says: what is no part of the conversation is there too, as the program's. */
export function turnOf(entry: JsonObject, key: number): Turn {
  const { type, message, timestamp, toolUseResult, attachment } = entry;
  const at = typeof timestamp === 'string' && Number.isFinite(Date.parse(timestamp)) ? timestamp : null;
  const model = type === 'assistant' && isObject(message) ? textOr(message['model'], null) : null;
  const agentId = isObject(toolUseResult) ? textOr(toolUseResult['agentId'], null) : null;
  const spoken = spokenOf(entry);
  if (spoken !== null) return { key, at, model, agentId, ...spoken };
  const kind = isObject(attachment) ? textOr(attachment['type'], null) : textOr(entry['subtype'], null);
  const name = textOr(type, 'unknown') + (kind === null ? '' : `: ${kind}`);
  const data: Piece = { kind: 'data', name, body: bodyOf(toJson(entry)) };
  return { key, who: 'program', at, model: null, agentId: null, pieces: [data] };
}
