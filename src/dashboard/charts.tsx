/**
 * What happened, minute by minute, with a cursor that reads the values.
 *
 * @module
 */
import { useEffect, useRef } from 'preact/hooks';
import type UPlot from 'uplot';
import type { SeriesMinute } from '../contract/registry.ts';
import { count, minuteTime } from './format.ts';
import { plot, type Line } from './plot.ts';
import { cursor, lookBack, range, RANGES, series } from './series.ts';

type Field = Exclude<keyof SeriesMinute, 'minute'>;

interface Chart {
  readonly title: string;
  readonly lines: readonly (Line & { readonly field: Field })[];
}

const CHARTS: readonly Chart[] = [
  { title: 'Active', lines: [{ field: 'active', label: 'active', colour: '--accent', filled: true }] },
  {
    title: 'Sessions a minute',
    lines: [
      { field: 'created', label: 'created', colour: '--created' },
      { field: 'ended', label: 'ended', colour: '--ended' },
      { field: 'expired', label: 'expired', colour: '--expired' },
      { field: 'rejected', label: 'refused', colour: '--danger' },
    ],
  },
  {
    title: 'Messages a minute',
    lines: [{ field: 'messages', label: 'messages', colour: '--messages', filled: true }],
  },
];

const scheme = matchMedia('(prefers-color-scheme: dark)');

function dataOf(minutes: readonly SeriesMinute[], { lines }: Chart): UPlot.AlignedData {
  return [
    minutes.map(({ minute }) => Date.parse(minute) / 1_000),
    ...lines.map(({ field }) => minutes.map((it) => it[field])),
  ];
}

/** The values under the cursor, or the latest ones. */
function Readings({ chart }: { readonly chart: Chart }) {
  const at = series.value[cursor.value ?? series.value.length - 1];
  return (
    <ul class="readings">
      {chart.lines.map(({ field, label, colour }) => (
        <li key={field}>
          <i class={colour.slice(2)} aria-hidden="true" />
          {label} <b>{at === undefined ? '–' : count(at[field])}</b>
        </li>
      ))}
    </ul>
  );
}

function Plot({ chart }: { readonly chart: Chart }) {
  const place = useRef<HTMLDivElement>(null);
  const made = useRef<UPlot | null>(null);
  useEffect(() => {
    const element = place.current;
    if (element === null) return undefined;
    const make = (): void => {
      made.current?.destroy();
      made.current = plot(element, chart.lines, dataOf(series.peek(), chart), (index) => {
        cursor.value = index;
      });
    };
    make();
    const observer = new ResizeObserver(() => {
      made.current?.setSize({ width: element.clientWidth, height: element.clientHeight });
    });
    observer.observe(element);
    scheme.addEventListener('change', make);
    const stop = series.subscribe((minutes) => made.current?.setData(dataOf(minutes, chart)));
    const move = cursor.subscribe((index) => moveCursor(made.current, index));
    return () => {
      stop();
      move();
      scheme.removeEventListener('change', make);
      observer.disconnect();
      made.current?.destroy();
      made.current = null;
    };
  }, [chart]);
  return <div class="plot" ref={place} />;
}

/** Follows the arrow keys. The mouse has moved it already. */
function moveCursor(chart: UPlot | null, index: number | null): void {
  if (chart === null || (chart.cursor.idx ?? null) === index) return;
  const left = index === null ? -10 : chart.valToPos(chart.data[0][index] ?? 0, 'x');
  chart.setCursor({ left, top: index === null ? -10 : 10 }, false);
}

function moveBy(event: KeyboardEvent): void {
  const last = series.value.length - 1;
  const at = cursor.value ?? last;
  const goal = { ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: last }[event.key];
  if (event.key === 'Escape') cursor.value = null;
  if (goal === undefined || last < 0) return;
  event.preventDefault();
  cursor.value = Math.max(0, Math.min(last, goal));
}

export function Charts() {
  const at = cursor.value === null ? undefined : series.value[cursor.value];
  return (
    <section class="card charts" aria-labelledby="charts-title">
      <div class="head">
        <h2 id="charts-title">Over time</h2>
        <p class="at">{at === undefined ? 'this minute' : minuteTime(Date.parse(at.minute))}</p>
        <div class="segments" role="group" aria-label="How far to look back">
          {RANGES.map(({ minutes, label }) => (
            <button
              key={minutes}
              type="button"
              aria-pressed={range.value === minutes}
              onClick={() => lookBack(minutes)}
            >
              {label}
            </button>
          ))}
        </div>
      </div>
      <div
        class="plots"
        role="group"
        tabIndex={0}
        aria-label="Charts. The left and right arrow keys read them minute by minute."
        onKeyDown={moveBy}
        onBlur={() => {
          cursor.value = null;
        }}
      >
        {CHARTS.map((chart) => (
          <figure key={chart.title}>
            <figcaption>
              {chart.title}
              <Readings chart={chart} />
            </figcaption>
            <Plot chart={chart} />
          </figure>
        ))}
      </div>
      <p class="sr" role="status">
        {at !== undefined &&
          `${minuteTime(Date.parse(at.minute))}: ${at.active} active, ${at.created} created, ${at.ended} ended, ${at.expired} expired, ${at.rejected} refused, ${at.messages} messages`}
      </p>
    </section>
  );
}
