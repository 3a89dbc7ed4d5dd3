/** `/organization/new`, `update`, `info`, `list` and `delete` (`management_endpoints/organization_endpoints.py`). */
import { randomUUID } from 'node:crypto';

import { crash, detailError } from './apiError.ts';
import { callerName, parseBody, parseQuery } from './call.ts';
import type { Call, Endpoint } from './call.ts';
import { keepGiven } from './keepGiven.ts';
import type { Organization } from './proxyData.ts';
import type { Limits } from './proxyStore.ts';
import {
  deleteOrganizationsSchema,
  newOrganizationSchema,
  noQuerySchema,
  organizationIdSchema,
  organizationInfoSchema,
  organizationListSchema,
  updateOrganizationSchema,
} from './requestSchemas.ts';

const budgetFields = ['max_budget', 'soft_budget', 'budget_duration', 'tpm_limit', 'rpm_limit'] as const;

/** Makes the budget before it looks for the organization: a repeat leaves one behind each time. */
export const newOrganization: Endpoint = (call) => {
  const { store, now } = call;
  const body = parseBody(call, newOrganizationSchema);
  if (call.faults.current.noModelRouter === true) {
    throw detailError(500, 'No models configured on proxy');
  }
  const by = callerName(call);
  const budgetId = body.budget_id ?? store.addBudget(keepGiven<Limits>(body, budgetFields), by).budget_id;
  const organizationId = body.organization_id ?? randomUUID();
  if (!store.budgets.has(budgetId) || store.organizations.has(organizationId)) throw crash();
  const row: Organization = {
    organization_id: organizationId,
    organization_alias: body.organization_alias,
    budget_id: budgetId,
    models: body.models ?? [],
    metadata: body.metadata ?? {},
    spend: 0,
    created_by: by,
    updated_by: by,
    created_at: now,
    updated_at: now,
  };
  store.organizations.set(organizationId, row);
  store.addedBy.set(`organization/${organizationId}`, 'call');
  return row;
};

/** Nulls are dropped, so nothing can be cleared; budget fields go to the linked budget; metadata merges. */
export const updateOrganization: Endpoint = (call) => {
  const { store } = call;
  const body = parseBody(call, updateOrganizationSchema);
  if (call.caller.userId === undefined)
    throw detailError(400, 'Cannot associate a user_id with this request');
  const row = store.organizations.get(body.organization_id ?? '');
  if (row === undefined) throw crash();
  const budgetId = body.budget_id ?? row.budget_id;
  const budget = store.budgets.get(budgetId);
  if (budget === undefined) throw crash();
  Object.assign(budget, keepGiven<Limits>(body, budgetFields));
  Object.assign(row, keepGiven<Partial<Organization>>(body, ['organization_alias', 'models']), {
    budget_id: budgetId,
    metadata: { ...row.metadata, ...body.metadata },
    updated_by: callerName(call),
    updated_at: call.now,
  });
  return renderOrganization(call, row);
};

export const organizationInfo: Endpoint = (call) => {
  const { organization_id: id } = parseQuery(call, organizationIdSchema);
  const row = call.store.organizations.get(id);
  if (row === undefined) throw detailError(404, 'Organization not found');
  return renderOrganization(call, row);
};

/** The deprecated form: several at once, without their members; who is absent is left out. */
export const oldOrganizationInfo: Endpoint = (call) => {
  const { organizations } = parseBody(call, organizationInfoSchema);
  if (organizations.length === 0) throw detailError(400, 'Specify list of organization ids to query');
  return organizations.flatMap((id) => {
    const row = call.store.organizations.get(id);
    return row === undefined
      ? []
      : [{ ...row, litellm_budget_table: call.store.budgets.get(row.budget_id) ?? null }];
  });
};

/** Everything in one answer; the older versions know no filter and ignore it. */
export const listOrganizations: Endpoint = (call) => {
  const rows = [...call.store.organizations.values()];
  if (!call.behaviours.organizationListFilters) {
    parseQuery(call, noQuerySchema);
    return rows.map((row) => renderOrganization(call, row));
  }
  const { org_id: id, org_alias: alias } = parseQuery(call, organizationListSchema);
  return rows
    .filter((row) => id === undefined || row.organization_id === id)
    .filter(
      (row) => alias === undefined || row.organization_alias.toLowerCase().includes(alias.toLowerCase()),
    )
    .map((row) => renderOrganization(call, row));
};

/** Keys, teams and memberships of all go first, then the organizations one by one until one is absent; users keep the teams. */
export const deleteOrganizations: Endpoint = (call) => {
  const { store } = call;
  const { organization_ids: ids } = parseBody(call, deleteOrganizationsSchema);
  const teamIds = new Set(ids.flatMap((id) => store.teamsOf(id).map((team) => team.team_id)));
  store.removeKeys(
    (key) =>
      (key.organization_id !== null && ids.includes(key.organization_id)) ||
      (key.team_id !== null && teamIds.has(key.team_id)),
  );
  for (const teamId of teamIds) store.removeTeam(teamId);
  for (const id of ids) {
    for (const userId of store.membersOf(id).keys()) store.removeOrganizationMember(id, userId);
  }
  return ids.map((id) => {
    const row = store.organizations.get(id);
    if (row === undefined) throw detailError(404, `Organization=${id} not found`);
    store.organizations.delete(id);
    store.addedBy.delete(`organization/${id}`);
    return row;
  });
};

function renderOrganization({ store }: Call, row: Organization): object {
  return {
    ...row,
    litellm_budget_table: store.budgets.get(row.budget_id) ?? null,
    members: [...store.membersOf(row.organization_id).values()].map((member) => ({
      ...member,
      user: null,
      litellm_budget_table: store.budgets.get(member.budget_id ?? '') ?? null,
    })),
    teams: store.teamsOf(row.organization_id),
  };
}
