import type { InvocationContext } from '@azure/functions';
import { AppError, errorCodeOf } from '../model/errors.ts';
import type { EventLog } from './events.ts';
import {
  activateTracing,
  NO_TRACING,
  type RunningSpan,
  type SpanAttributes,
  type SpanStart,
  type Tracing,
  tracing,
} from './tracing.ts';

let provide: ((log: EventLog) => Tracing) | undefined;

/** Sets how this process's tracing is created: at the first {@link startTracing}, not now. */
export function provideTracing(provider: (log: EventLog) => Tracing): void {
  provide = provider;
  activateTracing(NO_TRACING);
}

/** Returns this process's tracing, created at the first call. A provider that fails says so in `log`. */
export function startTracing(log: EventLog): Tracing {
  const provider = provide;
  if (provider !== undefined) {
    // Cleared first, so that it is tried only once, even if it throws.
    provide = undefined;
    activateTracing(provider(log));
  }
  return tracing();
}

/** What an invocation's span needs of its context. */
export type TracedContext = EventLog &
  Pick<InvocationContext, 'functionName' | 'invocationId' | 'traceContext'>;

/** By what a function was called. */
export type TracedTrigger =
  | { readonly kind: 'http' }
  | { readonly kind: 'timer' }
  | {
      readonly kind: 'queue';
      readonly queueName: string;
      readonly attempt: number;
      /** W3C trace context that the message carries: whoever put it there began this work. */
      readonly traceparent: string | undefined;
    };

/**
 * Runs one call of a function as a span. The first one starts this process's tracing.
 *
 * A request and a timer go on with the host's own span. A message goes on with the trace of the sign-in that it is of; the host
 * begins a trace of its own for it, to which the span is linked.
 */
export async function traceInvocation<T>(
  context: TracedContext,
  trigger: TracedTrigger,
  work: (span: RunningSpan) => Promise<T>,
): Promise<T> {
  return startTracing(context).run(startOf(context, trigger), async (span) => {
    try {
      return await work(span);
    } catch (error) {
      span.fail(errorCodeOf(error));
      throw withoutForeignText(error);
    }
  });
}

/** The host logs the text of whatever a function throws, and the text of an error that nobody foresaw may quote anything. */
function withoutForeignText(error: unknown): AppError {
  if (error instanceof AppError) return error;
  return new AppError('unexpected', 'An error that nobody foresaw; the event tells its kind and place.');
}

function startOf(context: TracedContext, trigger: TracedTrigger): SpanStart {
  const host = context.traceContext?.traceParent;
  const common: SpanAttributes = {
    'faas.name': context.functionName,
    'faas.invocation_id': context.invocationId,
    'faas.trigger': trigger.kind === 'queue' ? 'pubsub' : trigger.kind,
  };
  if (trigger.kind === 'queue') {
    const attributes = {
      ...common,
      'messaging.system': 'azure_queue_storage',
      'messaging.operation.type': 'process',
      'messaging.operation.name': 'process',
      'messaging.destination.name': trigger.queueName,
      'app.attempt': trigger.attempt,
    };
    const { traceparent } = trigger;
    return {
      name: `process ${trigger.queueName}`,
      kind: 'consumer',
      attributes,
      ...(traceparent === undefined ? { parent: host } : { parent: traceparent, link: host }),
    };
  }
  // Internal: the host reports the request itself, and nothing should count twice.
  return { name: context.functionName, kind: 'internal', attributes: common, parent: host };
}
