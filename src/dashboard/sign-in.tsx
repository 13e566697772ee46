/**
 * Asking for a token, where the server wants one.
 *
 * @module
 */
import { useEffect, useRef, useState } from 'preact/hooks';
import { signIn } from './feed.ts';

/** What a header, and a WebSocket's subprotocol, can carry of a token. */
const TOKEN = /^[\w.~+-]+$/;

/** As the README has it. */
const TOKEN_COMMAND = `npm run --silent token -- \\
  --tenant acme --expires 30d \\
  --scope "sessions:read registry:read transcripts:read"`;

export function SignIn({ reason }: { readonly reason: string }) {
  const input = useRef<HTMLInputElement>(null);
  const [problem, setProblem] = useState(reason);
  useEffect(() => setProblem(reason), [reason]);
  useEffect(() => input.current?.focus(), []);
  const submit = (event: Event): void => {
    event.preventDefault();
    const text = input.current?.value.trim().replace(/^Bearer +/i, '') ?? '';
    if (TOKEN.test(text)) signIn(text);
    else setProblem('This does not look like a token.');
  };
  return (
    <form class="card sign-in" onSubmit={submit} aria-labelledby="sign-in-title">
      <h2 id="sign-in-title">Sign in</h2>
      <p>
        This server wants to know who is looking. The token is kept for this tab alone, and gone when it is
        closed.
      </p>
      <label for="token">Bearer token</label>
      <input
        id="token"
        ref={input}
        type="password"
        autocomplete="off"
        spellcheck={false}
        required
        aria-describedby="token-problem"
        aria-invalid={problem !== ''}
      />
      <p id="token-problem" class="problem" role="alert">
        {problem}
      </p>
      <button type="submit" class="primary">
        Sign in
      </button>
      <div class="hint">
        <p>This makes a token that may look, and do nothing else:</p>
        <pre tabIndex={0} aria-label="A command that makes a token">
          <code>{TOKEN_COMMAND}</code>
        </pre>
      </div>
    </form>
  );
}
