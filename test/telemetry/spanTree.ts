/** Traces as a person reads them. */
import type { ReceivedSpan } from './otlpReceiver.ts';

const kinds = ['', 'internal', 'server', 'client', 'producer', 'consumer'];

/** Returns the spans of one trace as an indented tree, each with its kind, duration and outcome. */
export function renderTree(spans: readonly ReceivedSpan[]): string {
  const ids = new Set(spans.map((span) => span.spanId));
  const roots = spans.filter((span) => !ids.has(span.parentSpanId));
  return roots.flatMap((root) => renderBranch(spans, root, 0)).join('\n');
}

function renderBranch(spans: readonly ReceivedSpan[], span: ReceivedSpan, depth: number): readonly string[] {
  const durationMs = Number(span.endTimeUnixNano - span.startTimeUnixNano) / 1e6;
  const name = `${'   '.repeat(depth)}${span.name}`;
  const said = ['app.outcome', 'http.response.status_code', 'db.response.returned_rows', 'error.type']
    .filter((key) => span.attributes[key] !== undefined)
    .map((key) => `${key}=${span.attributes[key]}`);
  const line = `${name.padEnd(62)} ${(kinds[span.kind] ?? '').padEnd(9)} ${durationMs.toFixed(1).padStart(7)} ms  ${said.join(' ')}`;
  const children = childrenOf(spans, span).flatMap((child) => renderBranch(spans, child, depth + 1));
  return [line.trimEnd(), ...children];
}

/** Returns the children of a span, in the order of their start. */
export function childrenOf(spans: readonly ReceivedSpan[], parent: ReceivedSpan): readonly ReceivedSpan[] {
  return spans
    .filter((span) => span.parentSpanId === parent.spanId && span.traceId === parent.traceId)
    .sort((a, b) => Number(a.startTimeUnixNano - b.startTimeUnixNano));
}
