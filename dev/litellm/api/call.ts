/** One call of the API, as an endpoint receives it. */
import type { z } from 'zod';

import { ApiError } from './apiError.ts';
import type { LitellmFaultSwitches } from '../faults.ts';
import type { MemberWriteGap } from './memberWriteGap.ts';
import type { VirtualKey } from '../proxyData.ts';
import type { ProxySettings } from '../proxySettings.ts';
import type { ProxyStore } from '../proxyStore.ts';
import type { RecordedRequest } from '../recordedRequest.ts';
import type { Behaviours, Version } from '../versions.ts';

/** The owner of the key. */
export interface Caller {
  readonly userId: string | undefined;
  readonly role: string;
  /** The calling key, unless it is the master key. */
  readonly key?: VirtualKey;
}

/** Whether the caller may do everything. */
export const isAdmin = ({ role }: Caller): boolean => role === 'proxy_admin';

export interface Call {
  readonly store: ProxyStore;
  readonly version: Version;
  readonly behaviours: Behaviours;
  readonly settings: ProxySettings;
  readonly faults: LitellmFaultSwitches;
  readonly gap: MemberWriteGap;
  readonly caller: Caller;
  readonly query: URLSearchParams;
  /** `undefined` if there was none. */
  readonly body: unknown;
  readonly recorded: RecordedRequest;
  /** The header `litellm-changed-by`. */
  readonly changedBy: string | undefined;
  /** Writes only half of an added membership. */
  readonly halfWrite: boolean;
  /** ISO 8601 UTC. */
  readonly now: string;
}

/** Returns what the endpoint answers with 200. Throws an ApiError for everything else. */
export type Endpoint = (call: Call) => object | null | Promise<object | null>;

/** Returns who creates a row, for `created_by`. */
export const callerName = (call: Call): string => call.caller.userId ?? 'default_user_id';

/**
 * Parses the body. Ignores unknown fields at any depth, and records a warning about each.
 * Throws 422 if a field is missing or of a wrong type.
 */
export function parseBody<Body>(call: Call, schema: z.ZodType<Body>): Body {
  const parsed = schema.safeParse(call.body);
  if (!parsed.success) throw unprocessable('body', parsed.error);
  call.recorded.warnings.push(
    ...findDropped(call.body, parsed.data, '').map((path) => `the field ${path} is ignored`),
  );
  return parsed.data;
}

/** Parses the query. Treats unknown parameters and wrong values as {@link parseBody} does. */
export function parseQuery<Query>(call: Call, schema: z.ZodType<Query>): Query {
  const given = Object.fromEntries(call.query);
  const parsed = schema.safeParse(given);
  if (!parsed.success) throw unprocessable('query', parsed.error);
  call.recorded.warnings.push(
    ...findDropped(given, parsed.data, '').map((path) => `the query parameter ${path} is ignored`),
  );
  return parsed.data;
}

/** Records the header `litellm-changed-by`, which only some endpoints read. */
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
