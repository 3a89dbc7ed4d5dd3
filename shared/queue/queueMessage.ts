/**
 * Every queue of this product, and its messages. The Functions host moves a message to `<queue>-poison` after its last delivery.
 *
 * On the way each message is signed text (messageSeal.ts). Here is the JSON in it.
 *
 * To add a queue, follow CONTRIBUTING.md, "A queue": name both here and in infra/, describe the message here, describe the queue as a
 * `WorkerQueue` (queueWorker.ts) in the room of its subject, and register one function for each of the two with `onQueue`.
 */
import { toDotPath } from 'zod/v4/core';
import * as z from 'zod/mini';
import { AppError } from '../model/errors.ts';
import { isSafeId } from '../model/entities.ts';
import type { GroupsSource, ObservationKey, ParkedList, Person } from '../model/observation.ts';
import type { SyncSubject } from '../model/synced.ts';
import type { Clock, MessageQueue } from '../model/ports.ts';

/** What a sign-in saw of a person. */
export const PROVISION_QUEUE = 'provision';
export const PROVISION_POISON_QUEUE = 'provision-poison';

/** A person, an organization or a team that LiteLLM may have to learn about. */
export const SYNC_QUEUE = 'litellm-sync';
export const SYNC_POISON_QUEUE = 'litellm-sync-poison';

/** Every queue. The local stack creates them all; in Azure `infra/app/storage.bicep` does. */
export const QUEUES = [PROVISION_QUEUE, PROVISION_POISON_QUEUE, SYNC_QUEUE, SYNC_POISON_QUEUE] as const;

/** How often the host delivers a message before it moves it to the poison queue: `maxDequeueCount` of host.json. */
export const MAX_DELIVERIES = 5;

/** The fields that every message may carry. */
export interface QueueMessage {
  /** Since when and how often the worker has put the message back because something outside it was missing. */
  readonly waiting?: { readonly since: string; readonly tries: number };
  /** W3C trace context of the sign-in or timer that caused the message. */
  readonly traceparent?: string;
  /** When the message, or the sign-in behind it, was first enqueued, by this service's clock. ISO 8601 UTC. */
  readonly enqueued_at?: string;
}

const TRACEPARENT = /^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$/;

/** ISO 8601. */
const instant = z.iso.datetime();

const safeId = z.string().check(z.refine(isSafeId));

/** {@link QueueMessage}, for a message's schema. */
const queueMessageFields = {
  waiting: z.exactOptional(z.object({ since: instant, tries: z.int().check(z.nonnegative()) })),
  traceparent: z.exactOptional(z.string().check(z.regex(TRACEPARENT))),
  enqueued_at: z.exactOptional(instant),
};

/**
 * Reads the JSON of a message that was opened (messageSeal.ts). Drops fields that the schema doesn't have.
 * Throws `message_unreadable` (final). Its details name the paths that are wrong, and none of their values. `kind` names the expected
 * message in the error.
 */
function readMessage<T extends z.ZodMiniType>(schema: T, json: string, kind: string): z.output<T> {
  const parsed = schema.safeParse(parseJson(json));
  if (parsed.success) return parsed.data;
  const paths = parsed.error.issues.map((issue) => toDotPath(issue.path) || '(whole message)');
  throw new AppError('message_unreadable', `The queue message isn't a ${kind} message of version 1`, {
    details: { paths: [...new Set(paths)].slice(0, 10) },
  });
}

/** Text that isn't JSON stays text. The schema then refuses it as a whole. */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** Returns whether a request's header is a W3C trace context that a message may carry. */
export function isTraceparent(header: string | undefined): header is string {
  return header !== undefined && TRACEPARENT.test(header);
}

const tracedSchema = z.object({ traceparent: z.string().check(z.regex(TRACEPARENT)) });

/** Returns the trace context of an opened message, or `undefined` if it has none or can't be read. Never throws. */
export function findTraceparent(json: string): string | undefined {
  const parsed = tracedSchema.safeParse(parseJson(json));
  return parsed.success ? parsed.data.traceparent : undefined;
}

/**
 * The largest message, in bytes of JSON, that carries its group ids itself. Azure's limit is 64 KiB of base64, which is
 * 48 KiB of text. The rest is left for the signature, and for what is added while a message waits.
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

/** A message whose group ids don't fit, so that the store keeps them. Its signature covers them by their hash. */
export interface ParkedMessage extends MessageBody {
  readonly parked: ParkedList;
}

/** The message of the queue `provision`: a sign-in enqueues what it saw, and the worker provisions it. */
export type ProvisionMessage = InlineMessage | ParkedMessage;

const provisionSchema = z.pipe(
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
    parked: z.exactOptional(
      z.object({
        snapshot_id: safeId,
        count: z.int().check(z.nonnegative()),
        sha256: z.string().check(z.regex(/^[A-Za-z0-9_-]{43}$/)),
      }),
    ),
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
export function parseProvisionMessage(json: string): ProvisionMessage {
  return readMessage(provisionSchema, json, 'provisioning');
}

/** Returns the message's JSON. The queue signs it and adds base64. */
export function serializeProvisionMessage(message: ProvisionMessage): string {
  return JSON.stringify(message);
}

/** The message of the queue `litellm-sync`. It names a subject; the worker reads what to sync when it runs the message. */
export interface SyncMessage extends QueueMessage {
  readonly version: 1;
  /** A person with all memberships, or one organization or team. */
  readonly subject: SyncSubject;
  /** Of an organization or team: adds its absent members too, in lists. */
  readonly members?: true;
}

const syncSchema = z.object({
  version: z.literal(1),
  subject: z.object({
    kind: z.enum(['user', 'organization', 'team']),
    id: safeId,
  }),
  members: z.exactOptional(z.literal(true)),
  ...queueMessageFields,
});

/** Reads a message as {@link readMessage} does. */
export function parseSyncMessage(json: string): SyncMessage {
  return readMessage(syncSchema, json, 'litellm-sync');
}

/** What {@link enqueueSync} needs. It exists only if a LiteLLM proxy is connected. */
export interface SyncRequests {
  /** The queue `litellm-sync`. */
  readonly queue: Pick<MessageQueue, 'enqueue'>;
  readonly clock: Clock;
  /** Returns the W3C trace context of the current span, or `undefined` without tracing. */
  traceparent(this: void): string | undefined;
}

/**
 * Enqueues one message for a subject: one request. One message too many changes nothing, because the worker reads what to sync when
 * it runs. `enqueuedAt`: when the sign-in behind it was enqueued. `delaySeconds`: until the message becomes visible; by
 * default at once. `members`: as in {@link SyncMessage}. Throws what the queue throws.
 */
export async function enqueueSync(
  requests: SyncRequests,
  subject: SyncSubject,
  options: {
    readonly enqueuedAt?: string | undefined;
    readonly delaySeconds?: number;
    readonly members?: true;
  } = {},
): Promise<void> {
  const { enqueuedAt, delaySeconds, members } = options;
  const traceparent = requests.traceparent();
  const message: SyncMessage = {
    version: 1,
    subject,
    ...(members === undefined ? {} : { members }),
    ...(traceparent === undefined || traceparent === '' ? {} : { traceparent }),
    enqueued_at: enqueuedAt ?? requests.clock.now().toISOString(),
  };
  await requests.queue.enqueue(JSON.stringify(message), delaySeconds === undefined ? {} : { delaySeconds });
}
