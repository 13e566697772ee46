/**
 * What the runner knows of a benchmark.
 *
 * @module
 */

export interface BenchmarkOptions {
  /** Whether it is only to be seen that it works, in a few seconds. */
  readonly smoke: boolean;
  /** Tells whoever waits what is going on. */
  readonly say: (text: string) => void;
  /** Puts a chart beside the document, where results are written down. */
  readonly draw: (file: string, svg: string) => Promise<void>;
}

export interface Benchmark {
  /** What it is called by, on the command line and in the markers of the document. */
  readonly name: string;
  /** Starts what it needs, measures in one run, stops it. Answers its results as Markdown. */
  run(options: BenchmarkOptions): Promise<string>;
}
