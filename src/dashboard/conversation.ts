/**
 * What is said in a transcript's entries, which Claude Code writes and nobody promises the form of.
 *
 * @module
 */
import type { JsonObject, JsonValue } from '../contract/session.ts';

/** A piece of a conversation. */
export type Piece =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'thinking'; readonly text: string }
  | { readonly kind: 'tool'; readonly name: string; readonly input: string }
  | { readonly kind: 'result'; readonly text: string; readonly failed: boolean };

export interface Turn {
  readonly key: number;
  readonly who: 'user' | 'assistant' | 'note';
  /** When it was said; null where the entry has no time that is one. */
  readonly at: string | null;
  readonly model: string | null;
  readonly pieces: readonly Piece[];
}

function isObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
const textOr = (value: JsonValue | undefined, otherwise: string): string =>
  typeof value === 'string' ? value : otherwise;

function resultText(content: JsonValue | undefined): string {
  if (typeof content === 'string') return content;
  if (!Array.isArray(content)) return content === undefined ? '' : JSON.stringify(content, null, 2);
  return content
    .map((block) => (isObject(block) && typeof block['text'] === 'string' ? block['text'] : '[not text]'))
    .join('\n');
}

function pieceOf(block: JsonValue): Piece | null {
  if (!isObject(block)) return null;
  const type = textOr(block['type'], 'something');
  switch (type) {
    case 'text':
      return { kind: 'text', text: textOr(block['text'], '') };
    case 'thinking':
      return { kind: 'thinking', text: textOr(block['thinking'], '') };
    case 'tool_use':
      return {
        kind: 'tool',
        name: textOr(block['name'], 'tool'),
        input: JSON.stringify(block['input'] ?? null, null, 2),
      };
    case 'tool_result':
      return { kind: 'result', text: resultText(block['content']), failed: block['is_error'] === true };
    default:
      return { kind: 'text', text: `[${type}]` };
  }
}

function piecesOf(content: JsonValue | undefined): Piece[] {
  if (typeof content === 'string') return [{ kind: 'text', text: content }];
  if (!Array.isArray(content)) return [];
  return content
    .map(pieceOf)
    .filter((piece) => piece !== null && !(piece.kind === 'thinking' && piece.text === '')) as Piece[];
}

/** What an entry says, or null where it is only for the program. */
export function turnOf(entry: JsonObject, key: number): Turn | null {
  const { type, message, timestamp, summary } = entry;
  const at = typeof timestamp === 'string' && Number.isFinite(Date.parse(timestamp)) ? timestamp : null;
  if ((type === 'user' || type === 'assistant') && isObject(message)) {
    const pieces = piecesOf(message['content']);
    const model = type === 'assistant' && typeof message['model'] === 'string' ? message['model'] : null;
    return pieces.length === 0 ? null : { key, who: type, at, model, pieces };
  }
  const note = type === 'summary' ? summary : type === 'system' ? entry['content'] : undefined;
  return typeof note === 'string'
    ? { key, who: 'note', at, model: null, pieces: [{ kind: 'text', text: note }] }
    : null;
}
