import { QueueServiceClient } from '@azure/storage-queue';
import { z } from 'zod';
import type { FunctionTrigger } from './functionTrigger.ts';
import type { OutputWriter } from './invoker.ts';
import type { OutputData } from './programmingModel.ts';

export interface QueueOutputOptions {
  readonly functions: ReadonlyMap<string, FunctionTrigger>;
  readonly messageEncoding: 'base64' | 'none';
  readonly connectionStringOf: (connection: string) => string;
}

/**
 * Gives the writer of queue output bindings: one message for a value, one for each element of an array, sent
 * before the function's answer leaves, so that a failure still fails the call. Creates a queue that is missing.
 */
export function createQueueOutputWriter(options: QueueOutputOptions): OutputWriter {
  return async (functionName, response) => {
    for (const output of options.functions.get(functionName)?.queueOutputs ?? []) {
      const data =
        output.bindingName === '$return'
          ? response.returnValue
          : response.outputData.find(({ name }) => name === output.bindingName)?.data;
      const texts = data ? textsOf(data) : [];
      if (texts.length > 0) {
        const queue = QueueServiceClient.fromConnectionString(
          options.connectionStringOf(output.connection),
        ).getQueueClient(output.queueName);
        await queue.createIfNotExists();
        for (const text of texts) {
          await queue.sendMessage(
            options.messageEncoding === 'base64' ? Buffer.from(text).toString('base64') : text,
          );
        }
      }
    }
  };
}

function textsOf(data: OutputData): readonly string[] {
  if (data.json !== undefined) {
    const list = z.array(z.unknown()).safeParse(JSON.parse(data.json));
    return list.success
      ? list.data.map((item) => (typeof item === 'string' ? item : JSON.stringify(item)))
      : [data.json];
  }
  if (data.bytes !== undefined) {
    return [Buffer.from(data.bytes).toString('utf8')];
  }
  return [data.string ?? String(data.int ?? data.double ?? '')];
}
