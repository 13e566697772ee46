/**
 * Structured logs: one JSON object a line, which every log service can read. Never a token, a prompt,
 * metadata or a transcript.
 *
 * @module
 */

type Fields = Readonly<Record<string, string | number | boolean | null | undefined>>;

/** Something that happened as it should. */
export function logInfo(event: string, fields: Fields): void {
  console.log(JSON.stringify({ level: 'info', event, ...fields }));
}

/** Something that failed and is dealt with. */
export function logWarning(event: string, fields: Fields): void {
  console.warn(JSON.stringify({ level: 'warning', event, ...fields }));
}

/** Something that should not have happened, whole: it is for the operator, never for a caller. */
export function logError(event: string, error: unknown, fields: Fields): void {
  const { message, stack } = error instanceof Error ? error : new Error(String(error));
  console.error(JSON.stringify({ level: 'error', event, ...fields, message, stack }));
}
