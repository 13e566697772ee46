/**
 * A day in small: plays the life of some sessions against a running server, and prints what the registry
 * says at each step. `npm run demo -- --url http://localhost:8787`; `BERTH_TOKEN` is sent as bearer token.
 *
 * @module
 */
import { parseArgs } from 'node:util';
import type { Session } from '../src/contract/session.ts';
import { api, valueOf, type Api } from './api.ts';
import { Stage } from './demo-stage.ts';

const DEFAULT_URL = 'http://localhost:8787';
/** How many sessions fit while the day lasts. */
const ROOM = 4;
/** The timeout of sessions that shall fall idle, and of those that shall not. */
const SHORT_TIMEOUT_MS = 5_000;
const LONG_TIMEOUT_MS = 60_000;
/** What a shell expects of a program that Ctrl-C ended. */
const INTERRUPTED = 130;

// A number stays on the line of its unit.
const seconds = (milliseconds: number): string => `${milliseconds / 1_000}\u00a0s`;

async function opening(stage: Stage): Promise<void> {
  await stage.tell('The registry as it is found.');
  const { found, ours } = await stage.leaveRoomFor(ROOM);
  await stage.tell(
    `Room is left for ${ROOM} sessions: the limit goes from ${found} to ${ours} until the end.`,
  );
}

/** Sessions begin, and are worked in. */
async function morning(stage: Stage): Promise<{ docs: Session; tests: Session }> {
  const [long, short] = [{ sessionTimeoutMs: LONG_TIMEOUT_MS }, { sessionTimeoutMs: SHORT_TIMEOUT_MS }];
  const review = await stage.create('review', { ...long, model: 'claude-opus-5', permissionMode: 'plan' });
  const docs = await stage.create('docs', { ...short, model: 'claude-sonnet-5' });
  const tests = await stage.create('tests', { ...short, model: 'claude-haiku-5' });
  await stage.tell(
    `Three are created: review, which may be idle for ${seconds(LONG_TIMEOUT_MS)}, and docs and tests, ` +
      `which may for ${seconds(SHORT_TIMEOUT_MS)}.`,
  );

  valueOf(await stage.touch(review, 3));
  valueOf(await stage.touch(docs, 2));
  await stage.tell('review has 3 messages and docs 2. That is no news to the registry yet.');

  await stage.link(review);
  const linked = await stage.link(docs);
  await stage.tell('Both are linked to a conversation of Claude, which they do report, messages and all.');
  return { docs: linked, tests };
}

/** More is asked for than there is room for. */
async function noon(stage: Stage): Promise<void> {
  const long = { sessionTimeoutMs: LONG_TIMEOUT_MS };
  const triage = await stage.create('triage', { ...long, model: 'claude-haiku-5' });
  await stage.tell('triage is created, and takes the last slot.');

  const refused = await stage.request('release', long);
  if (refused.ok) throw new Error('There is room after all: is someone else at work here?');
  const { status, problem, retryAfterS } = refused;
  await stage.tell(`release is refused: ${status} ${problem.code}. Retry-After: ${retryAfterS}\u00a0s.`);

  await stage.end(triage);
  await stage.tell('triage is ended. Its slot is free at once.');

  await stage.create('release', { ...long, model: 'claude-sonnet-5' });
  await stage.tell('release is created now, in that slot.');
}

/** What nobody touches expires, and can be resumed. */
async function afternoon(stage: Stage, docs: Session, tests: Session): Promise<void> {
  await stage.idle([docs, tests]);
  await stage.tell('Nobody touches docs and tests any more: both have expired, by themselves.');

  const late = await stage.touch(docs, 1);
  if (late.ok) throw new Error('An expired session was touched back to life.');
  await stage.tell(`A late touch of docs is refused: ${late.status} ${late.problem.code}.`);

  const { messageCount, claudeSessionId } = await stage.resume(docs);
  const conversation =
    claudeSessionId === docs.claudeSessionId ? 'its conversation' : 'LOST its conversation';
  await stage.tell(
    `docs is resumed, which takes a slot. It has ${messageCount} messages and ${conversation}.`,
  );
}

async function evening(stage: Stage): Promise<void> {
  await stage.tell('The day is over: what was active is ended, and the limit is as it was.');
  console.log(
    '\nThe last four columns count since the registry began. Mere activity reaches it now and then, all\n' +
      'else at once. What is kept of the day, to be read for as long as the server retains it:\n',
  );
  await stage.tellWhatIsKept();
}

/** Plays the day, and leaves the limit as it was, come what may. */
async function play(stage: Stage): Promise<void> {
  try {
    await opening(stage);
    const { docs, tests } = await morning(stage);
    await noon(stage);
    await afternoon(stage, docs, tests);
  } finally {
    await stage.tidy();
  }
  await evening(stage);
}

/**
 * Makes sure that it is Berth that answers.
 *
 * @returns its version.
 */
async function greet(server: Api, url: string): Promise<string> {
  const hint = 'Start it with `npm start`, or say where it is: npm run demo -- --url http://HOST:PORT';
  const health = await server
    .call<{ readonly ok?: unknown; readonly version?: unknown }>('GET', '/healthz')
    .catch((cause: unknown) => {
      // An answer that is no JSON is one all the same.
      if (cause instanceof SyntaxError) return null;
      throw new Error(`Berth does not answer at ${url}.\n${hint}`, { cause });
    });
  if (!health?.ok || health.value.ok !== true)
    throw new Error(`What answers at ${url} is not Berth.\n${hint}`);
  return String(health.value.version);
}

async function main(interrupted: AbortSignal): Promise<void> {
  const { values } = parseArgs({ options: { url: { type: 'string', default: DEFAULT_URL } } });
  const url = values.url.replace(/\/+$/, '');
  const server = api(url, process.env['BERTH_TOKEN']);
  const version = await greet(server, url);
  console.log(`Berth ${version} at ${url}: a day in small.\n`);
  await play(new Stage(server, interrupted));
}

const interruption = new AbortController();
// The step that is under way ends first; then all is put back. Asking again makes it no faster.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => interruption.abort());
try {
  await main(interruption.signal);
} catch (error) {
  if (interruption.signal.aborted && error === interruption.signal.reason) {
    console.log('\nInterrupted. What was active is ended, and the limit is as it was.');
    process.exitCode = INTERRUPTED;
  } else {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 1;
  }
}
