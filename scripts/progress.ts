/**
 * How far a long work has come: a bar on a terminal, a line for each step elsewhere.
 *
 * @module
 */
const BAR_WIDTH = 24;
/** More often than this, a bar flickers. */
const REDRAW_MS = 100;
/** The width of terminals that don't say. */
const UNKNOWN_WIDTH = 80;

export class Progress {
  readonly #total: number;
  readonly #out: NodeJS.WriteStream;
  #done = 0;
  #drawnAt = 0;

  constructor(total: number, out: NodeJS.WriteStream = process.stderr) {
    this.#total = total;
    this.#out = out;
  }

  /** Shows what is being done. Only on a terminal: it is not the end of anything. */
  show(text: string): void {
    if (!this.#out.isTTY || Date.now() - this.#drawnAt < REDRAW_MS) return;
    this.#draw(text);
  }

  /** A step is done. */
  step(text: string): void {
    this.#done += 1;
    if (this.#out.isTTY) this.#draw(text);
    else this.#out.write(`${this.#done}/${this.#total} ${text}\n`);
  }

  /** Leaves the bar as it stands. */
  end(): void {
    if (this.#out.isTTY && this.#drawnAt > 0) this.#out.write('\n');
  }

  #draw(text: string): void {
    this.#drawnAt = Date.now();
    const filled = Math.round((BAR_WIDTH * this.#done) / Math.max(1, this.#total));
    const bar = '█'.repeat(filled) + '░'.repeat(BAR_WIDTH - filled);
    const line = `${bar} ${this.#done}/${this.#total} ${text}`;
    // Cut to the terminal's width: a line that wraps can't be drawn over.
    this.#out.write(`\r\u001b[2K${line.slice(0, (this.#out.columns || UNKNOWN_WIDTH) - 1)}`);
  }
}
