/** The message of the queue `provision`: a sign-in enqueues what it saw, and the worker provisions it. */
import * as z from 'zod/mini';
import { isSafeId } from '../model/isSafeId.ts';
import type { GroupsSource, ObservationKey, Person } from '../model/observation.ts';
import { instant, type QueueMessage, queueMessageFields, readMessage } from './queueMessage.ts';

/**
 * The largest message, in bytes of JSON, that carries its group ids itself. Azure's limit is 64 KiB of base64, which is
 * 48 KiB of JSON. The rest is left for what is added while a message waits.
 */
export const MAX_INLINE_BYTES = 44 * 1024;

interface MessageBody extends ObservationKey, QueueMessage {
  readonly version: 1;
  readonly person: Person;
  readonly groups_source: GroupsSource;
}

/** A message that carries the group ids. An empty list: the person has no groups. */
export interface InlineMessage extends MessageBody {
  readonly group_ids: readonly string[];
}

/** A message whose group ids don't fit, so that the store keeps them. */
export interface ParkedMessage extends MessageBody {
  readonly parked: { readonly snapshot_id: string; readonly count: number };
}

export type ProvisionMessage = InlineMessage | ParkedMessage;

const safeId = z.string().check(z.refine(isSafeId));

const messageSchema = z.pipe(
  z.object({
    version: z.literal(1),
    id: safeId,
    observed_at: instant,
    person: z.object({
      user_id: safeId,
      tenant_id: safeId,
      display_name: z.exactOptional(z.string()),
      user_email: z.exactOptional(z.string()),
      app_roles: z.array(z.string()),
    }),
    groups_source: z.enum(['claim', 'directory']),
    group_ids: z.exactOptional(z.array(safeId)),
    parked: z.exactOptional(z.object({ snapshot_id: safeId, count: z.int().check(z.nonnegative()) })),
    ...queueMessageFields,
  }),
  z.transform(({ group_ids, parked, ...body }, context): ProvisionMessage => {
    if (group_ids !== undefined && parked === undefined) return { ...body, group_ids };
    if (group_ids === undefined && parked !== undefined) return { ...body, parked };
    context.issues.push({
      code: 'custom',
      input: body,
      path: ['group_ids'],
      message: 'either group_ids or parked',
    });
    return z.NEVER;
  }),
);

/** Reads a message as {@link readMessage} does. */
export function parseProvisionMessage(entry: unknown): ProvisionMessage {
  return readMessage(messageSchema, entry, 'provisioning');
}

/** Returns the message's text. The queue's adapter adds base64. */
export function serializeProvisionMessage(message: ProvisionMessage): string {
  return JSON.stringify(message);
}
