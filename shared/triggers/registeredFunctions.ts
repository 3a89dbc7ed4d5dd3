/**
 * Keeps which functions of this process run by themselves, and records when they succeed. `onTimer` and `onQueue` do both for every
 * function, so that none can be forgotten.
 */
import type {
  RegisteredFunctions,
  RegisteredQueueFunction,
  RegisteredTimer,
  SuccessRecorder,
} from '../model/heartbeat.ts';
import { errorFields, type EventLog, writeEvent } from '../telemetry/events.ts';

const timers: RegisteredTimer[] = [];
const queueFunctions: RegisteredQueueFunction[] = [];
let provide: (() => SuccessRecorder) | undefined;

/** Returns the timer and queue functions that are registered by now. */
export function registeredFunctions(): RegisteredFunctions {
  return { timers: [...timers], queueFunctions: [...queueFunctions] };
}

/** Adds a timer function. */
export function addTimer(timer: RegisteredTimer): void {
  timers.push(timer);
}

/** Adds a queue function. */
export function addQueueFunction(queueFunction: RegisteredQueueFunction): void {
  queueFunctions.push(queueFunction);
}

/** Sets how the recorder of this process is found. It is called at the first success, not now. */
export function provideSuccessRecorder(provider: () => SuccessRecorder): void {
  provide = provider;
}

/**
 * Records a success. Never throws: the function's work is done, and must neither fail nor be repeated because of the record. A record
 * that can't be written is an event, and a timer without records becomes an alert.
 */
export async function recordSuccess(
  log: EventLog,
  record: (recorder: SuccessRecorder) => Promise<void>,
): Promise<void> {
  try {
    if (provide !== undefined) await record(provide());
  } catch (error) {
    writeEvent(log, { name: 'heartbeat.fault', level: 'warn' }, errorFields(error));
  }
}
