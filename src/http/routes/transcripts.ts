/**
 * `/v1/projects/:project/transcripts`
 *
 * @module
 */
import { fail, ok, type Result } from '../../contract/errors.ts';
import { MAX_APPEND_BODY_BYTES } from '../../contract/limits.ts';
import {
  AppendQuery,
  DeleteSubpathQuery,
  NoQuery,
  ReadQuery,
  TranscriptListQuery,
  TranscriptName as Name,
} from '../../contract/queries.ts';
import {
  AppendEntries,
  AppendResult,
  Entry,
  SubpathList,
  TranscriptPage,
} from '../../contract/transcript.ts';
import type { TranscriptName } from '../../protocol/transcript.ts';
import type { AppContext } from '../app-env.ts';
import { answer, objectsOf } from '../caller.ts';
import { check, invalid, readIdempotencyKey } from '../input.ts';
import { problem } from '../problem.ts';
import { respond } from '../respond.ts';
import { route, type Route } from '../route.ts';
import { listTranscripts } from '../transcript-list.ts';
import { appendEntries, appendRequest, beginReading, streamEntries } from '../transcript-service.ts';

const tag = 'Transcripts';
const PROJECT = '/v1/projects/:project/transcripts';
const TRANSCRIPT = `${PROJECT}/:session`;
const NDJSON = 'application/x-ndjson';

const isEncoded = (text: string): boolean => {
  try {
    decodeURIComponent(text);
    return true;
  } catch {
    return false;
  }
};

/** The path and the query as they came. No URL is made of them, since the host may be none that one can have. */
function addressOf({ url }: AppContext['req']): [path: string, query: string] {
  const target = url.slice(url.indexOf('/', url.indexOf('//') + 2));
  const mark = target.indexOf('?');
  return mark < 0 ? [target, ''] : [target.slice(0, mark), target.slice(mark + 1)];
}

/**
 * Refuses what is no percent-encoded UTF-8. Hono hands it on as it came, and `%FF` would be the name that
 * `%25FF` is.
 */
function checkEncoding(c: AppContext): Result<null> {
  const [path, query] = addressOf(c.req);
  const [, , , project = '', , session = ''] = path.split('/');
  const parameters = query.split('&');
  const pairs = parameters.map((pair): [string, string] => [pair.split('=', 1)[0] ?? '', pair]);
  const bad = [['project', project], ['session', session], ...pairs].find(
    ([, text = '']) => !isEncoded(text),
  );
  return bad === undefined ? ok(null) : invalid(bad[0] ?? '', 'Must be UTF-8, percent-encoded');
}

/** A name in the path, decoded. */
function nameIn(c: AppContext, parameter: 'project' | 'session'): Result<string> {
  const encoding = checkEncoding(c);
  if (!encoding.ok) return encoding;
  const name = check(Name, c.req.param(parameter) ?? '');
  if (name.ok) return name;
  return fail('invalid_request', `Not valid: ${parameter}.`, {
    errors: (name.error.errors ?? []).map(({ message }) => ({ path: parameter, message })),
  });
}

function transcriptIn(c: AppContext): Result<TranscriptName> {
  const project = nameIn(c, 'project');
  if (!project.ok) return project;
  const session = nameIn(c, 'session');
  return session.ok ? ok({ project: project.value, session: session.value }) : session;
}

/** Deletes a transcript, or one of its subpaths. */
async function remove(c: AppContext, subpath: string | null): Promise<Response> {
  const name = transcriptIn(c);
  if (!name.ok) return problem(c, name.error);
  const removed = await objectsOf(c).transcript(name.value, 'repeatable', async (transcript) => {
    await transcript.delete(subpath);
    return ok(null);
  });
  return removed.ok ? respond(c, null, 204, {}) : problem(c, removed.error);
}

export const transcriptRoutes: readonly Route[] = [
  route({
    method: 'POST',
    path: `${TRANSCRIPT}/entries`,
    scope: 'transcripts:write',
    tag,
    summary: 'Append entries to a transcript',
    maxBodyBytes: MAX_APPEND_BODY_BYTES,
    headers: ['Idempotency-Key'],
    body: { schema: AppendEntries, required: true },
    query: AppendQuery,
    answers: { 200: { description: 'Appended, but for entries that were there.', schema: AppendResult } },
    errors: ['conflict', 'idempotency_key_reused'],
    async handle(c, { body, query }) {
      if (query.touch !== undefined && !c.get('principal').scopes.has('sessions:write'))
        return problem(c, { code: 'forbidden', detail: 'touch needs the scope sessions:write.' });
      const key = readIdempotencyKey(c);
      if (!key.ok) return problem(c, key.error);
      const name = transcriptIn(c);
      if (!name.ok) return problem(c, name.error);
      const bytes = new Uint8Array(await c.req.arrayBuffer());
      const request = await appendRequest(name.value, query.subpath, body, bytes, key.value);
      if (!request.ok) return problem(c, request.error);
      return answer(c, await appendEntries(objectsOf(c), request.value, query.touch));
    },
  }),
  route({
    method: 'GET',
    path: `${TRANSCRIPT}/entries`,
    scope: 'transcripts:read',
    tag,
    summary: 'Read the entries of a transcript, in order',
    query: ReadQuery,
    answers: {
      200: {
        description: 'One entry a line. `Berth-Total` says how many there are in all.',
        schema: Entry,
        mediaType: NDJSON,
      },
    },
    errors: ['transcript_not_found'],
    async handle(c, { query }) {
      const name = transcriptIn(c);
      if (!name.ok) return problem(c, name.error);
      const objects = objectsOf(c);
      const begun = await beginReading(objects, name.value, query.subpath, query.after);
      if (!begun.ok) return problem(c, begun.error);
      return respond(c, streamEntries(objects, name.value, begun.value), 200, {
        'Content-Type': NDJSON,
        'Berth-Total': String(begun.value.reading.total),
      });
    },
  }),
  route({
    method: 'DELETE',
    path: `${TRANSCRIPT}/entries`,
    scope: 'transcripts:write',
    tag,
    summary: 'Delete one subpath of a transcript',
    query: DeleteSubpathQuery,
    answers: { 204: { description: 'It is gone, or never was.' } },
    errors: [],
    handle: (c, { query }) => remove(c, query.subpath),
  }),
  route({
    method: 'GET',
    path: `${TRANSCRIPT}/subpaths`,
    scope: 'transcripts:read',
    tag,
    summary: 'List the subpaths of a transcript',
    query: NoQuery,
    answers: { 200: { description: 'Those that were written.', schema: SubpathList } },
    errors: [],
    async handle(c) {
      const name = transcriptIn(c);
      if (!name.ok) return problem(c, name.error);
      return answer(
        c,
        await objectsOf(c).transcript(name.value, 'repeatable', async (transcript) =>
          ok({ data: await transcript.subpaths() }),
        ),
      );
    },
  }),
  route({
    method: 'DELETE',
    path: TRANSCRIPT,
    scope: 'transcripts:write',
    tag,
    summary: 'Delete a transcript with all its subpaths',
    query: NoQuery,
    answers: { 204: { description: 'It is gone, or never was.' } },
    errors: [],
    handle: (c) => remove(c, null),
  }),
  route({
    method: 'GET',
    path: PROJECT,
    scope: 'transcripts:read',
    tag,
    summary: 'List the transcripts of a project, last changed first',
    query: TranscriptListQuery,
    answers: { 200: { description: 'A page of transcripts.', schema: TranscriptPage } },
    errors: [],
    async handle(c, { query }) {
      const project = nameIn(c, 'project');
      if (!project.ok) return problem(c, project.error);
      return answer(c, await listTranscripts(objectsOf(c), project.value, query.limit, query.cursor));
    },
  }),
];
