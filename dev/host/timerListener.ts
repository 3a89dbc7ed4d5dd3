/** The timer trigger: runs a function when it is due, never twice at a time. */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import type { HostLog } from './hostLog.ts';
import type { InputData } from './programmingModel.ts';
import type { TimerSchedule } from './timerSchedule.ts';

/** For shorter intervals, Azure keeps no record of a timer's runs. */
const shortestMonitoredMs = 60_000;

const statusSchema = z.object({
  last: z.iso.datetime(),
  next: z.iso.datetime(),
  lastUpdated: z.iso.datetime(),
});
type TimerStatus = z.infer<typeof statusSchema>;

export interface TimerListenerOptions {
  readonly functionName: string;
  readonly schedule: TimerSchedule;
  readonly runOnStartup: boolean;
  readonly useMonitor: boolean;
  /** Where the last run is recorded, so that the next start knows whether it missed one. Absent: nowhere. */
  readonly stateDir?: string | undefined;
  readonly log: HostLog;
  /** Runs the function. A rejection is a failed run and nothing more. */
  readonly run: (input: InputData) => Promise<unknown>;
}

export interface TimerListener {
  /** Runs the function now, or right after the run in progress. */
  runNow(): void;
  /** Plans no further runs. */
  stop(): void;
}

/**
 * Starts the timer. It runs at once with `runOnStartup`, or with `isPastDue` if the record shows a missed run. Then it
 * runs on its schedule, and skips what comes due during a scheduled run.
 */
export function startTimerListener(options: TimerListenerOptions): TimerListener {
  const { schedule } = options;
  const start = new Date();
  let stopped = false;
  let job: { stop(): void } | undefined;
  const dueMs = schedule.next(start).getTime();
  const interval = schedule.next(new Date(dueMs)).getTime() - dueMs;
  const stateDir = options.useMonitor && interval >= shortestMonitoredMs ? options.stateDir : undefined;
  const file = stateDir === undefined ? undefined : join(stateDir, `${options.functionName}.json`);
  let queue: Promise<void> = Promise.resolve();
  let last = start;

  async function runOnce(isPastDue: boolean): Promise<void> {
    const status = { last, next: schedule.next(new Date()), lastUpdated: last };
    await options.run({ json: JSON.stringify(toTimerInput(status, isPastDue)) }).catch(() => undefined);
    last = new Date();
    await record();
  }

  async function record(): Promise<void> {
    if (file === undefined) {
      return;
    }
    const status: TimerStatus = {
      last: last.toISOString(),
      next: schedule.next(last).toISOString(),
      lastUpdated: new Date().toISOString(),
    };
    await writeStatus(file, status).catch((error: unknown) =>
      options.log('warning', 'host', `The run of a timer could not be recorded: ${String(error)}`),
    );
  }

  async function enqueue(isPastDue: boolean): Promise<void> {
    queue = queue.then(async () => runOnce(isPastDue));
    return queue;
  }

  async function begin(): Promise<void> {
    const earlier = file === undefined ? undefined : await readStatus(file);
    const missed = earlier !== undefined && schedule.next(new Date(earlier.last)) <= start;
    last = earlier === undefined ? start : new Date(earlier.last);
    if (missed || options.runOnStartup) {
      await enqueue(missed);
    } else if (earlier === undefined) {
      await record();
    }
    if (!stopped) {
      job = schedule.repeat(() => enqueue(false));
    }
  }

  void begin().catch((error: unknown) =>
    options.log('error', options.functionName, `Timer: ${String(error)}`),
  );
  return {
    runNow: () => void enqueue(false),
    stop: () => {
      stopped = true;
      job?.stop();
    },
  };
}

function toTimerInput(
  status: { readonly last: Date; readonly next: Date; readonly lastUpdated: Date },
  isPastDue: boolean,
): object {
  return {
    Schedule: { AdjustForDST: true },
    ScheduleStatus: { Last: status.last, Next: status.next, LastUpdated: status.lastUpdated },
    IsPastDue: isPastDue,
  };
}

/** Reads the record. A missing or damaged one counts as none, so that no run was missed. */
async function readStatus(file: string): Promise<TimerStatus | undefined> {
  try {
    return statusSchema.parse(JSON.parse(await readFile(file, 'utf8')));
  } catch {
    return undefined;
  }
}

async function writeStatus(file: string, status: TimerStatus): Promise<void> {
  await mkdir(join(file, '..'), { recursive: true });
  await writeFile(file, `${JSON.stringify(status)}\n`);
}
