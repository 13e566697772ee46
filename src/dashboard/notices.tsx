/**
 * What came of what the viewer did: said once, aloud too.
 *
 * @module
 */
import { signal } from '@preact/signals';
import { BerthError } from '../client/index.ts';

const SHOWN_MS = 6_000;

interface Notice {
  readonly text: string;
  readonly failed: boolean;
}

const notice = signal<Notice | null>(null);
let timer: ReturnType<typeof setTimeout> | undefined;

function show(text: string, failed: boolean): void {
  clearTimeout(timer);
  notice.value = { text, failed };
  timer = setTimeout(() => {
    notice.value = null;
  }, SHOWN_MS);
}

export const announce = (text: string): void => show(text, false);

/** Does what the viewer asked for, and says what went wrong with it. */
export async function attempt(work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (!(error instanceof BerthError)) throw error;
    show(error.message, true);
  }
}

export function Notices() {
  const { value } = notice;
  return (
    <div class="notices" role="status">
      {value !== null && <p class={value.failed ? 'notice failed' : 'notice'}>{value.text}</p>}
    </div>
  );
}
