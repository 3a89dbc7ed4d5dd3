/** The width of a terminal that does not say it, and the least one that leaves something to read. */
const usualColumns = 160;
const leastColumns = 40;

/**
 * Returns one line of the host's log without the date, cut to the width of the terminal. `columns`: what the terminal reports, which
 * may be undefined or 0. Pure.
 */
export function shortenLine(line: string, columns: number | undefined): string {
  const [, time = '', rest = line] = /^\S+T([\d:]{8})\S* (.*)$/s.exec(line) ?? [];
  const text = `${time} ${rest}`.trim();
  const width = Math.max(columns === undefined || columns === 0 ? usualColumns : columns, leastColumns);
  return text.length > width ? `${text.slice(0, width - 3)}...` : text;
}

/** Returns whether a line of the host's log says that something went well. Pure. */
export function isQuiet(line: string): boolean {
  return /^\S+ (?:trace|debug|information) /.test(line);
}
