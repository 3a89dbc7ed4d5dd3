/** The queue message between the callback, which saw something, and the worker, which provisions it. */
import * as z from 'zod/mini';
import { isSafeId } from '../model/isSafeId.ts';
import type { GroupsSource, ObservationKey, Person } from '../model/observation.ts';
import { parseJson, readMessage, TRACEPARENT } from './readMessage.ts';

export const PROVISION_QUEUE = 'provision';
/** Where the Functions host puts a message after its last attempt. */
export const PROVISION_POISON_QUEUE = 'provision-poison';

/** Whom or what the LiteLLM proxy has to be told about. */
export const SYNC_QUEUE = 'litellm-sync';
/** Where the Functions host puts such a message after its last attempt. */
export const SYNC_POISON_QUEUE = 'litellm-sync-poison';

/** How often the queue delivers a message before it gives up: `maxDequeueCount` of host.json. */
export const MAX_DELIVERIES = 5;

/**
 * The largest message, in bytes of JSON, that carries its group ids itself. Azure's limit is 64 KiB after base64, which is
 * 48 KiB of JSON; the rest is left for what is added while a message waits.
 */
export const MAX_INLINE_BYTES = 44 * 1024;

interface MessageBody extends ObservationKey {
  readonly version: 1;
  readonly person: Person;
  readonly groups_source: GroupsSource;
  /** Since when and how often the message was put back because something outside it was missing. */
  readonly waiting?: { readonly since: string; readonly tries: number };
  /** W3C trace context of the sign-in. */
  readonly traceparent?: string;
  /** When the message was first enqueued, by this service's clock. ISO 8601 UTC. */
  readonly enqueued_at?: string;
}

/** Group ids that are in the message. Empty: the person has none. */
export interface InlineMessage extends MessageBody {
  readonly group_ids: readonly string[];
}

/** Group ids that are parked in the store because they do not fit. */
export interface ParkedMessage extends MessageBody {
  readonly parked: { readonly snapshot_id: string; readonly count: number };
}

export type ProvisionMessage = InlineMessage | ParkedMessage;

const safeId = z.string().check(z.refine(isSafeId));
const instant = z.iso.datetime();

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
    waiting: z.exactOptional(z.object({ since: instant, tries: z.int().check(z.nonnegative()) })),
    traceparent: z.exactOptional(z.string().check(z.regex(TRACEPARENT))),
    enqueued_at: z.exactOptional(instant),
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

/** Whether a request's header is a W3C trace context that a message may carry. */
export function isTraceparent(header: string | undefined): header is string {
  return header !== undefined && TRACEPARENT.test(header);
}

const tracedSchema = z.object({ traceparent: z.string().check(z.regex(TRACEPARENT)) });

/** Gives the trace context that a queue entry carries; `undefined` where it carries none or cannot be read. Never throws. */
export function findTraceparent(entry: unknown): string | undefined {
  const parsed = tracedSchema.safeParse(typeof entry === 'string' ? parseJson(entry) : entry);
  return parsed.success ? parsed.data.traceparent : undefined;
}

/** As `readMessage`. */
export function parseProvisionMessage(entry: unknown): ProvisionMessage {
  return readMessage(messageSchema, entry, 'provisioning');
}

/** Gives the message's text. The queue's adapter adds base64. */
export function serializeProvisionMessage(message: ProvisionMessage): string {
  return JSON.stringify(message);
}
