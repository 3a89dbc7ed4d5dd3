import * as z from 'zod/mini';
import type { AssignedGroup } from '../model/assignedGroups.ts';
import { isSafeId } from '../model/entities.ts';
import { AppError } from '../model/errors.ts';
import { cleanName } from '../model/foreignNames.ts';
import type { Directory } from '../model/ports.ts';
import { type GraphOptions, type GraphToken, getFromGraph } from './graphRequest.ts';
import { toDotPath } from 'zod/v4/core';

const TIMEOUT_MS = 15_000;
/** A person waits for the first, a timer or a message waits for the second. */
const MY_GROUPS_BUDGET_MS = 25_000;
const ASSIGNED_GROUPS_BUDGET_MS = 120_000;

export interface GraphDirectoryOptions extends Omit<GraphOptions, 'timeoutMs'> {
  /** `MICROSOFT_SERVICE_PRINCIPAL_ID`: the Enterprise Application whose assignments are read. */
  readonly servicePrincipalId?: string;
  /** The application's own token for Graph; `fresh`: another one than the last. */
  readonly appToken: (options: { readonly fresh: boolean }) => Promise<string>;
  /** Default 15 s a request. */
  readonly timeoutMs?: number;
}

/**
 * Checks only the ids of groups, because only those become keys. The type is required: an unknown type doesn't mean
 * "not a group".
 */
const memberOfSchema = z
  .object({ '@odata.type': z.string(), id: z.string() })
  .check(z.refine((item) => item['@odata.type'] !== '#microsoft.graph.group' || isSafeId(item.id)));

const assignmentSchema = z
  .object({ principalId: z.string(), principalType: z.string(), principalDisplayName: z.nullish(z.string()) })
  .check(z.refine((item) => item.principalType !== 'Group' || isSafeId(item.principalId)));

/** Creates the reader of the two lists in Microsoft Graph. It returns a complete list or throws. */
export function createGraphDirectory(options: GraphDirectoryOptions): Directory {
  const graph: GraphOptions = { ...options, timeoutMs: options.timeoutMs ?? TIMEOUT_MS };
  return {
    async readMyGroupIds(accessToken) {
      const { items, observedAt } = await readGraphList(graph, onlyToken(accessToken), {
        path: '/me/memberOf?$select=id&$top=999',
        itemSchema: memberOfSchema,
        budgetMs: MY_GROUPS_BUDGET_MS,
      });
      // Directory roles and administrative units are in the list too (docs/domain.md, "Which groups count").
      const groups = items.filter((item) => item['@odata.type'] === '#microsoft.graph.group');
      return { groupIds: [...new Set(groups.map((group) => group.id))], observedAt };
    },
    async readAssignedGroups() {
      if (options.servicePrincipalId === undefined) {
        throw new AppError('configuration_invalid', 'MICROSOFT_SERVICE_PRINCIPAL_ID is not set');
      }
      const { items } = await readGraphList(graph, options.appToken, {
        path: `/servicePrincipals/${encodeURIComponent(options.servicePrincipalId)}/appRoleAssignedTo?$select=principalId,principalType,principalDisplayName&$top=999`,
        itemSchema: assignmentSchema,
        budgetMs: ASSIGNED_GROUPS_BUDGET_MS,
      });
      return assignedGroups(items);
    },
  };
}

/**
 * Lists each group once, by id: a group with several app roles has several assignments. A name of which nothing remains after
 * {@link cleanName} is replaced by the id. Sorted, because Graph's order means nothing.
 */
function assignedGroups(assignments: readonly z.infer<typeof assignmentSchema>[]): readonly AssignedGroup[] {
  const byId = new Map<string, AssignedGroup>();
  for (const { principalId, principalType, principalDisplayName } of assignments) {
    if (principalType !== 'Group') continue;
    byId.set(principalId, {
      id: principalId,
      displayName: cleanName(principalDisplayName ?? '') ?? principalId,
    });
  }
  return [...byId.values()].sort((a, b) => (a.id < b.id ? -1 : 1));
}

/** A person's token comes from their sign-in. It can't be replaced. */
function onlyToken(accessToken: string): (options: { readonly fresh: boolean }) => Promise<string> {
  return async ({ fresh }) => {
    if (!fresh) return accessToken;
    throw new AppError('directory_unreachable', 'Graph refused the token of the sign-in', {
      retryable: true,
      details: { status: 401 },
    });
  };
}

/** More pages than any directory has. A list that doesn't end is an error. */
const MAX_PAGES = 1_000;

export interface GraphList<Item> {
  readonly items: readonly Item[];
  /** When Graph answered with the first page, by its own clock. ISO 8601 UTC. */
  readonly observedAt: string;
}

/**
 * Reads a complete list from Graph. It follows `@odata.nextLink` only to the configured origin, because it sends the
 * token along.
 * Throws `directory_answer_invalid` (an item that `itemSchema` refuses, a foreign or repeated next link, no `Date`)
 * and what {@link getFromGraph} throws. `path` starts with a slash; `budgetMs` limits how long it retries.
 */
async function readGraphList<Item>(
  options: GraphOptions,
  token: GraphToken,
  list: { readonly path: string; readonly itemSchema: z.ZodMiniType<Item>; readonly budgetMs: number },
): Promise<GraphList<Item>> {
  const giveUpAtMs = options.clock.now().getTime() + list.budgetMs;
  const pageSchema = z.object({
    value: z.array(list.itemSchema),
    '@odata.nextLink': z.exactOptional(z.string()),
  });
  const items: Item[] = [];
  const seen = new Set<string>();
  let observedAt: string | undefined;
  let url: string | undefined = options.graphBaseUrl + list.path;
  while (url !== undefined) {
    if (seen.has(url) || seen.size === MAX_PAGES) throw invalid('endless_list');
    seen.add(url);
    const answer = await getFromGraph(options, token, { url, giveUpAtMs });
    const page = pageSchema.safeParse(parseJson(answer.text));
    if (!page.success) throw invalid(`page_${toDotPath(page.error.issues[0]?.path ?? [])}`);
    observedAt ??= readDate(answer.date);
    for (const item of page.data.value) items.push(item);
    url = page.data['@odata.nextLink'];
    if (url !== undefined && originOf(url) !== originOf(options.graphBaseUrl))
      throw invalid('foreign_next_link');
  }
  return { items, observedAt: observedAt ?? readDate(null) };
}

/** Requires the `Date` header, which decides which of two observations is newer. */
function readDate(date: string | null): string {
  const instantMs = Date.parse(date ?? '');
  if (Number.isNaN(instantMs)) throw invalid('date');
  return new Date(instantMs).toISOString();
}

function originOf(url: string): string | undefined {
  return URL.canParse(url) ? new URL(url).origin : undefined;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function invalid(fault: string): AppError {
  return new AppError('directory_answer_invalid', 'Graph answered with something else than a list', {
    details: { fault },
  });
}
