/**
 * A chart of minutes: uPlot with the page's colours.
 *
 * @module
 */
import UPlot from 'uplot';
import { minuteTime } from './format.ts';

export interface Line {
  readonly label: string;
  /** The name of a custom property. */
  readonly colour: string;
  readonly filled?: boolean;
}

/** Charts of one page share a cursor. */
const SYNC_KEY = 'minutes';

function colour(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

function axis(size: number): UPlot.Axis {
  const font = `11px ${getComputedStyle(document.body).fontFamily}`;
  return {
    stroke: colour('--muted'),
    font,
    size,
    grid: { stroke: colour('--line'), width: 1 },
    ticks: { show: false },
  };
}

/** Makes a chart in an element, as large as that is. `onCursor` gets the index of the minute, or null. */
export function plot(
  element: HTMLElement,
  lines: readonly Line[],
  data: UPlot.AlignedData,
  onCursor: (index: number | null) => void,
): UPlot {
  const options: UPlot.Options = {
    width: element.clientWidth,
    height: element.clientHeight,
    padding: [8, 22, 0, 0],
    legend: { show: false },
    cursor: {
      sync: { key: SYNC_KEY, setSeries: false },
      drag: { x: false, y: false },
      points: { size: 7 },
      y: false,
      // On the minute whose values are read.
      move: (chart, left, top) => {
        const minute = chart.data[0][chart.posToIdx(left)];
        return [left < 0 || minute === undefined ? left : chart.valToPos(minute, 'x'), top];
      },
    },
    scales: { y: { range: (_, __, max) => [0, Math.max(4, max * 1.1)] } },
    axes: [
      { ...axis(28), space: 72, values: (_, times) => times.map((time) => minuteTime(time * 1_000)) },
      {
        ...axis(44),
        space: 26,
        incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1e3, 2e3, 5e3, 1e4, 2e4, 5e4, 1e5, 1e6],
      },
    ],
    series: [
      {},
      ...lines.map(({ label, colour: name, filled = false }) => {
        const stroke = colour(name);
        return {
          label,
          stroke,
          width: 1.75,
          points: { show: false },
          ...(filled ? { fill: `${stroke}22` } : {}),
        };
      }),
    ],
    hooks: { setCursor: [({ cursor }) => onCursor(cursor.idx ?? null)] },
  };
  return new UPlot(options, data, element);
}
