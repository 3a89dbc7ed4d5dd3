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

/** The part of an invocation's context that its span needs. */
export type TracedContext = EventLog &
  Pick<InvocationContext, 'functionName' | 'invocationId' | 'traceContext'>;

/** The trigger that called a function. */
export type TracedTrigger =
  | { readonly kind: 'http' }
  | { readonly kind: 'timer' }
  | {
      readonly kind: 'queue';
      readonly queueName: string;
      readonly attempt: number;
      /** The W3C trace context in the message, of the request that started this work. */
      readonly traceparent: string | undefined;
    };

/**
 * Runs one call of a function as a span. The first call starts this process's tracing.
 *
 * A request and a timer continue the host's own span. A message continues the trace of its sign-in. The host starts
 * another trace for the message, and the span is linked to that one.
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

/**
 * Replaces unexpected errors. The host logs the text of every thrown error, and an unexpected one may quote
 * anything.
 */
function withoutForeignText(error: unknown): AppError {
  if (error instanceof AppError) return error;
  return new AppError('unexpected', 'An unexpected error. Its event has its kind and place.');
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
  // Internal: the host reports the request itself, and nothing may count twice.
  return { name: context.functionName, kind: 'internal', attributes: common, parent: host };
}
