/** What the health detail says about the functions that run by themselves. */
import type { RegisteredFunctions, RegisteredTimer } from '../model/heartbeat.ts';
import type { Heartbeats, ReadFunction } from '../storage/heartbeatStore.ts';
import { isLate, timerAge } from './heartbeat.ts';

/** The registered functions, by name. */
export interface FunctionsHealth {
  /** `failing`: the rows can't be read. A late timer is not a failure of the check. */
  readonly status: 'ok' | 'failing' | 'not_checked';
  readonly error?: string;
  readonly timers?: Readonly<Record<string, TimerHealth>>;
  /** `succeeded_at` is up to 10 minutes behind. A queue may be empty for days, so its age means nothing. */
  readonly queues?: Readonly<Record<string, { readonly queue: string; readonly succeeded_at?: string }>>;
}

export interface TimerHealth {
  /** Absent: it has not succeeded yet. */
  readonly succeeded_at?: string;
  /** Since the last success, or since the first start. */
  readonly age_seconds: number;
  readonly period_seconds: number;
  /** The age is above twice the period. */
  readonly late: boolean;
}

/** Returns the state of every registered function, from the rows of the heartbeat. Pure. */
export function describeFunctions(
  { timers, queueFunctions }: RegisteredFunctions,
  known: Pick<Heartbeats, 'timers' | 'queueFunctions'>,
  now: Date,
): FunctionsHealth {
  return {
    status: 'ok',
    timers: Object.fromEntries(
      timers.map((timer) => [timer.name, timerHealth(timer, known.timers.get(timer.name), now)]),
    ),
    queues: Object.fromEntries(
      queueFunctions.map(({ name, queueName }) => [
        name,
        { queue: queueName, ...successOf(known.queueFunctions.get(name)) },
      ]),
    ),
  };
}

function timerHealth(timer: RegisteredTimer, found: ReadFunction | undefined, now: Date): TimerHealth {
  const age = timerAge(timer, found?.record, now);
  return {
    ...successOf(found),
    age_seconds: age.ageSeconds,
    period_seconds: age.periodSeconds,
    late: isLate(age),
  };
}

function successOf(found: ReadFunction | undefined): { readonly succeeded_at?: string } {
  const at = found?.record.succeededAt;
  return at === undefined ? {} : { succeeded_at: at };
}
