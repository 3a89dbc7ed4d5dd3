/** The timer trigger: runs a function when it is due, never twice at a time. */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import type { HostLog } from './hostLog.ts';
import type { InputData } from './programmingModel.ts';
import type { TimerSchedule } from './timerSchedule.ts';

/** setTimeout takes no more. */
const longestSleepMs = 2 ** 31 - 1;
/** Below this Azure keeps no record of a timer's runs. */
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
  /** Where the last run is recorded, so that the next start knows whether one was missed. Absent: nowhere. */
  readonly stateDir?: string | undefined;
  readonly now: () => Date;
  readonly log: HostLog;
  /** Runs the function; a rejection is only a failed run. */
  readonly run: (input: InputData) => Promise<unknown>;
}

export interface TimerListener {
  /** Runs the function now, after a run that is under way. */
  runNow(): void;
  /** Plans no further runs. */
  stop(): void;
}

/**
 * Starts the timer: a run at once with `runOnStartup`, or with `isPastDue` where the record says that one was
 * missed; then one whenever the schedule says so. What comes due while a run is under way is skipped.
 */
export function startTimerListener(options: TimerListenerOptions): TimerListener {
  const { schedule, now } = options;
  const stop = new AbortController();
  const start = now();
  const dueMs = schedule.next(start).getTime();
  const interval = schedule.next(new Date(dueMs)).getTime() - dueMs;
  const stateDir = options.useMonitor && interval >= shortestMonitoredMs ? options.stateDir : undefined;
  const file = stateDir === undefined ? undefined : join(stateDir, `${options.functionName}.json`);
  let queue: Promise<void> = Promise.resolve();
  let last = start;

  async function runOnce(isPastDue: boolean): Promise<void> {
    const status = { last, next: schedule.next(now()), lastUpdated: last };
    await options
      .run({ json: JSON.stringify(toTimerInput(schedule, status, isPastDue)) })
      .catch(() => undefined);
    last = now();
    await record();
  }

  async function record(): Promise<void> {
    if (file === undefined) {
      return;
    }
    const status: TimerStatus = {
      last: last.toISOString(),
      next: schedule.next(last).toISOString(),
      lastUpdated: now().toISOString(),
    };
    await writeStatus(file, status).catch((error: unknown) =>
      options.log('warning', 'host', `The run of a timer could not be recorded: ${String(error)}`),
    );
  }

  async function enqueue(isPastDue: boolean): Promise<void> {
    queue = queue.then(async () => runOnce(isPastDue));
    return queue;
  }

  async function loop(): Promise<void> {
    const earlier = file === undefined ? undefined : await readStatus(file);
    const missed = earlier !== undefined && schedule.next(new Date(earlier.last)) <= start;
    last = earlier === undefined ? start : new Date(earlier.last);
    if (missed || options.runOnStartup) {
      await enqueue(missed);
    } else if (earlier === undefined) {
      await record();
    }
    while (!stop.signal.aborted) {
      const due = schedule.next(now());
      await sleepUntil(due, now, stop.signal);
      if (!stop.signal.aborted) {
        await enqueue(false);
      }
    }
  }

  void loop().catch((error: unknown) =>
    options.log('error', options.functionName, `Timer: ${String(error)}`),
  );
  return { runNow: () => void enqueue(false), stop: () => stop.abort() };
}

function toTimerInput(
  schedule: TimerSchedule,
  status: { readonly last: Date; readonly next: Date; readonly lastUpdated: Date },
  isPastDue: boolean,
): object {
  return {
    Schedule: { AdjustForDST: schedule.adjustForDst },
    ScheduleStatus: { Last: status.last, Next: status.next, LastUpdated: status.lastUpdated },
    IsPastDue: isPastDue,
  };
}

async function sleepUntil(due: Date, now: () => Date, signal: AbortSignal): Promise<void> {
  let waitMs = due.getTime() - now().getTime();
  while (waitMs > 0 && !signal.aborted) {
    await sleep(Math.min(waitMs, longestSleepMs), undefined, { signal }).catch(() => undefined);
    waitMs = due.getTime() - now().getTime();
  }
}

/** A record that is gone or broken is none: then nothing was missed. */
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
