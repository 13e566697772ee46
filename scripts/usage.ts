/**
 * What programs for the command line have in common.
 *
 * @module
 */
import { resolve } from 'node:path';

/** Something in the call that its author has to mend. */
export class UsageError extends Error {}

/** A path as it was meant where the program was called: `npm run` goes to the package's folder first. */
export function pathOf(path: string): string {
  return resolve(process.env['INIT_CWD'] ?? '', path);
}

/** Runs a program: what is wrong with the call ends it with its usage and 2, what goes wrong with 1. */
export async function run(usage: string, main: () => Promise<void>): Promise<void> {
  try {
    await main();
  } catch (error) {
    const isUsage = error instanceof UsageError || (error instanceof TypeError && 'code' in error);
    const message = error instanceof Error ? error.message : String(error);
    process.stderr.write(isUsage ? `${message}\n\n${usage}\n` : `${message}\n`);
    process.exitCode = isUsage ? 2 : 1;
  }
}
