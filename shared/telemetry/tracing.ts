/**
 * The little that this product asks of tracing and metrics. Nothing of OpenTelemetry is in here: what fulfils it is a bundle
 * of its own that is loaded only where something is exported (docs/decisions/0010-telemetry.md).
 */
import type { CounterName, HistogramName } from './metrics.ts';

/** Names, counts, codes and addresses. Never an id of a person or of a row, an email, a name or a token. */
export type SpanAttributes = Readonly<Record<string, string | number | boolean | undefined>>;

export interface SpanStart {
  /** Few different ones: no ids in it. */
  readonly name: string;
  readonly kind: 'internal' | 'client' | 'producer' | 'consumer';
  readonly attributes?: SpanAttributes;
  /** W3C trace context of the parent. Default: the span that runs now; a malformed one counts as none. */
  readonly parent?: string | undefined;
  /** W3C trace context of a span of another trace that belongs to it. */
  readonly link?: string | undefined;
}

/** A span while it runs. */
export interface RunningSpan {
  /** W3C trace context, for whoever goes on with this trace elsewhere. */
  readonly traceparent: string;
  readonly traceId: string;
  set(attributes: SpanAttributes): void;
  /** Marks it as failed. `errorType` is a code, a status or a class: texts may quote what they failed on. */
  fail(errorType: string): void;
}

export interface Tracing {
  /** Nothing is exported, so nobody needs to prepare what would be. */
  readonly isOff: boolean;
  /** Runs `work` as a span that ends with it. What `work` throws is thrown on, and is not looked at. */
  run<T>(start: SpanStart, work: (span: RunningSpan) => Promise<T>): Promise<T>;
  /** The innermost span that runs now; `undefined` outside of all. */
  current(): RunningSpan | undefined;
  add(name: CounterName, value: number, attributes?: SpanAttributes): void;
  record(name: HistogramName, value: number, attributes?: SpanAttributes): void;
  /** Sends what is not sent yet and resolves when it is, but after `timeoutMs` in any case. Never throws. */
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

/** Gives this process's tracing: {@link NO_TRACING} until something else was activated. */
export function tracing(): Tracing {
  return active;
}

/** Makes `next` this process's tracing and gives the one before. */
export function activateTracing(next: Tracing): Tracing {
  const before = active;
  active = next;
  return before;
}
