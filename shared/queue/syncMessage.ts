/** The queue message that says about whom or what the LiteLLM proxy has to be told. What, is read when it is told. */
import type { SyncSubject } from '../model/synced.ts';
import * as z from 'zod/mini';
import { isSafeId } from '../model/isSafeId.ts';
import { readMessage, TRACEPARENT } from './readMessage.ts';

export interface SyncMessage {
  readonly version: 1;
  /** A person with all memberships, or one organization or team. */
  readonly subject: SyncSubject;
  /** Since when and how often the message was put back because the proxy was not to be had. */
  readonly waiting?: { readonly since: string; readonly tries: number };
  /** W3C trace context of whatever changed it. */
  readonly traceparent?: string;
  /** When the sign-in behind it was enqueued, or this message, by this service's clock. ISO 8601 UTC. */
  readonly enqueued_at?: string;
}

const instant = z.iso.datetime();

const messageSchema = z.object({
  version: z.literal(1),
  subject: z.object({
    kind: z.enum(['user', 'organization', 'team']),
    id: z.string().check(z.refine(isSafeId)),
  }),
  waiting: z.exactOptional(z.object({ since: instant, tries: z.int().check(z.nonnegative()) })),
  traceparent: z.exactOptional(z.string().check(z.regex(TRACEPARENT))),
  enqueued_at: z.exactOptional(instant),
});

/** As `readMessage`. */
export function parseSyncMessage(entry: unknown): SyncMessage {
  return readMessage(messageSchema, entry, 'litellm-sync');
}

/** Gives the message's text. The queue's adapter adds base64. */
export function serializeSyncMessage(message: SyncMessage): string {
  return JSON.stringify(message);
}
