import { toDotPath } from 'zod/v4/core';
import type * as z from 'zod/mini';
import { AppError } from '../model/errors.ts';

/** W3C trace context, as a message carries it. */
export const TRACEPARENT = /^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$/;

/**
 * Reads a queue entry, as text or as the object that the Functions host made of it. Fields that the schema does not know are dropped.
 * Throws `message_unreadable` (final) whose details name the paths that are wrong and none of their values. `kind`: what it should
 * have been, for the error.
 */
export function readMessage<T extends z.ZodMiniType>(schema: T, entry: unknown, kind: string): z.output<T> {
  const parsed = schema.safeParse(typeof entry === 'string' ? parseJson(entry) : entry);
  if (parsed.success) return parsed.data;
  const paths = parsed.error.issues.map((issue) => toDotPath(issue.path) || '(whole message)');
  throw new AppError('message_unreadable', `The queue message is not a ${kind} message of version 1`, {
    details: { paths: [...new Set(paths)].slice(0, 10) },
  });
}

/** Text that is no JSON stays text, which the schema then refuses as a whole. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
