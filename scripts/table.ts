/**
 * Aligned tables for the terminal, printed row by row.
 *
 * @module
 */

export interface Column {
  readonly title: string;
  /** Characters. A cell on the left wraps between words; one on the right may stand out. */
  readonly width: number;
  readonly align: 'left' | 'right';
}

const GAP = '  ';

/** A text cut between words into lines of at most `width` characters; a longer word stays whole. */
export function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    const longer = line === '' ? word : `${line} ${word}`;
    if (longer.length > width && line !== '') {
      lines.push(line);
      line = word;
    } else {
      line = longer;
    }
  }
  return [...lines, line];
}

/** The two lines at the head of a table. */
export function head(columns: readonly Column[]): string {
  const titles = row(
    columns,
    columns.map(({ title }) => title),
  );
  const length = columns.reduce((sum, { width }) => sum + width + GAP.length, -GAP.length);
  return `${titles}\n${'─'.repeat(length)}`;
}

/** A row, of as many lines as its longest cell needs. */
export function row(columns: readonly Column[], cells: readonly string[]): string {
  const wrapped = columns.map(({ width, align }, i) => {
    const cell = cells[i] ?? '';
    return align === 'left' ? wrap(cell, width) : [cell];
  });
  const height = Math.max(...wrapped.map((lines) => lines.length));
  return Array.from({ length: height }, (_, line) =>
    columns
      .map(({ width, align }, i) => {
        const part = wrapped[i]?.[line] ?? '';
        return align === 'left' ? part.padEnd(width) : part.padStart(width);
      })
      .join(GAP)
      .trimEnd(),
  ).join('\n');
}
