/** One call of the API, as its endpoint sees it. */
import type { z } from 'zod';

import { ApiError } from './apiError.ts';
import type { FaultSwitches } from './faults.ts';
import type { MemberWriteGap } from './memberWriteGap.ts';
import type { Behaviours } from './profile.ts';
import type { ProxyStore } from './proxyStore.ts';
import type { RecordedRequest } from './requestRecord.ts';

/** Whose key it is. */
export interface Caller {
  readonly userId: string | undefined;
  readonly role: string;
}

export interface Call {
  readonly store: ProxyStore;
  readonly behaviours: Behaviours;
  readonly faults: FaultSwitches;
  readonly gap: MemberWriteGap;
  readonly caller: Caller;
  readonly query: URLSearchParams;
  /** `undefined`: there was none, or it was no JSON. */
  readonly body: unknown;
  readonly recorded: RecordedRequest;
  /** The header `litellm-changed-by`. */
  readonly changedBy: string | undefined;
  /** Write only half of an added membership. */
  readonly halfWrite: boolean;
  /** ISO 8601 UTC. */
  readonly now: string;
}

/** Gives what the endpoint answers with 200; throws an ApiError for everything else. */
export type Endpoint = (call: Call) => object | null | Promise<object | null>;

/** Gives who made a row, for `created_by`. */
export const callerName = (call: Call): string => call.caller.userId ?? 'default_user_id';

/**
 * Gives the body as the schema has it; fields that it does not know are ignored with a warning, at any depth.
 * Throws 422 where a field is missing or of a wrong type.
 */
export function parseBody<Body>(call: Call, schema: z.ZodType<Body>): Body {
  const parsed = schema.safeParse(call.body);
  if (!parsed.success) throw unprocessable('body', parsed.error);
  call.recorded.warnings.push(
    ...findDropped(call.body, parsed.data, '').map((path) => `the field ${path} is ignored`),
  );
  return parsed.data;
}

/** Gives the query as the schema has it; the same of unknown parameters and wrong values. */
export function parseQuery<Query>(call: Call, schema: z.ZodType<Query>): Query {
  const given = Object.fromEntries(call.query);
  const parsed = schema.safeParse(given);
  if (!parsed.success) throw unprocessable('query', parsed.error);
  call.recorded.warnings.push(
    ...findDropped(given, parsed.data, '').map((path) => `the query parameter ${path} is ignored`),
  );
  return parsed.data;
}

/** Notes who the caller says has changed it: a header that only some endpoints read. */
export function noteChangedBy(call: Call): void {
  if (call.changedBy !== undefined) call.recorded.changedBy = call.changedBy;
}

function unprocessable(where: 'body' | 'query', error: z.ZodError): ApiError {
  const detail = error.issues.map((issue) => ({
    type: issue.code,
    loc: [where, ...issue.path.map((part) => (typeof part === 'symbol' ? part.toString() : part))],
    msg: issue.message,
  }));
  return new ApiError(422, { detail });
}

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function findDropped(given: unknown, kept: unknown, path: string): string[] {
  if (Array.isArray(given) && Array.isArray(kept)) {
    const others: readonly unknown[] = kept;
    return given.flatMap((entry: unknown, index) => findDropped(entry, others[index], `${path}[${index}]`));
  }
  if (!isRecord(given) || !isRecord(kept)) return [];
  return Object.entries(given).flatMap(([name, value]) => {
    const inner = path === '' ? name : `${path}.${name}`;
    return name in kept ? findDropped(value, kept[name], inner) : [inner];
  });
}
