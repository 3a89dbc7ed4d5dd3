/** Calls the operations of the app that the local stack runs. */
import { z } from 'zod';
import type { RedriveRequest } from '../shared/queue/redriveRequest.ts';
import { CommandError } from '../terminal/commandError.ts';
import type { LocalStack } from './localStack.ts';

const answerSchema = z.object({
  redriven: z.number(),
  left: z.number(),
  messages: z.array(z.object({ id: z.string(), result: z.string(), reason: z.string() })),
});

export type RedriveAnswer = z.output<typeof answerSchema>;

const errorSchema = z.object({ error: z.object({ code: z.string(), message: z.string() }) });

/** Asks the app to put failed messages back. Throws a CommandError with the app's own code if it refuses. */
export async function requestRedrive(
  { url, functionKey }: LocalStack,
  request: RedriveRequest,
): Promise<RedriveAnswer> {
  if (url === undefined) {
    throw new CommandError('The local stack is of an older version. Stop it and start it again: npm start');
  }
  const response = await fetch(`${url}/api/operations/redrive`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      ...(functionKey === undefined ? {} : { 'x-functions-key': functionKey }),
    },
    body: JSON.stringify(request),
    redirect: 'error',
  });
  const body: unknown = await response.json().catch(() => undefined);
  if (response.ok) return answerSchema.parse(body);
  const failed = errorSchema.safeParse(body);
  throw new CommandError(
    failed.success
      ? `${failed.data.error.message} (${failed.data.error.code})`
      : `The app answered with the status ${response.status}.`,
  );
}
