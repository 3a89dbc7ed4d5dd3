/** Timer schedules in the six-field NCRONTAB of Azure Functions. UTC. */
import { Cron } from 'croner';

export interface TimerSchedule {
  /** Returns the first instant after `after` at which the timer is due. */
  next(after: Date): Date;
  /** Calls `run` whenever the timer is due, but never while an earlier call is still running. */
  repeat(run: () => Promise<void>): { stop(): void };
}

const value = String.raw`(?:\*|\d+|[A-Za-z]{3})`;
const range = String.raw`${value}(?:-${value})?(?:/\d+)?`;
const field = new RegExp(`^${range}(?:,${range})*$`);

/**
 * Parses `second minute hour day month weekday` with `*`, lists, ranges, steps and English three-letter names. The day
 * and the weekday must both match, unlike in Unix cron.
 * Throws an Error that contains the schedule for anything else that Azure would not run.
 */
export function parseTimerSchedule(text: string): TimerSchedule {
  const fields = text.trim().split(/\s+/);
  const weekday = fields[5];
  if (weekday === undefined || fields.length > 6) {
    throw new Error(`The timer schedule "${text}" needs six fields: second minute hour day month weekday.`);
  }
  // Croner knows more than NCRONTAB does, for example `L`, and 7 for Sunday.
  const isNcrontab = fields.every((part) => field.test(part)) && !/(?:^|[,-])0*7/.test(weekday);
  if (!isNcrontab) {
    throw new Error(`The timer schedule "${text}" is not valid in Azure Functions.`);
  }
  const cron = parseCron(text);
  return {
    next: (after) => {
      const due = cron.nextRun(after);
      if (due === null) {
        throw new Error(`The timer schedule "${text}" never comes due.`);
      }
      return due;
    },
    repeat: (run) => {
      cron.schedule(run);
      return { stop: () => cron.stop() };
    },
  };
}

function parseCron(text: string): Cron {
  try {
    // NCRONTAB also steps from a single value (`5/20`), which Croner calls a sloppy range.
    return new Cron(text, {
      mode: '6-part',
      domAndDow: true,
      sloppyRanges: true,
      timezone: 'UTC',
      protect: true,
    });
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new Error(`The timer schedule "${text}" is not valid: ${reason}`, { cause: error });
  }
}
