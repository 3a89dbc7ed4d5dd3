/** One dotted log event a flow: ids, counts, codes and how long it took. Never a token, an email or a name. */
import type { LogSafeDetails } from './errors.ts';
import { AppError, errorCodeOf } from './errors.ts';

/** Where events go: an invocation's own log. */
export interface EventLog {
  info(...parts: readonly unknown[]): void;
  warn(...parts: readonly unknown[]): void;
  error(...parts: readonly unknown[]): void;
}

/** Names of the events that this product writes; alerts and queries name these and no others. */
export type EventName =
  | 'signin.start'
  | 'signin.complete'
  | 'signin.end'
  | 'page.home'
  | 'api.me'
  | 'api.provisioning'
  | 'health.check'
  | 'provision.user'
  | 'provision.failure'
  | 'groups.refresh'
  | 'members.reconcile'
  | 'configuration.fault';

export type EventFields = Readonly<Record<string, LogSafeDetails[string] | undefined>>;

/** Writes one event as one line of JSON. */
export function writeEvent(
  log: EventLog,
  event: { readonly name: EventName; readonly level: 'info' | 'warn' | 'error' },
  fields: EventFields,
): void {
  log[event.level](JSON.stringify({ event: event.name, ...fields }));
}

/** Gives an error's log-safe side: its code, its details and, for what was not expected, its kind and place, not its text. */
export function errorFields(error: unknown): EventFields {
  if (error instanceof AppError) {
    return { code: error.code, retryable: error.retryable, attempted: error.message, ...error.details };
  }
  // A foreign message may quote what it failed on, so only its class and first stack line are written.
  const where = error instanceof Error ? error.stack?.split('\n')[1]?.trim() : undefined;
  return { code: errorCodeOf(error), kind: error instanceof Error ? error.name : typeof error, where };
}

export interface Observed<T> {
  readonly name: EventName;
  readonly run: () => Promise<T>;
  /** What the event says of a result; `level` defaults to `info`. */
  readonly describe: (result: T) => EventFields & { readonly level?: 'info' | 'warn' | 'error' };
}

/** Runs a flow and writes its one event, with `durationMs`; a failure is written with its code and thrown on. */
export async function observeFlow<T>(log: EventLog, observed: Observed<T>): Promise<T> {
  const startedMs = performance.now();
  const durationMs = (): number => Math.round(performance.now() - startedMs);
  try {
    const result = await observed.run();
    const { level = 'info', ...fields } = observed.describe(result);
    writeEvent(log, { name: observed.name, level }, { ...fields, durationMs: durationMs() });
    return result;
  } catch (error) {
    writeEvent(
      log,
      { name: observed.name, level: 'error' },
      { ...errorFields(error), durationMs: durationMs() },
    );
    throw error;
  }
}
