/** What the emulator records of a request. Keys are never in it. */
import type { IncomingMessage } from 'node:http';
import { z } from 'zod';

import { RequestRecord } from '../emulator/requestRecord.ts';

export const recordedRequestSchema = z.object({
  method: z.string(),
  path: z.string(),
  query: z.record(z.string(), z.string()),
  /** As it was sent. `undefined` if there was none, or if it wasn't JSON. */
  body: z.unknown().optional(),
  at: z.string(),
  status: z.number(),
  durationMs: z.number(),
  /** It changes rows, or would. */
  isWrite: z.boolean(),
  /** It destroys users, teams, organizations or keys, or would. */
  isDestructive: z.boolean(),
  /** Fields and query parameters that LiteLLM would silently ignore. */
  warnings: z.array(z.string()),
  /** The header `litellm-changed-by`, if the endpoint reads it. */
  changedBy: z.string().optional(),
});

export type RecordedRequest = z.infer<typeof recordedRequestSchema>;

/** Starts the record of a request. LiteLLM names every call that destroys something `/…/delete`. */
export function recordRequest(request: IncomingMessage, url: URL): RecordedRequest {
  return {
    method: request.method ?? '',
    path: url.pathname,
    query: Object.fromEntries(url.searchParams),
    at: new Date().toISOString(),
    status: 0,
    durationMs: 0,
    isWrite: request.method !== 'GET',
    isDestructive: request.method !== 'GET' && url.pathname.endsWith('/delete'),
    warnings: [],
  };
}

export const requestSummarySchema = z.object({
  requests: z.array(recordedRequestSchema),
  destructive: z.array(recordedRequestSchema),
});

export type RequestSummary = z.infer<typeof requestSummarySchema>;

/** The requests, with what tests ask about them. Destructive ones stay in it until it is cleared. */
export class LitellmRequestRecord extends RequestRecord<RecordedRequest> {
  constructor() {
    super((request) => request.isDestructive);
  }

  /** The calls that change rows. */
  get writes(): readonly RecordedRequest[] {
    return this.all.filter((request) => request.isWrite);
  }

  /** The calls that destroy something, or would, whether they succeeded or not. */
  get destructive(): readonly RecordedRequest[] {
    return this.all.filter((request) => request.isDestructive);
  }

  /** Every warning, with the call that it is about. */
  get warnings(): readonly string[] {
    return this.all.flatMap(({ method, path, warnings }) =>
      warnings.map((warning) => `${method} ${path}: ${warning}`),
    );
  }
}
