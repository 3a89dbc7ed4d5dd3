/** Timer schedules as the Functions host reads them: six-field NCRONTAB, or a constant TimeSpan. UTC. Pure. */
import { parseTimeSpanMs } from './timeSpan.ts';

export interface TimerSchedule {
  /** The first instant after `after` at which the timer is due. */
  next(after: Date): Date;
  /** NCRONTAB follows a clock that may change; a constant interval does not. */
  readonly adjustForDst: boolean;
}

interface Field {
  readonly name: string;
  readonly min: number;
  readonly max: number;
  readonly names?: readonly string[];
}

const months = ['JAN', 'FEB', 'MAR', 'APR', 'MAY', 'JUN', 'JUL', 'AUG', 'SEP', 'OCT', 'NOV', 'DEC'];
const days = ['SUN', 'MON', 'TUE', 'WED', 'THU', 'FRI', 'SAT'];

const second: Field = { name: 'second', min: 0, max: 59 };
const minute: Field = { name: 'minute', min: 0, max: 59 };
const hour: Field = { name: 'hour', min: 0, max: 23 };
const dayOfMonth: Field = { name: 'day', min: 1, max: 31 };
const month: Field = { name: 'month', min: 1, max: 12, names: months };
const dayOfWeek: Field = { name: 'day of week', min: 0, max: 6, names: days };

/** Longer than any pattern needs: 29 February on one given weekday comes back within 28 years, 40 around 2100. */
const horizonYears = 41;

/**
 * Parses `sec min hour day month weekday` (or five fields, then at second 0) with `*`, lists, ranges, steps and
 * English three-letter names, or a TimeSpan `hh:mm:ss`. Day and weekday must both fit, unlike in Unix cron.
 * Throws a RangeError that names the field.
 */
export function parseTimerSchedule(text: string): TimerSchedule {
  const parts = text.trim().split(/\s+/);
  if (parts.length === 1) {
    const intervalMs = parseTimeSpanMs(text);
    if (intervalMs <= 0) {
      throw new RangeError(`The timer interval "${text}" must be longer than nothing.`);
    }
    return { next: (after) => new Date(after.getTime() + intervalMs), adjustForDst: false };
  }
  if (parts.length !== 5 && parts.length !== 6) {
    throw new RangeError(
      `The timer schedule "${text}" needs six fields: second minute hour day month weekday.`,
    );
  }
  const [seconds = '0', minutes = '', hours = '', daysOfMonth = '', monthsOfYear = '', daysOfWeek = ''] =
    parts.length === 5 ? ['0', ...parts] : parts;
  const fields = {
    seconds: parseField(second, seconds),
    minutes: parseField(minute, minutes),
    hours: parseField(hour, hours),
    days: parseField(dayOfMonth, daysOfMonth),
    months: parseField(month, monthsOfYear),
    weekdays: parseField(dayOfWeek, daysOfWeek),
  };
  return { next: (after) => findNext(fields, after, text), adjustForDst: true };
}

interface Fields {
  readonly seconds: ReadonlySet<number>;
  readonly minutes: ReadonlySet<number>;
  readonly hours: ReadonlySet<number>;
  readonly days: ReadonlySet<number>;
  readonly months: ReadonlySet<number>;
  readonly weekdays: ReadonlySet<number>;
}

function findNext(fields: Fields, after: Date, text: string): Date {
  let at = new Date(Math.floor(after.getTime() / 1000) * 1000 + 1000);
  const lastYear = at.getUTCFullYear() + horizonYears;
  while (at.getUTCFullYear() <= lastYear) {
    const [year, monthIndex, day, hourOfDay] = [
      at.getUTCFullYear(),
      at.getUTCMonth(),
      at.getUTCDate(),
      at.getUTCHours(),
    ];
    if (!fields.months.has(monthIndex + 1)) {
      at = new Date(Date.UTC(year, monthIndex + 1, 1));
    } else if (!fields.days.has(day) || !fields.weekdays.has(at.getUTCDay())) {
      at = new Date(Date.UTC(year, monthIndex, day + 1));
    } else if (!fields.hours.has(hourOfDay)) {
      at = new Date(Date.UTC(year, monthIndex, day, hourOfDay + 1));
    } else if (!fields.minutes.has(at.getUTCMinutes())) {
      at = new Date(Date.UTC(year, monthIndex, day, hourOfDay, at.getUTCMinutes() + 1));
    } else if (!fields.seconds.has(at.getUTCSeconds())) {
      at = new Date(at.getTime() + 1000);
    } else {
      return at;
    }
  }
  throw new RangeError(`The timer schedule "${text}" never comes due.`);
}

function parseField(field: Field, text: string): ReadonlySet<number> {
  const values = new Set<number>();
  for (const part of text.split(',')) {
    const match = /^(\*|\w+)(?:-(\w+))?(?:\/(\d+))?$/.exec(part);
    const [, from = '', to, step] = match ?? [];
    if (match === null || (from === '*' && to !== undefined) || Number(step ?? 1) < 1) {
      throw new RangeError(`"${part}" in a timer schedule is no ${field.name}.`);
    }
    const first = from === '*' ? field.min : parseValue(field, from);
    const last = from === '*' ? field.max : to === undefined ? undefined : parseValue(field, to);
    const end = last ?? (step === undefined ? first : field.max);
    if (end < first) {
      throw new RangeError(`"${part}" in a timer schedule runs backwards.`);
    }
    for (let value = first; value <= end; value += Number(step ?? 1)) {
      values.add(value);
    }
  }
  return values;
}

function parseValue(field: Field, text: string): number {
  const named = field.names?.indexOf(text.toUpperCase().slice(0, 3)) ?? -1;
  const value = /^\d+$/.test(text) ? Number(text) : named === -1 ? Number.NaN : named + field.min;
  if (!(value >= field.min && value <= field.max)) {
    throw new RangeError(`"${text}" in a timer schedule is no ${field.name} (${field.min} to ${field.max}).`);
  }
  return value;
}
