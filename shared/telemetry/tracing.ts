/**
 * The small part of tracing and metrics that this product needs. It is independent of OpenTelemetry, which is in a
 * bundle of its own. That is loaded only if something is exported (docs/decisions/0010-telemetry.md).
 */
import type { CounterName, HistogramName } from './metrics.ts';

/** Names, counts, codes and addresses. Never an id of a person or of a row, an email, a name or a token. */
export type SpanAttributes = Readonly<Record<string, string | number | boolean | undefined>>;

export interface SpanStart {
  /** Has few different values, so it contains no ids. */
  readonly name: string;
  readonly kind: 'internal' | 'client' | 'producer' | 'consumer';
  readonly attributes?: SpanAttributes;
  /** W3C trace context of the parent. Default: the running span. A malformed one is ignored. */
  readonly parent?: string | undefined;
  /** W3C trace context of a related span in another trace. */
  readonly link?: string | undefined;
}

/** A span while it runs. */
export interface RunningSpan {
  /** W3C trace context, to continue this trace elsewhere. */
  readonly traceparent: string;
  readonly traceId: string;
  set(attributes: SpanAttributes): void;
  /** Marks it as failed. `errorType` is a code, a status or a class, because texts may quote secrets. */
  fail(errorType: string): void;
}

export interface Tracing {
  /** Nothing is exported, so callers don't need to prepare anything. */
  readonly isOff: boolean;
  /** Runs `work` as a span that ends with it. Throws what `work` throws, and doesn't look at it. */
  run<T>(start: SpanStart, work: (span: RunningSpan) => Promise<T>): Promise<T>;
  /** The innermost running span; `undefined` outside of all spans. */
  current(): RunningSpan | undefined;
  add(name: CounterName, value: number, attributes?: SpanAttributes): void;
  record(name: HistogramName, value: number, attributes?: SpanAttributes): void;
  /** Sends the rest and resolves when that is done, or after `timeoutMs`. Never throws. */
  flush(timeoutMs: number): Promise<void>;
}

const NO_SPAN: RunningSpan = { traceparent: '', traceId: '', set: () => undefined, fail: () => undefined };

/** Traces nothing and costs nothing. */
export const NO_TRACING: Tracing = {
  isOff: true,
  run: async (_start, work) => work(NO_SPAN),
  current: () => undefined,
  add: () => undefined,
  record: () => undefined,
  flush: async () => undefined,
};

let active = NO_TRACING;

/** Returns this process's tracing: {@link NO_TRACING} until another one is activated. */
export function tracing(): Tracing {
  return active;
}

/** Makes `next` this process's tracing and returns the previous one. */
export function activateTracing(next: Tracing): Tracing {
  const before = active;
  active = next;
  return before;
}
