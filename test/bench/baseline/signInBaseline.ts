/**
 * What LiteLLM's proxy does at an Entra sign-in, all of it inside the person's request, one request after another. Written from
 * a description, on the product's own clients; neither tuned nor slowed down.
 */
import { z } from 'zod';
import type { Tables } from '../../../shared/model/tables.ts';
import type { Fetch, Identity, RedeemRequest } from '../../../shared/model/ports.ts';
import { type BaselineGroup, baselineTableRequests, provisionBaseline } from './provisionBaseline.ts';

export interface BaselineDeps {
  readonly identity: Pick<Identity, 'redeemCode'>;
  /** The application's own token for Graph, cached: the description counts no request for it. */
  readonly appToken: () => Promise<string>;
  readonly fetch: Fetch;
  readonly graphBaseUrl: string;
  readonly servicePrincipalId: string;
  readonly tables: Tables;
}

/** Graph's own page size, where nobody asks for another. */
const PAGE_SIZE = 100;

const meSchema = z.object({ id: z.string(), mail: z.nullable(z.string()), userPrincipalName: z.string() });
const assignmentSchema = z.object({
  principalId: z.string(),
  principalType: z.string(),
  principalDisplayName: z.string(),
});
const memberOfSchema = z.object({ '@odata.type': z.string(), id: z.string() });

/**
 * Signs one person in: exchange, `/me`, the application's assignments, the person's groups, then those groups' teams and the user.
 * Throws what any of these throws.
 */
export async function signInBaseline(deps: BaselineDeps, request: RedeemRequest): Promise<void> {
  const { accessToken } = await deps.identity.redeemCode(request);
  const me = meSchema.parse(await getJson(deps, `${deps.graphBaseUrl}/me`, accessToken));
  const assigned = await readAssigned(deps);
  const memberOf = await readPages(deps, {
    path: '/me/memberOf',
    token: accessToken,
    itemSchema: memberOfSchema,
  });
  const groups = memberOf.map(({ id }) => assigned.get(id)).filter((group) => group !== undefined);
  await provisionBaseline(deps.tables, { userId: me.id, email: me.mail ?? me.userPrincipalName }, groups);
}

/** What one sign-in asks, by whom it asks. */
export interface BaselineRequests {
  readonly token: number;
  readonly graph: number;
  readonly queue: number;
  readonly table: number;
}

/**
 * The formula of its cost: one exchange; one of `/me`, and one a page of 100 assignments and of 100 memberships; then the tables.
 * An empty list is a page too.
 */
export function baselineRequests(counts: {
  /** The person's groups that are assigned. */
  readonly groups: number;
  /** Those of them that have no team yet. */
  readonly newGroups: number;
  /** Entries of `appRoleAssignedTo`. */
  readonly assignments: number;
  /** Entries of `/me/memberOf`. */
  readonly memberships: number;
}): BaselineRequests {
  return {
    token: 1,
    graph: 1 + pagesOf(counts.assignments) + pagesOf(counts.memberships),
    queue: 0,
    table: baselineTableRequests(counts),
  };
}

function pagesOf(entries: number): number {
  return Math.max(1, Math.ceil(entries / PAGE_SIZE));
}

async function readAssigned(deps: BaselineDeps): Promise<ReadonlyMap<string, BaselineGroup>> {
  const assignments = await readPages(deps, {
    path: `/servicePrincipals/${deps.servicePrincipalId}/appRoleAssignedTo`,
    token: await deps.appToken(),
    itemSchema: assignmentSchema,
  });
  const groups = assignments
    .filter(({ principalType }) => principalType === 'Group')
    .map(({ principalId, principalDisplayName }) => ({ id: principalId, displayName: principalDisplayName }));
  return new Map(groups.map((group) => [group.id, group]));
}

async function readPages<Item>(
  deps: BaselineDeps,
  list: { readonly path: string; readonly token: string; readonly itemSchema: z.ZodType<Item> },
): Promise<readonly Item[]> {
  const pageSchema = z.object({ value: z.array(list.itemSchema), '@odata.nextLink': z.string().optional() });
  const items: Item[] = [];
  let url: string | undefined = deps.graphBaseUrl + list.path;
  while (url !== undefined) {
    const page: z.infer<typeof pageSchema> = pageSchema.parse(await getJson(deps, url, list.token));
    items.push(...page.value);
    url = page['@odata.nextLink'];
  }
  return items;
}

async function getJson(deps: BaselineDeps, url: string, token: string): Promise<unknown> {
  const response = await deps.fetch(url, { headers: { authorization: `Bearer ${token}` } });
  if (response.status !== 200) throw new Error(`Graph answered the baseline ${response.status}`);
  return response.json();
}
