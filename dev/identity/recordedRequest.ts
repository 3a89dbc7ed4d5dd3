/** What the emulator records of a request, and the summary that the control API answers. */
import { z } from 'zod';

const requestKinds = [
  'discovery',
  'jwks',
  'authorize',
  'interaction',
  'token',
  'graph',
  'managedIdentity',
  'other',
] as const;
export type RequestKind = (typeof requestKinds)[number];

const recordedRequestSchema = z.object({
  kind: z.enum(requestKinds),
  method: z.string(),
  /** Includes the query for Graph only. Elsewhere the query contains codes and states. */
  path: z.string(),
  at: z.string(),
  /** The grant type at the token endpoint. */
  grantType: z.string().optional(),
  /** Which kind of access token came with the request. */
  tokenKind: z.enum(['none', 'invalid', 'delegated', 'application']).optional(),
  status: z.number(),
  durationMs: z.number(),
});

export const requestSummarySchema = z.object({
  requests: z.array(recordedRequestSchema),
  /** How many requests of each kind. */
  counts: z.record(z.enum(requestKinds), z.number()),
});

export type RecordedRequest = z.infer<typeof recordedRequestSchema>;
export type RequestSummary = z.infer<typeof requestSummarySchema>;

/** Counts the requests by kind. */
export function summarizeRequests(requests: readonly RecordedRequest[]): RequestSummary {
  const counts = {
    discovery: 0,
    jwks: 0,
    authorize: 0,
    interaction: 0,
    token: 0,
    graph: 0,
    managedIdentity: 0,
    other: 0,
  };
  for (const { kind } of requests) {
    counts[kind] += 1;
  }
  return { requests: [...requests], counts };
}
