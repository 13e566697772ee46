/**
 * What to do where there is nothing to see.
 *
 * @module
 */
import { useState } from 'preact/hooks';
import { token } from './access.ts';
import { stats } from './feed.ts';

function command(): string {
  return [
    `curl ${location.origin}/v1/sessions \\`,
    ...(token.value === null ? [] : [`  -H "Authorization: Bearer $BERTH_TOKEN" \\`]),
    `  -H 'Content-Type: application/json' \\`,
    `  -d '{ "model": "claude-sonnet-5", "metadata": { "team": "docs" } }'`,
  ].join('\n');
}

export function FirstSession() {
  const [isCopied, setCopied] = useState(false);
  const copy = async (): Promise<void> => {
    await navigator.clipboard.writeText(command());
    setCopied(true);
  };
  const isFirst = stats.value === null || stats.value.totalCreated === 0;
  return (
    <>
      <h3>{isFirst ? 'No session yet' : 'No session is active'}</h3>
      <p>
        {isFirst
          ? 'This creates the first one. It appears here at once:'
          : 'This creates one. It appears here at once:'}
      </p>
      <pre tabIndex={0} aria-label="A command that creates a session">
        <code>{command()}</code>
      </pre>
      {/* Pages that came over plain HTTP from afar have no clipboard. */}
      {navigator.clipboard !== undefined && (
        <button type="button" class="quiet" onClick={() => void copy()}>
          {isCopied ? 'Copied' : 'Copy'}
        </button>
      )}
    </>
  );
}
