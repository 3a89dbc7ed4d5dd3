/** A tracing that records everything. */
import { AsyncLocalStorage } from 'node:async_hooks';
import type { RunningSpan, SpanAttributes, SpanStart, Tracing } from '../../shared/telemetry/tracing.ts';

export interface RecordedSpan extends RunningSpan {
  readonly start: SpanStart;
  readonly attributes: SpanAttributes;
  readonly failure: string | undefined;
  readonly parent: RecordedSpan | undefined;
  readonly ended: boolean;
}

export interface RecordedTracing extends Tracing {
  readonly spans: RecordedSpan[];
  /** `name value {attributes}` */
  readonly measured: string[];
}

export function recordTracing(): RecordedTracing {
  const running = new AsyncLocalStorage<RecordedSpan>();
  const spans: RecordedSpan[] = [];
  const measured: string[] = [];
  const measure = (name: string, value: number, attributes: SpanAttributes = {}): void => {
    measured.push(`${name} ${value} ${JSON.stringify(attributes)}`);
  };
  return {
    isOff: false,
    spans,
    measured,
    current: () => running.getStore(),
    add: measure,
    record: measure,
    flush: async () => undefined,
    async run(start, work) {
      const spanId = String(spans.length + 1).padStart(16, '0');
      let attributes: SpanAttributes = { ...start.attributes };
      let failure: string | undefined;
      let ended = false;
      const span: RecordedSpan = {
        start,
        traceId: 't'.repeat(32),
        traceparent: `00-${'a'.repeat(32)}-${spanId}-01`,
        parent: running.getStore(),
        get attributes() {
          return attributes;
        },
        get failure() {
          return failure;
        },
        get ended() {
          return ended;
        },
        set: (more) => {
          attributes = { ...attributes, ...more };
        },
        fail: (errorType) => {
          failure = errorType;
        },
      };
      spans.push(span);
      try {
        return await running.run(span, async () => work(span));
      } finally {
        ended = true;
      }
    },
  };
}
