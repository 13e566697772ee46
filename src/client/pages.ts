/**
 * Lists, page by page.
 *
 * @module
 */

/** A page of a list; `nextCursor` is null on the last one. */
interface Page<T> {
  readonly data: readonly T[];
  readonly nextCursor: string | null;
}

/** Every item of a list. A page is fetched when the one before it has been used up. */
export async function* itemsOf<T>(
  fetchPage: (cursor: string | undefined) => Promise<Page<T>>,
): AsyncGenerator<T, void, undefined> {
  let cursor: string | undefined;
  do {
    const page: Page<T> = await fetchPage(cursor);
    yield* page.data;
    cursor = page.nextCursor ?? undefined;
  } while (cursor !== undefined);
}
