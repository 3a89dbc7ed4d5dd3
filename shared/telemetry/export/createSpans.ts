import type { AsyncLocalStorage } from 'node:async_hooks';
import {
  type Context,
  isSpanContextValid,
  ROOT_CONTEXT,
  type Span,
  type SpanContext,
  SpanKind,
  SpanStatusCode,
  trace,
} from '@opentelemetry/api';
import type { Resource } from '@opentelemetry/resources';
import {
  AlwaysOnSampler,
  BasicTracerProvider,
  BatchSpanProcessor,
  type SpanExporter,
} from '@opentelemetry/sdk-trace-base';
import type { RunningSpan, SpanStart, Tracing } from '../tracing.ts';

/** The most that an instance loses when it is killed. The SDK's default is five times as long. */
const EXPORT_DELAY_MS = 1_000;

const KINDS: Readonly<Record<SpanStart['kind'], SpanKind>> = {
  internal: SpanKind.INTERNAL,
  client: SpanKind.CLIENT,
  producer: SpanKind.PRODUCER,
  consumer: SpanKind.CONSUMER,
};

export interface SpansOptions {
  readonly resource: Resource;
  readonly exporters: readonly SpanExporter[];
  readonly contexts: AsyncLocalStorage<Context>;
}

export interface Spans extends Pick<Tracing, 'run'> {
  describe(span: Span | undefined): RunningSpan | undefined;
  /** Rejects if an exporter does. */
  flush(): Promise<void>;
}

/** Creates the part that runs work as spans and sends them in batches, in the background. */
export function createSpans({ resource, exporters, contexts }: SpansOptions): Spans {
  const provider = new BasicTracerProvider({
    resource,
    ...(isSamplerGiven() ? {} : { sampler: new AlwaysOnSampler() }),
    spanLimits: { attributeValueLengthLimit: 256 },
    spanProcessors: exporters.map(
      (exporter) => new BatchSpanProcessor(exporter, { scheduledDelayMillis: EXPORT_DELAY_MS }),
    ),
  });
  const tracer = provider.getTracer('app');
  return {
    describe,
    flush: async () => provider.forceFlush(),
    async run(start, work) {
      const parent = parentOf(start.parent) ?? contexts.getStore() ?? ROOT_CONTEXT;
      const link = parseTraceparent(start.link);
      const attributes = {
        ...start.attributes,
        // Azure Monitor names a consumer's row by this value alone, and leaves it out of the properties.
        ...(start.kind === 'consumer' ? { 'ai.operation.name': start.name } : {}),
      };
      const span = tracer.startSpan(
        start.name,
        { kind: KINDS[start.kind], attributes, links: link === undefined ? [] : [{ context: link }] },
        parent,
      );
      try {
        return await contexts.run(trace.setSpan(parent, span), work, describe(span));
      } finally {
        span.end();
      }
    },
  };
}

function describe(span: Span): RunningSpan;
function describe(span: Span | undefined): RunningSpan | undefined;
function describe(span: Span | undefined): RunningSpan | undefined {
  if (span === undefined) return undefined;
  const { traceId, spanId, traceFlags } = span.spanContext();
  return {
    traceId,
    traceparent: `00-${traceId}-${spanId}-${traceFlags.toString(16).padStart(2, '0')}`,
    set: (attributes) => void span.setAttributes(attributes),
    fail: (errorType) => {
      span.setAttribute('error.type', errorType);
      span.setStatus({ code: SpanStatusCode.ERROR });
    },
  };
}

function parentOf(traceparent: string | undefined): Context | undefined {
  const parsed = parseTraceparent(traceparent);
  return parsed === undefined ? undefined : trace.setSpanContext(ROOT_CONTEXT, parsed);
}

function parseTraceparent(traceparent: string | undefined): SpanContext | undefined {
  const [, traceId = '', spanId = '', flags = ''] =
    /^(?!ff)[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})$/.exec(traceparent ?? '') ?? [];
  const context = { traceId, spanId, traceFlags: Number.parseInt(flags, 16), isRemote: true };
  return isSpanContextValid(context) ? context : undefined;
}

/**
 * Decides what is recorded. A caller's header must not decide it; `OTEL_TRACES_SAMPLER` may. Microsoft's own
 * samplers are meant for the Functions host and its exporter. The library here doesn't know them.
 */
function isSamplerGiven(): boolean {
  const name = process.env['OTEL_TRACES_SAMPLER'] ?? '';
  return name !== '' && !name.startsWith('microsoft.');
}
