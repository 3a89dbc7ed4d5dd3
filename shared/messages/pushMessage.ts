/** The queue message that says about whom or what the LiteLLM proxy has to be told. What, is read when it is told. */
import { toDotPath } from 'zod/v4/core';
import * as z from 'zod/mini';
import { isSafeId } from '../domain/isSafeId.ts';
import { AppError } from '../errors.ts';
import type { PushSubject } from '../proxyPorts.ts';

export interface PushMessage {
  readonly version: 1;
  /** A person with all memberships, or one organization or team. */
  readonly subject: PushSubject;
  /** Since when and how often the message was put back because the proxy was not to be had. */
  readonly waiting?: { readonly since: string; readonly tries: number };
  /** W3C trace context of whatever changed it. */
  readonly traceparent?: string;
  /** When the sign-in behind it was enqueued, or this message, by this service's clock. ISO 8601 UTC. */
  readonly enqueued_at?: string;
}

const TRACEPARENT = /^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$/;
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

/**
 * Reads a queue entry, as text or as the object that the Functions host made of it. Fields it does not know are dropped.
 * Throws `message_unreadable` (final) whose details name the paths that are wrong and none of their values.
 */
export function parsePushMessage(entry: unknown): PushMessage {
  const parsed = messageSchema.safeParse(typeof entry === 'string' ? parseJson(entry) : entry);
  if (parsed.success) return parsed.data;
  const paths = parsed.error.issues.map((issue) => toDotPath(issue.path) || '(whole message)');
  throw new AppError('message_unreadable', 'The queue message is not a push message of version 1', {
    details: { paths: [...new Set(paths)].slice(0, 10) },
  });
}

/** Gives the message's text. The queue's adapter adds base64. */
export function serializePushMessage(message: PushMessage): string {
  return JSON.stringify(message);
}

/** Text that is no JSON stays text, which the schema then refuses as a whole. */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
