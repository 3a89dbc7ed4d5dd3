import type { MessageQueue } from '../model/ports.ts';
import type { SpanAttributes, Tracing } from './tracing.ts';
import { failSpan } from './failSpan.ts';

/**
 * Wraps a queue, so that each message sent is a span. If a message has the surrounding span as its trace context, it
 * gets the sending span's instead (of the same length), so that its reader becomes a child of the sending span. A
 * message that is put back has another trace context, of the span that first sent it, and keeps it.
 */
export function traceQueue(
  tracing: Tracing,
  queue: MessageQueue,
  described: { readonly queueName: string; readonly server: SpanAttributes },
): MessageQueue {
  const { queueName } = described;
  return {
    // Untraced, because probes call it all day.
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
