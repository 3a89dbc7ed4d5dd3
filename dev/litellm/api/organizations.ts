/** `/organization/new`, `update`, `info` and `list` (`management_endpoints/organization_endpoints.py`). */
import { randomUUID } from 'node:crypto';

import { crash, detailError } from './apiError.ts';
import { callerName, parseBody, parseQuery } from './call.ts';
import type { Call, Endpoint } from './call.ts';
import { keepGiven } from './keepGiven.ts';
import type { Organization } from '../proxyData.ts';
import { renderTeam } from './renderTeam.ts';
import type { Limits } from '../proxyStore.ts';
import {
  newOrganizationSchema,
  noQuerySchema,
  organizationIdSchema,
  updateOrganizationSchema,
} from './requestSchemas.ts';

const budgetFields = ['max_budget', 'soft_budget', 'budget_duration', 'tpm_limit', 'rpm_limit'] as const;

/** Creates the budget before it looks for the organization, so each repeat leaves an unused budget behind. */
export const newOrganization: Endpoint = (call) => {
  const { store, now } = call;
  const body = parseBody(call, newOrganizationSchema);
  if (call.faults.current.noModelRouter === true) {
    throw detailError(500, 'No models configured on proxy');
  }
  const by = callerName(call);
  const budgetId = body.budget_id ?? store.addBudget(keepGiven<Limits>(body, budgetFields), by).budget_id;
  const organizationId = body.organization_id ?? randomUUID();
  if (!store.budgets.has(budgetId) || store.organizations.has(organizationId)) {
    throw crash(call.behaviours.conflictBody);
  }
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
  return { ...row, litellm_budget_table: store.budgets.get(budgetId) ?? null };
};

/** Writes budget fields to the linked budget, and merges metadata. Null clears a limit in newer versions, and nothing else. */
export const updateOrganization: Endpoint = (call) => {
  const { store } = call;
  const body = parseBody(call, updateOrganizationSchema);
  if (call.caller.userId === undefined)
    throw detailError(400, 'Cannot associate a user_id with this request');
  const row = store.organizations.get(body.organization_id ?? '');
  if (row === undefined) throw crash(call.behaviours.conflictBody);
  const budgetId = body.budget_id ?? row.budget_id;
  const budget = store.budgets.get(budgetId);
  if (budget === undefined) throw crash(call.behaviours.conflictBody);
  Object.assign(budget, keepGiven<Limits>(body, budgetFields));
  if (call.behaviours.organizationNullClears) {
    for (const name of budgetFields) if (body[name] === null) budget[name] = null;
  }
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
  const { behaviours, store } = call;
  return renderOrganization(call, row, (userId) =>
    behaviours.organizationHasEmails ? (store.users.get(userId)?.user_email ?? null) : null,
  );
};

/** Lists everything in one answer. */
export const listOrganizations: Endpoint = (call) => {
  parseQuery(call, noQuerySchema);
  return [...call.store.organizations.values()].map((row) => renderOrganization(call, row));
};

function renderOrganization(
  { store }: Call,
  row: Organization,
  emailOf: (userId: string) => string | null = () => null,
): object {
  return {
    ...row,
    litellm_budget_table: store.budgets.get(row.budget_id) ?? null,
    members: [...store.membersOf(row.organization_id).values()].map((member) => ({
      ...member,
      user_email: emailOf(member.user_id),
      user: null,
      litellm_budget_table: store.budgets.get(member.budget_id ?? '') ?? null,
    })),
    teams: store.teamsOf(row.organization_id).map(renderTeam),
  };
}
