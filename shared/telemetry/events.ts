/**
 * Writes one log event per flow, with a dotted name: ids, counts, codes and the duration. Never a token, an email or
 * a name.
 */
import type { LogSafeDetails } from '../model/errors.ts';
import type { KeyCounts } from '../model/restingKeys.ts';
import { AppError, errorCodeOf } from '../model/errors.ts';
import { escapeInvisible } from '../model/foreignNames.ts';
import type { CounterName } from './metrics.ts';
import { type Tracing, tracing } from './tracing.ts';

/** Where events go: an invocation's own log. */
export interface EventLog {
  /** Names the invocation. It is the reference on an error page, so each event has it. */
  readonly invocationId?: string;
  info(...parts: readonly unknown[]): void;
  warn(...parts: readonly unknown[]): void;
  error(...parts: readonly unknown[]): void;
}

/** The names of all events that this product writes. Alerts and queries use these names only. */
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
  | 'litellm.check'
  | 'messages.redrive'
  | 'keys.parked'
  | 'keys.returned'
  | 'keys.deleted'
  | 'keys.lost'
  | 'heartbeat'
  | 'heartbeat.fault'
  | 'configuration.fault'
  | 'request.failed'
  | 'telemetry.fault';

export type EventFields = Readonly<
  Record<string, LogSafeDetails[string] | readonly LogSafeDetails[] | undefined>
>;

/** Writes one event as one line of JSON, and records the metrics that belong to it. */
export function writeEvent(
  log: EventLog,
  event: { readonly name: EventName; readonly level: 'info' | 'warn' | 'error' },
  fields: EventFields,
): void {
  const traceId = tracing().current()?.traceId;
  const line = JSON.stringify({ event: event.name, correlationId: log.invocationId, traceId, ...fields });
  // JSON escapes only some control characters. A log viewer would obey the others.
  log[event.level](escapeInvisible(line));
  measureEvent(tracing(), event.name, fields);
}

/**
 * Returns the part of an error that is safe to log: its code and details. For an unexpected error, and for a cause,
 * also its kind and place. Never its text, because a foreign message may quote secrets.
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

/** Finds the first line of the stack that is a place. The message may have lines of its own before that. */
function whereOf(error: unknown): string | undefined {
  if (!(error instanceof Error) || error.stack === undefined) return undefined;
  // The message is removed first, because its lines may look like places. If the stack no longer starts with it, the
  // place is unknown.
  const start = error.stack.indexOf(error.message);
  const places = start < 0 ? '' : error.stack.slice(start + error.message.length);
  return places
    .split('\n')
    .find((line) => /^\s+at /.test(line))
    ?.trim();
}

/** Failures that an event has reported, so that none is reported twice while it is passed up. */
const reported = new WeakSet<object>();

/** Whether an event of {@link observeFlow} has reported this failure. */
export function isReported(error: unknown): boolean {
  return typeof error === 'object' && error !== null && reported.has(error);
}

export interface Observed<T> {
  readonly name: EventName;
  readonly run: () => Promise<T>;
  /** Returns the event's fields for a result; `level` defaults to `info`. */
  readonly describe: (result: T) => EventFields & { readonly level?: 'info' | 'warn' | 'error' };
  /** Returns what became of people's keys; nothing is written of a count of 0. */
  readonly countKeys?: (result: T) => KeyCounts | undefined;
}

/** Writes one event for each thing that happened to keys, with its number and nothing about the keys themselves. */
function writeKeyEvents(log: EventLog, counts: KeyCounts, userId: EventFields[string]): void {
  const write = (name: EventName, keys: number, level: 'info' | 'warn' = 'info'): void => {
    if (keys > 0) writeEvent(log, { name, level }, { userId, keys });
  };
  write('keys.parked', counts.parked);
  write('keys.returned', counts.returned);
  write('keys.deleted', counts.deleted);
  write('keys.lost', counts.lost, 'warn');
}

/** Runs a flow and writes its one event, with `durationMs`. Writes the code of a failure, and throws it on. */
export async function observeFlow<T>(log: EventLog, observed: Observed<T>): Promise<T> {
  const startedMs = performance.now();
  const durationMs = (): number => Math.round(performance.now() - startedMs);
  try {
    const result = await observed.run();
    const { level = 'info', ...fields } = observed.describe(result);
    writeEvent(log, { name: observed.name, level }, { ...fields, durationMs: durationMs() });
    const keys = observed.countKeys?.(result);
    if (keys !== undefined) writeKeyEvents(log, keys, fields['userId']);
    return result;
  } catch (error) {
    writeEvent(
      log,
      { name: observed.name, level: 'error' },
      { ...errorFields(error), durationMs: durationMs() },
    );
    if (typeof error === 'object' && error !== null) reported.add(error);
    throw error;
  }
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

/** Returns how the flow of an event ended, as one word: the error's code, else what it decided, else `ok`. */
function outcomeOf(name: string, fields: EventFields): string {
  const code = textOf(fields['code']);
  if (code !== undefined) return code;
  // Without a person the sign-in goes on at Microsoft: it asked for one more step.
  if (name === 'signin.complete') return fields['userId'] === undefined ? 'challenged' : 'ok';
  return textOf(fields['status']) ?? textOf(fields['decision']) ?? 'ok';
}

/**
 * Records the metrics that an event means, and its outcome on the span that runs. Metrics are read off the events, so that the
 * two never disagree.
 */
function measureEvent(metrics: Tracing, name: string, fields: EventFields): void {
  // A fault of the heartbeat's record is not how the flow ended.
  if (metrics.isOff || name === 'heartbeat.fault') return;
  const outcome = outcomeOf(name, fields);
  metrics.current()?.set({ 'app.outcome': outcome });
  const reason = textOf(fields['reason']);
  if (name === 'signin.complete') metrics.add('signin.outcomes', 1, { outcome });
  const isKept = fields['code'] === undefined && fields['putBack'] === undefined;
  if (name === 'provision.failure' && isKept) metrics.add('provision.poisoned', 1, { reason });
  if (name === 'sync.failure' && isKept) metrics.add('sync.poisoned', 1, { reason });
  if (name === 'provision.user') measureDelivery(metrics, 'provision', { fields, outcome });
  if (name === 'sync.person' || name === 'sync.entity') {
    measureDelivery(metrics, 'sync', { fields, outcome });
    measureCount(metrics, 'sync.memberships.added', fields['added']);
    measureCount(metrics, 'sync.memberships.removed', fields['removed']);
  }
}

interface Delivered {
  readonly fields: EventFields;
  readonly outcome: string;
}

function measureDelivery(metrics: Tracing, queue: 'provision' | 'sync', event: Delivered): void {
  const { fields, outcome } = event;
  metrics.add(`${queue}.outcomes`, 1, { outcome });
  if (outcome === 'waiting') metrics.add(`${queue}.put_back`, 1, { reason: textOf(fields['reason']) });
  const seconds = fields['secondsSinceSignIn'];
  if ((outcome === 'done' || outcome === 'unchanged') && typeof seconds === 'number') {
    metrics.record(`${queue}.delay`, seconds, { outcome });
  }
}

function measureCount(metrics: Tracing, name: CounterName, count: unknown): void {
  if (typeof count === 'number' && count > 0) metrics.add(name, count);
}
