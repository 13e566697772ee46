/**
 * What goes into query strings, where everything is text.
 *
 * @module
 */
import * as z from 'zod/mini';
import * as limits from './limits.ts';
import { byteLength, CreateSession, LinkClaudeSession, ListStatus } from './session.ts';

/** A whole number in a query. */
const integer = (min: number, max: number, byDefault: number) =>
  z
    ._default(
      z.pipe(
        z.pipe(z.string().check(z.regex(/^-?\d{1,15}$/, 'Must be a whole number')), z.transform(Number)),
        z.int().check(z.gte(min), z.lte(max)),
      ),
      byDefault,
    )
    .check(z.meta({ type: 'integer', minimum: min, maximum: max, default: byDefault }));

const NAME_BOUNDS = `Must have 1 to ${limits.MAX_TRANSCRIPT_NAME_BYTES} bytes of UTF-8`;

/** The number of an entry: 38 bits. */
const MAX_ENTRY_NUMBER = 2 ** 38 - 1;

const LABEL_PREFIX = 'metadata.';

/** The query of a list of sessions. `metadata.<key>` filters by a top-level metadata value. */
export const ListQuery = z
  .catchall(
    z.object({
      status: z._default(ListStatus, 'active'),
      limit: integer(1, limits.MAX_PAGE_SIZE, limits.DEFAULT_PAGE_SIZE),
      cursor: z.optional(z.string()),
      model: z.optional(CreateSession.shape.model),
      claudeSessionId: z.optional(LinkClaudeSession.shape.claudeSessionId),
    }),
    z.unknown(),
  )
  .check(
    z.superRefine((query, context) => {
      if (labelsOf(query).length > limits.MAX_METADATA_FILTERS)
        context.addIssue({
          code: 'custom',
          path: ['metadata'],
          message: `At most ${limits.MAX_METADATA_FILTERS} metadata filters can be combined`,
        });
      for (const [name, value] of Object.entries(query)) {
        if (Object.hasOwn(ListQuery.def.shape, name)) continue;
        const path = [name];
        if (!name.startsWith(LABEL_PREFIX))
          context.addIssue({ code: 'custom', path, message: 'There is no such parameter' });
        else if (byteLength(String(value)) > limits.MAX_LABEL_VALUE_BYTES)
          context.addIssue({
            code: 'custom',
            path,
            message: `Must have at most ${limits.MAX_LABEL_VALUE_BYTES} bytes`,
          });
      }
    }),
  );
export type ListQuery = z.infer<typeof ListQuery>;

/** The metadata filters in a list's query: names and the text that their values must have. */
export function labelsOf(query: Readonly<Record<string, unknown>>): [name: string, value: string][] {
  return Object.entries(query)
    .filter(([name]) => name.startsWith(LABEL_PREFIX))
    .map(([name, value]) => [name.slice(LABEL_PREFIX.length), String(value)]);
}

/** The query of the series. */
export const SeriesQuery = z.strictObject({
  minutes: integer(1, limits.MAX_SERIES_MINUTES, limits.DEFAULT_SERIES_MINUTES),
});

/** The query of an end. */
export const EndQuery = z.strictObject({
  purge: z._default(
    z.pipe(
      z.enum(['true', 'false']),
      z.transform((text) => text === 'true'),
    ),
    false,
  ),
});

/** A project, transcript or subpath name: opaque, but for what a URL can't carry. */
export const TranscriptName = z.string().check(
  z.refine((name) => name !== '' && byteLength(name) <= limits.MAX_TRANSCRIPT_NAME_BYTES, NAME_BOUNDS),
  z.refine((name) => name !== '.' && name !== '..', 'URLs cannot carry "." and ".."'),
  z.meta({ minLength: 1, maxLength: limits.MAX_TRANSCRIPT_NAME_BYTES }),
);

/** The query of an append. `touch` is the id of a Berth session that the append is activity of. */
export const AppendQuery = z.strictObject({
  subpath: z.optional(TranscriptName),
  touch: z.optional(z.string()),
});

/** The query of a read: entries after the `after`-th. */
export const ReadQuery = z.strictObject({
  subpath: z.optional(TranscriptName),
  after: integer(0, MAX_ENTRY_NUMBER, 0),
});

/** The query of the deletion of one subpath. */
export const DeleteSubpathQuery = z.strictObject({ subpath: TranscriptName });

/** The query of a list of transcripts. */
export const TranscriptListQuery = z.strictObject({
  limit: integer(1, limits.MAX_PAGE_SIZE, limits.DEFAULT_PAGE_SIZE),
  cursor: z.optional(z.string()),
});

/** The query of a route that takes none. */
export const NoQuery = z.strictObject({});
