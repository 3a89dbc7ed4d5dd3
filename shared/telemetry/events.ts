/** One dotted log event a flow: ids, counts, codes and how long it took. Never a token, an email or a name. */
import type { LogSafeDetails } from '../model/errors.ts';
import { AppError, errorCodeOf } from '../model/errors.ts';
import { measureEvent } from './measureEvent.ts';
import { tracing } from './tracing.ts';

/** Where events go: an invocation's own log. */
export interface EventLog {
  /** Names the invocation: the reference on its error page, which therefore stands in each of its events. */
  readonly invocationId?: string;
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
  | 'members.repair'
  | 'sync.person'
  | 'sync.entity'
  | 'sync.failure'
  | 'sync.repair'
  | 'configuration.fault'
  | 'request.failed'
  | 'telemetry.fault';

export type EventFields = Readonly<Record<string, LogSafeDetails[string] | undefined>>;

/** Writes one event as one line of JSON, and records the metrics that it means. */
export function writeEvent(
  log: EventLog,
  event: { readonly name: EventName; readonly level: 'info' | 'warn' | 'error' },
  fields: EventFields,
): void {
  const traceId = tracing().current()?.traceId;
  log[event.level](
    JSON.stringify({ event: event.name, correlationId: log.invocationId, traceId, ...fields }),
  );
  measureEvent(tracing(), event.name, fields);
}

/**
 * Gives an error's log-safe side: its code, its details and, for what was not expected or caused it, kind and place, not
 * its text: a foreign message may quote what it failed on.
 */
export function errorFields(error: unknown): EventFields {
  if (error instanceof AppError) {
    const { code, retryable, message, details, cause } = error;
    return {
      code,
      retryable,
      attempted: message,
      ...(cause === undefined ? {} : { causeKind: kindOf(cause), causeWhere: whereOf(cause) }),
      ...details,
    };
  }
  return { code: errorCodeOf(error), kind: kindOf(error), where: whereOf(error) };
}

function kindOf(error: unknown): string {
  return error instanceof Error ? error.name : typeof error;
}

/** The first line of the stack that is a place: a message may have lines of its own, which stand before. */
function whereOf(error: unknown): string | undefined {
  if (!(error instanceof Error) || error.stack === undefined) return undefined;
  // Taken off first, as its lines may look like places; where it is no longer what the stack begins with, none is known.
  const start = error.stack.indexOf(error.message);
  const places = start < 0 ? '' : error.stack.slice(start + error.message.length);
  return places
    .split('\n')
    .find((line) => /^\s+at /.test(line))
    ?.trim();
}

/** Failures that an event has told of, so that none is told twice on its way up. */
const told = new WeakSet<object>();

/** Gives whether an event of {@link observeFlow} has told of this failure. */
export function isTold(error: unknown): boolean {
  return typeof error === 'object' && error !== null && told.has(error);
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
    if (typeof error === 'object' && error !== null) told.add(error);
    throw error;
  }
}
