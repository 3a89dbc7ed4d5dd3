import type { LogLevel } from './programmingModel.ts';

const ranks: Readonly<Record<string, number>> = {
  trace: 0,
  debug: 1,
  information: 2,
  warning: 3,
  error: 4,
  critical: 5,
  none: 6,
};

/** Writes one line: the time, the level, the source and the message. */
export type HostLog = (level: LogLevel, source: string, message: string) => void;

export interface HostLogOptions {
  /** host.json's `logging.logLevel`. */
  readonly logLevels: Readonly<Record<string, string>>;
  readonly write: (line: string) => void;
  readonly now: () => Date;
}

/**
 * Creates a log that writes `<ISO time> <level> <function or "host"> <message>` as exactly one line. Line breaks in a
 * message become `\n`. Levels below those in host.json are dropped.
 */
export function createHostLog(options: HostLogOptions): HostLog {
  return (level, source, message) => {
    if (rankOf(level) < leastRank(options.logLevels, source)) {
      return;
    }
    const oneLine = message.replaceAll('\r', '').replaceAll('\n', String.raw`\n`);
    options.write(`${options.now().toISOString()} ${level} ${source} ${oneLine}\n`);
  };
}

function leastRank(logLevels: Readonly<Record<string, string>>, source: string): number {
  const level =
    logLevels[`Function.${source}`] ??
    (source === 'host' ? logLevels['Host'] : logLevels['Function']) ??
    logLevels['default'];
  return rankOf(level ?? 'information');
}

function rankOf(level: string): number {
  return ranks[level.toLowerCase()] ?? 2;
}
