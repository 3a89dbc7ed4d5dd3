/** What the messages of all queues have in common, and how they are read. */
import { toDotPath } from 'zod/v4/core';
import * as z from 'zod/mini';
import { AppError } from '../model/errors.ts';

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
export const instant = z.iso.datetime();

/** {@link QueueMessage}, for a message's schema. */
export const queueMessageFields = {
  waiting: z.exactOptional(z.object({ since: instant, tries: z.int().check(z.nonnegative()) })),
  traceparent: z.exactOptional(z.string().check(z.regex(TRACEPARENT))),
  enqueued_at: z.exactOptional(instant),
};

/**
 * Reads a queue entry: text, or the object that the Functions host made of it. Drops fields that the schema doesn't have.
 * Throws `message_unreadable` (final). Its details name the paths that are wrong, and none of their values. `kind` names the expected
 * message in the error.
 */
export function readMessage<T extends z.ZodMiniType>(schema: T, entry: unknown, kind: string): z.output<T> {
  const parsed = schema.safeParse(parseEntry(entry));
  if (parsed.success) return parsed.data;
  const paths = parsed.error.issues.map((issue) => toDotPath(issue.path) || '(whole message)');
  throw new AppError('message_unreadable', `The queue message isn't a ${kind} message of version 1`, {
    details: { paths: [...new Set(paths)].slice(0, 10) },
  });
}

/** Text that isn't JSON stays text. The schema then refuses it as a whole. */
function parseEntry(entry: unknown): unknown {
  if (typeof entry !== 'string') return entry;
  try {
    return JSON.parse(entry);
  } catch {
    return entry;
  }
}

/** Returns whether a request's header is a W3C trace context that a message may carry. */
export function isTraceparent(header: string | undefined): header is string {
  return header !== undefined && TRACEPARENT.test(header);
}

const tracedSchema = z.object({ traceparent: z.string().check(z.regex(TRACEPARENT)) });

/** Returns the trace context of a queue entry, or `undefined` if it has none or can't be read. Never throws. */
export function findTraceparent(entry: unknown): string | undefined {
  const parsed = tracedSchema.safeParse(parseEntry(entry));
  return parsed.success ? parsed.data.traceparent : undefined;
}
