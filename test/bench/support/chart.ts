/**
 * Charts for the documents, as SVG. They stand on white, so that they can be read whatever the colours around
 * them are.
 *
 * @module
 */
import { BarChart, CustomChart, LineChart } from 'echarts/charts';
import {
  GridComponent,
  LegendComponent,
  MarkLineComponent,
  TitleComponent,
  type GridComponentOption,
} from 'echarts/components';
import { init, use, type ComposeOption } from 'echarts/core';
import { SVGRenderer } from 'echarts/renderers';
import type { BarSeriesOption, CustomSeriesOption, LineSeriesOption } from 'echarts/charts';
import type { LegendComponentOption, TitleComponentOption } from 'echarts/components';
import type { Spread } from './interleaved.ts';

type Option = ComposeOption<
  | BarSeriesOption
  | LineSeriesOption
  | CustomSeriesOption
  | GridComponentOption
  | LegendComponentOption
  | TitleComponentOption
>;
type AnySeries = BarSeriesOption | LineSeriesOption | CustomSeriesOption;

use([
  BarChart,
  LineChart,
  CustomChart,
  GridComponent,
  LegendComponent,
  TitleComponent,
  MarkLineComponent,
  SVGRenderer,
]);

/** As wide as a document on GitHub shows it without scaling. */
const WIDTH_PX = 840;
const HEIGHT_PX = 420;
/** Half the width of the bar at the end of a whisker. */
const WHISKER_CAP_PX = 4;

const BACKGROUND = '#ffffff';
const TEXT = '#1f2328';
const MUTED = '#59636e';
const LINES = '#d1d9e0';
/** Told apart by people who see no red or no green: Okabe and Ito's. */
const COLORS = ['#0072b2', '#e69f00', '#009e73', '#cc79a7', '#d55e00', '#56b4e9', '#000000'];
const SYMBOLS = ['circle', 'rect', 'triangle', 'diamond', 'roundRect', 'pin'];
const FONT = 'system-ui, -apple-system, Helvetica, Arial, sans-serif';

/** What was measured of one thing, by category; null where there is nothing. */
export interface ChartSeries {
  readonly name: string;
  readonly values: readonly (Spread | null)[];
}

export interface ChartOptions {
  readonly title: string;
  /** A line below it: what is good, or what the whiskers are. */
  readonly subtitle?: string;
  /** Along the horizontal axis. */
  readonly categories: readonly string[];
  readonly xName?: string;
  readonly yName: string;
  /** The medians; whiskers go from the least to the most. */
  readonly series: readonly ChartSeries[];
  /** Horizontal lines to compare with, such as a target. */
  readonly references?: readonly { readonly at: number; readonly label: string }[];
  /** Where the vertical axis ends. Default: where the data do. */
  readonly yMax?: number;
  readonly logarithmic?: boolean;
}

/** Groups of bars, one a series, with whiskers. */
export function barChart(options: ChartOptions): string {
  return render(options, (data): BarSeriesOption => ({ type: 'bar', data, barGap: '10%' }));
}

/** Lines over categories such as sizes, with whiskers. */
export function lineChart(options: ChartOptions): string {
  return render(options, (data, i): LineSeriesOption => ({
    type: 'line',
    data,
    symbol: SYMBOLS[i % SYMBOLS.length] ?? 'circle',
    symbolSize: 9,
    lineStyle: { width: 2 },
  }));
}

function render(
  options: ChartOptions,
  shape: (data: (number | null)[], i: number) => BarSeriesOption | LineSeriesOption,
): string {
  const chart = init(null, null, { renderer: 'svg', ssr: true, width: WIDTH_PX, height: HEIGHT_PX });
  const series = options.series.flatMap(({ name, values }, i): AnySeries[] => [
    {
      ...shape(
        values.map((value) => value?.median ?? null),
        i,
      ),
      name,
      // Named, since the whiskers would take every second one.
      color: COLORS[i % COLORS.length] ?? TEXT,
      ...(i === 0 ? { markLine: referencesOf(options) } : {}),
    },
    whiskers(values, options.series.length, i, 'barGap' in shape([], i)),
  ]);
  chart.setOption({ ...frame(options), series } satisfies Option);
  const svg = chart.renderToSVGString();
  chart.dispose();
  return `${svg}\n`;
}

function referencesOf({ references = [] }: ChartOptions): NonNullable<LineSeriesOption['markLine']> {
  return {
    silent: true,
    symbol: 'none',
    lineStyle: { color: MUTED, type: 'dashed', width: 1 },
    data: references.map(({ at, label }) => ({
      yAxis: at,
      label: { formatter: label, position: 'insideEndTop', color: MUTED },
    })),
  };
}

/** From the least to the most of each value, over its bar or its point. */
function whiskers(
  values: readonly (Spread | null)[],
  of: number,
  place: number,
  bars: boolean,
): CustomSeriesOption {
  return {
    type: 'custom',
    silent: true,
    z: 10,
    data: values.flatMap((value, i) => (value === null ? [] : [[i, value.min, value.max]])),
    encode: { x: 0, y: [1, 2] },
    renderItem(_, api) {
      const [center = 0, low = 0] = api.coord([api.value(0), api.value(1)]);
      const [, high = 0] = api.coord([api.value(0), api.value(2)]);
      const layout = api.barLayout({ count: of, barGap: '10%' })?.[place];
      const x = center + (bars ? (layout?.offsetCenter ?? 0) : 0);
      const style = { stroke: TEXT, lineWidth: 1 };
      const line = (x1: number, y1: number, x2: number, y2: number) =>
        ({ type: 'line', shape: { x1, y1, x2, y2 }, style }) as const;
      return {
        type: 'group',
        children: [
          line(x, low, x, high),
          ...[low, high].map((y) => line(x - WHISKER_CAP_PX, y, x + WHISKER_CAP_PX, y)),
        ],
      };
    },
  };
}

/** All but the data: text, axes and colours. */
function frame(options: ChartOptions): Option {
  const axis = {
    axisLabel: { color: TEXT, interval: 0, overflow: 'break' as const },
    nameTextStyle: { color: MUTED },
    axisLine: { show: true, lineStyle: { color: MUTED } },
    nameLocation: 'middle' as const,
  };
  return {
    animation: false,
    backgroundColor: BACKGROUND,
    textStyle: { fontFamily: FONT, color: TEXT },
    title: {
      text: options.title,
      ...(options.subtitle === undefined ? {} : { subtext: options.subtitle }),
      left: 16,
      top: 12,
      textStyle: { color: TEXT, fontSize: 16 },
      subtextStyle: { color: MUTED, fontSize: 12 },
    },
    legend: {
      bottom: 10,
      // Its idea of how wide text is falls short.
      itemGap: 24,
      textStyle: { color: TEXT },
      data: options.series.map(({ name }) => name),
    },
    grid: { left: 70, right: 24, top: 78, bottom: 84 },
    xAxis: {
      ...axis,
      type: 'category',
      data: [...options.categories],
      name: options.xName ?? '',
      nameGap: 30,
      axisTick: { show: false },
    },
    yAxis: {
      ...axis,
      type: options.logarithmic === true ? 'log' : 'value',
      name: options.yName,
      nameGap: 48,
      ...(options.yMax === undefined ? {} : { max: options.yMax }),
      splitLine: { lineStyle: { color: LINES } },
    },
  };
}
