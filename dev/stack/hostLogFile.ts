import { createWriteStream } from 'node:fs';

export interface HostLogFile {
  readonly keep: (this: void, line: string) => void;
  /** Returns every line since the log was opened. */
  readonly lines: (this: void) => readonly string[];
  readonly close: (this: void) => void;
}

/** Opens a log that keeps lines in memory and in a file, and passes them to `onLine`. Empties the file first. */
export function openHostLogFile(file: string, onLine?: (line: string) => void): HostLogFile {
  const stream = createWriteStream(file, { mode: 0o600 });
  const lines: string[] = [];
  return {
    keep: (line) => {
      lines.push(line);
      stream.write(`${line}\n`);
      onLine?.(line);
    },
    lines: () => [...lines],
    close: () => stream.end(),
  };
}
