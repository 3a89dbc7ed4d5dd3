/** Formats the results of benchmarks: tables of text, and ratios of rounds that were measured one after the other. Pure. */

/** One table of the report. The first column is text, and the others are formatted figures. */
export interface Table {
  readonly title: string;
  readonly columns: readonly string[];
  readonly rows: readonly (readonly string[])[];
  /** One or two sentences that explain the figures. */
  readonly note: string;
}

/** The options of a benchmark. */
export interface BenchOptions {
  /** The size of the largest simulated company. */
  readonly people: number;
  /** Prints one line of progress. */
  readonly log: (this: void, text: string) => void;
}

/** One part of `npm run bench`, which measures and returns its tables. */
export type Benchmark = (options: BenchOptions) => Promise<readonly Table[]>;

/** Renders a table as aligned Markdown with an empty line at the end. */
export function renderTable({ title, columns, rows, note }: Table): string {
  const widths = columns.map((column, index) =>
    Math.max(3, column.length, ...rows.map((row) => row[index]?.length ?? 0)),
  );
  const renderRow = (cells: readonly string[]): string => {
    const padded = widths.map((width, index) => {
      const cell = cells[index] ?? '';
      return index === 0 ? cell.padEnd(width) : cell.padStart(width);
    });
    return `| ${padded.join(' | ')} |`;
  };
  const line = widths.map((width, index) => (index === 0 ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`));
  return [`### ${title}`, '', renderRow(columns), renderRow(line), ...rows.map(renderRow), '', note, ''].join(
    '\n',
  );
}

/** Returns the value below which `share` (0 to 1) of the samples lie, interpolated. Throws where there are none. */
function percentile(samples: readonly number[], share: number): number {
  const sorted = [...samples].sort((a, b) => a - b);
  const position = (sorted.length - 1) * share;
  const below = sorted[Math.floor(position)];
  const above = sorted[Math.ceil(position)];
  if (below === undefined || above === undefined) throw new Error('A quantile needs at least one sample.');
  return below + (above - below) * (position - Math.floor(position));
}

/** Returns the median of the samples. Throws without samples. */
export function median(samples: readonly number[]): number {
  return percentile(samples, 0.5);
}

/**
 * Renders a ÷ b as `median (10th to 90th percentile)`. `a[i]` and `b[i]` were measured one after the other, so that drift of the
 * machine affects both. Throws if the numbers of rounds differ or are zero.
 */
export function renderRatio(a: readonly number[], b: readonly number[]): string {
  if (a.length !== b.length) throw new Error(`The numbers of rounds differ: ${a.length} and ${b.length}.`);
  const ratios = a.map((value, round) => value / (b[round] ?? Number.NaN));
  const [middle, low, high] = [0.5, 0.1, 0.9].map((share) => percentile(ratios, share).toFixed(2));
  return `${middle} (${low} to ${high})`;
}

/** Renders the median of milliseconds. */
export function renderMs(samples: readonly number[]): string {
  return `${median(samples).toFixed(1)} ms`;
}

/** Returns the exponent with which y grows with x: 0 does not grow, 1 grows in proportion. Least squares on logarithms. */
export function growthExponent(points: readonly { readonly x: number; readonly y: number }[]): number {
  const logs = points.map(({ x, y }) => ({ x: Math.log(x), y: Math.log(y) }));
  const mean = (values: readonly number[]): number =>
    values.reduce((total, value) => total + value, 0) / values.length;
  const meanX = mean(logs.map(({ x }) => x));
  const meanY = mean(logs.map(({ y }) => y));
  return (
    mean(logs.map(({ x, y }) => (x - meanX) * (y - meanY))) / mean(logs.map(({ x }) => (x - meanX) ** 2))
  );
}
