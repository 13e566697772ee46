/**
 * A soak as Markdown.
 *
 * @module
 */
import { table } from '../bench/support/markdown.ts';
import type { World } from './conversation.ts';
import type { Crowd } from './crowd.ts';
import { requestsOf, type Kept } from './promises.ts';
import type { Sample } from './sampler.ts';
import type { Counts } from './tally.ts';
import { lateSlope, MAX_GROWTH, median, ofFifth } from './trend.ts';

const SECONDS_PER_HOUR = 3_600;

const figure = (value: number): string => value.toLocaleString('en', { maximumFractionDigits: 0 });

/** The time that a share of the requests took at most. */
function quantile(times: readonly number[], share: number): string {
  const sorted = times.toSorted((a, b) => a - b);
  const value = sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))];
  return value === undefined ? '' : value.toFixed(value < 10 ? 1 : 0);
}

/** What was asked for. */
export function calls({ tally }: World, { tookMs }: Crowd): string {
  const seconds = tookMs / 1_000;
  return table(
    ['call', 'calls', 'requests a second', 'repeated', 'refused', 'ms, median', 'ms, p99'],
    [...tally.kinds]
      .toSorted(([, a], [, b]) => b.calls - a.calls)
      .map(([kind, counts]) => callRow(kind, counts, seconds)),
  );
}

function callRow(kind: string, { calls: made, requests, answers, times }: Counts, seconds: number): string[] {
  const refused = [...answers]
    .filter(([answer]) => answer.includes(' '))
    .reduce((sum, [, count]) => sum + count, 0);
  return [
    kind,
    figure(made),
    (requests / seconds).toFixed(1),
    figure(requests - made),
    figure(refused),
    quantile(times, 0.5),
    quantile(times, 0.99),
  ];
}

/** What was answered. */
export function answersOf({ tally }: World): string {
  const sums = new Map<string, number>();
  for (const { answers } of tally.kinds.values())
    for (const [answer, count] of answers) sums.set(answer, (sums.get(answer) ?? 0) + count);
  return table(
    ['answer', 'times'],
    [...sums].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([answer, count]) => [answer, figure(count)]),
  );
}

/** What the server held. */
export function held(samples: readonly Sample[], { amounts }: World): string {
  const perMinute = 60_000 / amounts.sampleMs;
  const row = (name: string, of: (sample: Sample) => number): string[] => {
    const series = samples.map(of);
    return [
      name,
      ...([1, 3, 5] as const).map((fifth) => figure(ofFifth(series, fifth))),
      (lateSlope(series) * perMinute).toFixed(1),
    ];
  };
  return table(
    ['median of', 'the first fifth', 'the third', 'the last', 'growth a minute over the last half'],
    [
      row('memory of workerd, MB', ({ workerdMb }) => workerdMb),
      row('memory of the process that starts it, MB', ({ serveMb }) => serveMb),
      row('open sockets', ({ descriptors }) => descriptors.sockets),
      row('open files of objects', ({ descriptors }) => descriptors.databases),
      row('other open files', ({ descriptors }) => descriptors.others),
    ],
  );
}

/** How small a leak would have been seen: what memory may grow by, over what lies between the fifths compared. */
export function sensitivity(samples: readonly Sample[], { tally, book, amounts }: World): string {
  const third = ofFifth(
    samples.map(({ workerdMb }) => workerdMb),
    3,
  );
  const between = 0.4;
  const allowance = (MAX_GROWTH - 1) * third * 2 ** 20;
  const bytes = (count: number): string => figure(allowance / (between * count));
  return `Over the ${figure((between * amounts.loadMs) / 1_000)} s between the fifths that are compared, a leak of ${bytes(requestsOf(tally))} bytes a request, or of ${bytes(book.fates.size)} bytes a session, would have been too much.`;
}

export function kept(promises: readonly Kept[]): string {
  return promises
    .map(({ what, held: was, seen }) => `- ${was ? '' : '**BROKEN** '}**${what}**: ${seen}`)
    .join('\n');
}

export function summary({ tally, book }: World, { visits, tookMs }: Crowd): string {
  const requests = requestsOf(tally);
  const times = [...tally.kinds.values()].flatMap((counts) => counts.times);
  return [
    `As many requests as ${figure(requests / SECONDS_PER_HOUR)} a second make in an hour: ${figure(requests)} in ${figure(tookMs / 1_000)} s, ${figure(median(times))} ms each in the median, for ${figure(book.fates.size)} sessions:`,
    `${figure(book.ends)} were ended, ${figure(book.expiries)} times one expired, ${figure(book.resumed)} times one came back,`,
    `${figure(tally.turnedAway)} times there was no room. ${figure(visits.polite)} viewers came and went, ${figure(visits.rude)} were cut off`,
    `without a word, ${figure(tally.abandoned)} requests were given up before they were answered.`,
  ].join(' ');
}
