import type { MessageQueue } from '../model/ports.ts';
import type { SpanAttributes, Tracing } from './tracing.ts';
import { failSpan } from './failSpan.ts';

/**
 * Gives a queue each of whose pushes is a span. A message that names the span around the push as its trace context leaves with
 * the push itself instead (as long, to the letter), so that its reader is the child of what sent it. A message that is put back
 * names another span, the one that first sent it, and keeps it.
 */
export function traceQueue(
  tracing: Tracing,
  queue: MessageQueue,
  described: { readonly queueName: string; readonly server: SpanAttributes },
): MessageQueue {
  const { queueName } = described;
  return {
    // Untraced: probes ask for it all day.
    check: async () => queue.check(),
    enqueue: async (text, options) => {
      const around = tracing.current()?.traceparent;
      const attributes = {
        'app.dependency': 'queue',
        'messaging.system': 'azure_queue_storage',
        'messaging.operation.type': 'send',
        'messaging.operation.name': 'send',
        'messaging.destination.name': queueName,
        'messaging.message.body.size': Buffer.byteLength(text),
        'app.delay': options?.delaySeconds,
        ...described.server,
      };
      return tracing.run({ name: `send ${queueName}`, kind: 'producer', attributes }, async (span) =>
        failSpan(span, async () => {
          const sent = around === undefined ? text : text.replace(around, span.traceparent);
          await queue.enqueue(sent, options);
        }),
      );
    },
  };
}
