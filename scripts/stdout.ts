/**
 * Standard output for data, where `npm run` has written to it first.
 *
 * @module
 */
import { createWriteStream, fstatSync, ftruncateSync, readFileSync } from 'node:fs';
import type { Writable } from 'node:stream';

const STDOUT = 1;
/** What `npm run` prints of a script before it starts it: its name, and its command. */
const BANNER = /^\n> [^\n]+\n> [^\n]+\n\n$/;
/** Longer than any banner: what is longer is not read. */
const MAX_BANNER_BYTES = 16 * 1024;

/** What has been written to standard output, where that is a file that can be read; null elsewhere. */
function written(): string | null {
  try {
    const stats = fstatSync(STDOUT);
    return stats.isFile() && stats.size <= MAX_BANNER_BYTES
      ? readFileSync(`/dev/fd/${STDOUT}`, 'utf8')
      : null;
  } catch {
    return null;
  }
}

/**
 * Standard output. `npm run export > file` has npm's banner in the file already: it is taken out, if there is
 * nothing else. In a pipe it can't be: `npm run --silent` keeps it away.
 */
export function cleanStdout(): Writable {
  if (!BANNER.test(written() ?? ''))
    // Whoever reads may have read enough.
    return process.stdout.on('error', (error: NodeJS.ErrnoException) =>
      process.exit(error.code === 'EPIPE' ? 0 : 1),
    );
  ftruncateSync(STDOUT, 0);
  // At positions of its own: that of the open file is still behind the banner.
  return createWriteStream('', { fd: STDOUT, start: 0 });
}
