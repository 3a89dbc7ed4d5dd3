/** What a measurement gives: tables, goals and raw figures; and what it is given to work with. */
import type { DirectoryInput } from '../../dev/identity/directory.ts';
import type { ReadyLine } from '../../dev/identity/readyLine.ts';
import type { Azurite } from '../../dev/stack/azurite.ts';

/** What a measure ought to reach at least. Never asserted: a shared machine decides too much. */
export interface Goal {
  readonly text: string;
  readonly value: number;
  readonly limit: number;
  readonly reached: boolean;
  /**
   * The best that anybody could reach on this stand, measured in the same run or counted: by whoever does only what must be done.
   * Where that misses the limit too, the goal is out of reach, and the value is to be compared with it.
   */
  readonly bestPossible?: number;
}

/** One table of the report. Rows in order; cells already formatted text. */
export interface Section {
  readonly id: string;
  readonly title: string;
  readonly against: string;
  readonly columns: readonly string[];
  readonly rows: readonly (readonly string[])[];
  readonly notes: readonly string[];
  readonly goals: readonly Goal[];
  /** Raw figures for the JSON file and the chart. */
  readonly figures: readonly Figure[];
}

/** One measured ratio (or count), with its spread: median and the 10th and 90th percentile over rounds of the same run. */
export interface Figure {
  readonly name: string;
  readonly unit: 'ratio' | 'count' | 'ms' | 'bytes' | 'per second';
  readonly median: number;
  readonly low: number;
  readonly high: number;
  readonly samples: number;
}

/** What a measurement works with. */
export interface BenchContext {
  /** One short pass to see that it works; its figures mean little. */
  readonly quick: boolean;
  /** What this measurement may take, in seconds of wall time: the rounds are its own to cut. */
  readonly budgetSeconds: number;
  /** Prints one line of progress. */
  log(this: void, text: string): void;
  /** A folder of this measurement's own, removed after it. */
  readonly tempDir: string;
  /** Where the measured processes leave their CPU profiles when they end; absent: they make none. */
  readonly cpuProfileDir?: string;
  /**
   * Starts an Azurite of its own process, in memory, with the product's tables and queues in it; another one each call, stopped
   * after the measurement.
   */
  startAzurite(this: void): Promise<Azurite>;
  /** Starts the emulator of Entra and Graph in its own process with this tenant; stopped after the measurement. */
  startIdentity(this: void, directory: DirectoryInput): Promise<ReadyLine>;
}

/** One part of `npm run bench`. */
export interface Measurement {
  /** The word that picks it on the command line. */
  readonly id: string;
  readonly title: string;
  /** Its share of the whole run. */
  readonly budgetSeconds?: number;
  run(context: BenchContext): Promise<readonly Section[]>;
}
