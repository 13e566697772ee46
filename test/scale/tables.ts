/**
 * The tables of docs/scale.md, from the models.
 *
 * @module
 */
import {
  ASSUMED,
  MONTHS,
  STEPS,
  billOf,
  quantitiesOf,
  reportsOf,
  serversFor,
  useOf,
  type Bill,
  type Quantities,
  type Use,
} from './cost-model.ts';
import { SIZES, loadAt, sessionsWithinBound } from './report-load.ts';

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map((_, i) => (i === 0 ? '---' : '--:'))), ...rows.map(line)].join('\n');
}

const whole = (value: number): string => Math.round(value).toLocaleString('en-US');

/** Three digits that mean something: 6.75, 12.5, 221, 27,100. */
const three = (value: number): string =>
  Number(value.toPrecision(3)).toLocaleString('en-US', { maximumFractionDigits: 2 });

/** 2.78 M, 27.1 bn. */
function many(value: number): string {
  if (value >= 1e9) return `${three(value / 1e9)} bn`;
  if (value >= 1e6) return `${three(value / 1e6)} M`;
  return three(value);
}

const dollars = (value: number): string => (value < 0.005 ? '–' : `$${three(value)}`);

/** What reports cost the registry, by the number of sessions. */
function reports(): string {
  const hour = 3_600_000;
  return table(
    ['active sessions', 'interval', 'calls a second', 'busiest minute', 'calls a session and hour'],
    SIZES.map((active) => {
      const { intervalMs, perSecond, busiestMinutePerSecond } = loadAt(active, hour);
      const past = active > sessionsWithinBound(hour) ? ' (past the bound)' : '';
      return [
        `${whole(active)}${past}`,
        `${whole(intervalMs / 1_000)} s`,
        three(perSecond),
        three(busiestMinutePerSecond),
        three((perSecond * 3_600) / active),
      ];
    }),
  );
}

/** What one session costs, step by step. */
function session(): string {
  const row = (name: string, use: Use, times: number): string[] => [
    name,
    three(times),
    three(use.requests * times),
    three(use.written * times),
    three(use.read * times),
  ];
  const one = useOf(ASSUMED, 1);
  return table(
    ['step', 'times', 'requests', 'rows written', 'rows read'],
    [
      row('create', STEPS.create, 1),
      row('link', STEPS.link, 1),
      row('touch', STEPS.touch, ASSUMED.touches),
      row('its report', STEPS.report, reportsOf(ASSUMED, 1)),
      row('append of 4 entries', STEPS.append, ASSUMED.appends),
      row('the transcript’s tables', STEPS.firstAppend, 1),
      row('its project hears of it', STEPS.tell, ASSUMED.appends),
      row('end', STEPS.end, ASSUMED.ended),
      row('or expiry', STEPS.expire, 1 - ASSUMED.ended),
      row('alarms of the registry', STEPS.registryAlarm, 3),
      row('forgotten after a day', STEPS.forget, 1),
      row('its transcript after a month', STEPS.forgetTranscript, 1),
      ['**together**', '', three(one.requests), three(one.written), three(one.read)],
    ],
  );
}

const PARTS: readonly (readonly [part: keyof Bill & keyof Quantities, name: string])[] = [
  ['written', 'rows written'],
  ['storage', 'GB stored (estimate)'],
  ['objectRequests', 'requests of objects'],
  ['workerRequests', 'requests of the Worker'],
  ['gbSeconds', 'GB-seconds of objects (estimate)'],
  ['workerCpuMs', 'ms of the Worker’s CPU (estimate)'],
  ['read', 'rows read'],
  ['logLines', 'log lines, if all are kept (estimate)'],
];

/** What sessions cost a month. */
function month(): string {
  const bills = MONTHS.map((it) => billOf(it));
  const quantities = MONTHS.map((it) => quantitiesOf(it));
  return table(
    ['a month', ...MONTHS.map(({ sessions }) => `${many(sessions)} sessions`)],
    [
      ['tenants', ...MONTHS.map(({ tenants }) => whole(tenants))],
      ['active at once, on average', ...quantities.map(({ active }) => whole(active))],
      ...PARTS.map(([part, name]) =>
        [name].concat(bills.map((bill, i) => `${many(quantities[i]?.[part] ?? 0)}: ${dollars(bill[part])}`)),
      ),
      ['the plan', ...bills.map(({ plan }) => dollars(plan))],
      ['**together**', ...bills.map(({ total }) => `**${dollars(total)}**`)],
      [
        'a thousand sessions',
        ...bills.map(({ total }, i) => dollars((total / (MONTHS[i]?.sessions ?? 1)) * 1_000)),
      ],
    ],
  );
}

/** The same on a pair of servers with a managed Redis. */
function servers(): string {
  const all = MONTHS.map((it) => serversFor(it));
  return table(
    ['a month (all estimates)', ...MONTHS.map(({ sessions }) => `${many(sessions)} sessions`)],
    [
      ['servers', ...all.map((it) => `${it.servers}: ${dollars(it.serversCost)}`)],
      ['load balancer', ...all.map(({ balancer }) => dollars(balancer))],
      ['managed Redis', ...all.map((it) => `${it.redis}: ${dollars(it.redisCost)}`)],
      ['transcripts in object storage', ...all.map(({ transcripts }) => dollars(transcripts))],
      ['**together**', ...all.map(({ total }) => `**${dollars(total)}**`)],
      ['Berth', ...MONTHS.map((it) => dollars(billOf(it).total))],
    ],
  );
}

/** By the name that stands in the document. */
export const TABLES = { reports, session, month, servers } as const;

/** What stands around a table in the document. */
export const markersOf = (name: string): readonly [begin: string, end: string] => [
  `<!-- begin: npm run scale-tables, ${name} -->`,
  `<!-- end: ${name} -->`,
];

/** What stands between the markers of a table in a document. */
export function between(document: string, name: string): string {
  const [begin, end] = markersOf(name);
  const found = document.split(begin)[1]?.split(end)[0];
  if (found === undefined) throw new Error(`The document has no place for ${name}`);
  return found;
}

/** What stands in the cells of a table, whatever their widths. */
export const cellsOf = (text: string): readonly (readonly string[])[] =>
  text
    .trim()
    .split('\n')
    .filter((line) => !/^[|: -]+$/.test(line))
    .map((line) => line.split('|').map((cell) => cell.trim()));
