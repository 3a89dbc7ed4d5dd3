/** An OpenTelemetry collector in this process: takes OTLP over HTTP as JSON and gives back what was in it. */
import { createServer } from 'node:http';
import { buffer } from 'node:stream/consumers';
import { gunzipSync } from 'node:zlib';
import { z } from 'zod';

const attributesSchema = z
  .array(
    z.object({
      key: z.string(),
      value: z.object({
        stringValue: z.string().optional(),
        intValue: z.coerce.number().optional(),
        doubleValue: z.number().optional(),
        boolValue: z.boolean().optional(),
      }),
    }),
  )
  .default([])
  .transform((list) => {
    const attributes: Record<string, string | number | boolean> = {};
    for (const { key, value } of list) {
      attributes[key] = value.stringValue ?? value.intValue ?? value.doubleValue ?? value.boolValue ?? '';
    }
    return attributes;
  });

const spanSchema = z.object({
  traceId: z.string(),
  spanId: z.string(),
  parentSpanId: z.string().default(''),
  name: z.string(),
  /** 1 internal, 2 server, 3 client, 4 producer, 5 consumer. */
  kind: z.number(),
  startTimeUnixNano: z.coerce.bigint(),
  endTimeUnixNano: z.coerce.bigint(),
  attributes: attributesSchema,
  events: z.array(z.unknown()).default([]),
  links: z.array(z.object({ traceId: z.string(), spanId: z.string() })).default([]),
  /** 2: failed. */
  status: z.object({ code: z.number().default(0), message: z.string().optional() }),
});

export type ReceivedSpan = z.infer<typeof spanSchema>;

const pointSchema = z.object({
  attributes: attributesSchema,
  asInt: z.coerce.number().optional(),
  asDouble: z.number().optional(),
  count: z.coerce.number().optional(),
  sum: z.number().optional(),
  explicitBounds: z.array(z.number()).optional(),
});

const metricSchema = z.object({
  name: z.string(),
  unit: z.string().default(''),
  description: z.string().default(''),
  sum: z.object({ dataPoints: z.array(pointSchema) }).optional(),
  histogram: z.object({ dataPoints: z.array(pointSchema) }).optional(),
});

const resourceSchema = z.object({ attributes: attributesSchema });

const tracesSchema = z.object({
  resourceSpans: z.array(
    z.object({ resource: resourceSchema, scopeSpans: z.array(z.object({ spans: z.array(spanSchema) })) }),
  ),
});

const metricsSchema = z.object({
  resourceMetrics: z.array(
    z.object({
      resource: resourceSchema,
      scopeMetrics: z.array(z.object({ metrics: z.array(metricSchema) })),
    }),
  ),
});

/** The newest value of one metric with these attributes, of one process. */
export interface ReceivedPoint {
  readonly name: string;
  readonly unit: string;
  readonly description: string;
  readonly instance: string;
  readonly attributes: Readonly<Record<string, string | number | boolean>>;
  /** A counter's total, or how many values a histogram holds. */
  readonly count: number;
  /** Of a histogram: all its values together. */
  readonly sum?: number | undefined;
  readonly explicitBounds?: readonly number[] | undefined;
}

export interface OtlpReceiver {
  /** For `OTEL_EXPORTER_OTLP_ENDPOINT`. */
  readonly url: string;
  /** In the order in which they came. */
  spans(this: void): readonly ReceivedSpan[];
  /** Totals over all processes: the value of each metric by its attributes, `name{key=value}`. */
  totals(this: void): Readonly<Record<string, number>>;
  points(this: void): readonly ReceivedPoint[];
  /** Each request as it came: path, headers and body, as text. */
  raw(this: void): readonly string[];
  /** What the next answers do instead of 200; `hang`: never come. */
  answerWith(this: void, how: number | 'hang' | undefined): void;
  close(this: void): Promise<void>;
}

/** Starts one on a free port. The caller closes it. */
export async function startOtlpReceiver(): Promise<OtlpReceiver> {
  const spans: ReceivedSpan[] = [];
  const points = new Map<string, ReceivedPoint>();
  const raw: string[] = [];
  let how: number | 'hang' | undefined;
  const take = (path: string, body: unknown): void => {
    if (path === '/v1/traces') {
      for (const { scopeSpans } of tracesSchema.parse(body).resourceSpans) {
        spans.push(...scopeSpans.flatMap((scope) => scope.spans));
      }
    }
    if (path === '/v1/metrics') {
      for (const point of pointsOf(body)) {
        points.set(`${point.instance} ${keyOf(point)}`, point);
      }
    }
  };
  const server = createServer((request, response) => {
    void (async () => {
      const bytes = await buffer(request);
      const body = request.headers['content-encoding'] === 'gzip' ? gunzipSync(bytes) : bytes;
      raw.push(`${request.url} ${JSON.stringify(request.headers)} ${body.toString('latin1')}`);
      if (how === 'hang') return;
      const isJson = request.headers['content-type'] === 'application/json';
      if (isJson && how === undefined) take(request.url ?? '', JSON.parse(body.toString('utf8')));
      response.writeHead(how ?? 200, { 'content-type': 'application/json' }).end('{}');
    })();
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the receiver has no port');
  return {
    url: `http://127.0.0.1:${address.port}`,
    spans: () => spans,
    points: () => [...points.values()],
    totals: () => {
      const totals: Record<string, number> = {};
      for (const point of points.values()) totals[keyOf(point)] = (totals[keyOf(point)] ?? 0) + point.count;
      return totals;
    },
    raw: () => raw,
    answerWith: (next) => {
      how = next;
    },
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => {
        server.close(resolve);
      });
    },
  };
}

function pointsOf(body: unknown): readonly ReceivedPoint[] {
  return metricsSchema.parse(body).resourceMetrics.flatMap(({ resource, scopeMetrics }) =>
    scopeMetrics
      .flatMap((scope) => scope.metrics)
      .flatMap(({ name, unit, description, sum, histogram }) =>
        (sum ?? histogram ?? { dataPoints: [] }).dataPoints.map((point) => ({
          name,
          unit,
          description,
          instance: String(resource.attributes['service.instance.id']),
          attributes: point.attributes,
          count: point.count ?? point.asInt ?? point.asDouble ?? 0,
          sum: point.sum,
          explicitBounds: point.explicitBounds,
        })),
      ),
  );
}

function keyOf({ name, attributes }: Pick<ReceivedPoint, 'name' | 'attributes'>): string {
  const list = Object.entries(attributes).map(([key, value]) => `${key}=${value}`);
  return list.length === 0 ? name : `${name}{${list.sort().join(',')}}`;
}
