/**
 * A JSON value as a tree that opens and closes.
 *
 * @module
 */
import type { JsonValue } from '../contract/session.ts';

/** Levels that are open from the start. */
const OPEN_LEVELS = 2;

function Leaf({ value }: { readonly value: string | number | boolean | null }) {
  const kind = value === null ? 'null' : typeof value;
  return <code class={`value ${kind}`}>{String(value)}</code>;
}

export function JsonTree({ value, level = 0 }: { readonly value: JsonValue; readonly level?: number }) {
  if (typeof value !== 'object' || value === null) return <Leaf value={value} />;
  const entries: [string, JsonValue][] = Object.entries(value);
  if (entries.length === 0) return <code class="value null">{Array.isArray(value) ? '[ ]' : '{ }'}</code>;
  return (
    <ul class="tree">
      {entries.map(([key, inner]) => (
        <li key={key}>
          {typeof inner === 'object' && inner !== null && Object.keys(inner).length > 0 ? (
            <details open={level + 1 < OPEN_LEVELS}>
              <summary>
                <code>{key}</code> <small>{Object.keys(inner).length}</small>
              </summary>
              <JsonTree value={inner} level={level + 1} />
            </details>
          ) : (
            <>
              <code class="key">{key}</code> <JsonTree value={inner} level={level + 1} />
            </>
          )}
        </li>
      ))}
    </ul>
  );
}
