/** `/organization/member_add`, `member_update` and `member_delete` (`management_endpoints/organization_endpoints.py`). */
import type { z } from 'zod';

import { detailError, proxyError, wrappedError } from './apiError.ts';
import { callerName, parseBody } from './call.ts';
import type { Call, Endpoint } from './call.ts';
import type { OrganizationMembership, User } from '../proxyData.ts';
import { ConstraintViolated } from '../proxyStore.ts';
import {
  addOrganizationMembersSchema,
  deleteOrganizationMemberSchema,
  updateOrganizationMemberSchema,
} from './requestSchemas.ts';

type Body = z.infer<typeof addOrganizationMembersSchema>;
type Member = Extract<Body['member'], readonly unknown[]>[number];

/** Adds members one after the other. If one fails, those before it stay. */
export const addOrganizationMembers: Endpoint = (call) => {
  const body = parseBody(call, addOrganizationMembersSchema);
  const { organization_id: id } = body;
  if (!call.store.organizations.has(id)) {
    throw wrappedError(404, `Organization not found for organization_id=${id}`, 'auth_error');
  }
  const added = (Array.isArray(body.member) ? body.member : [body.member]).map((member) =>
    addMember(call, id, member),
  );
  return {
    organization_id: id,
    updated_users: added.map(({ user }) => user),
    updated_organization_memberships: added.map(({ membership }) => membership),
  };
};

function addMember(
  { store, now }: Call,
  organizationId: string,
  member: Member,
): { readonly user: User; readonly membership: OrganizationMembership } {
  const known = store.users.get(member.user_id ?? '');
  if (known === undefined && typeof member.user_email === 'string') {
    // The email column isn't unique, so LiteLLM cannot look a user up by it.
    throw cannotAdd(
      organizationId,
      member,
      `Error finding a unique instance of user_email in LiteLLM_UserTable`,
    );
  }
  const user = known ?? store.ensureUser({ user_id: member.user_id ?? '' }, now);
  try {
    const membership = store.addOrganizationMember(
      { organization_id: organizationId, user_id: user.user_id, user_role: member.role },
      'call',
      now,
    );
    return { user, membership };
  } catch (error) {
    throw error instanceof ConstraintViolated ? cannotAdd(organizationId, member, error.message) : error;
  }
}

/** Creates LiteLLM's error for any failure, which it presents as a fault of authentication. */
function cannotAdd(organizationId: string, member: Member, reason: string): Error {
  const { user_id: userId, user_email: email, role } = member;
  const fields = `user_id=${print(userId)} user_email=${print(email)} role=<LitellmUserRoles.${role.toUpperCase()}: '${role}'>`;
  const message = `Authentication Error, Error adding member=${fields} to organization=${organizationId}: ${reason}`;
  return proxyError(500, message, { type: 'auth_error' });
}

const print = (text: string | null | undefined): string => (typeof text === 'string' ? `'${text}'` : 'None');

export const updateOrganizationMember: Endpoint = (call) => {
  const { store } = call;
  const body = parseBody(call, updateOrganizationMemberSchema);
  const { organization_id: id } = body;
  if (!store.organizations.has(id)) {
    throw detailError(400, `Organization not found for organization_id=${id}`);
  }
  const userId = requireUserId(call, body);
  const row = store.membersOf(id).get(userId);
  if (row === undefined) throw detailError(404, `Member not found in organization for user_id=${userId}`);
  row.user_role = body.role ?? row.user_role;
  if (typeof body.max_budget_in_organization === 'number') {
    const limits = { max_budget: body.max_budget_in_organization };
    const budget = store.budgets.get(row.budget_id ?? '');
    if (budget === undefined) row.budget_id = store.addBudget(limits, callerName(call)).budget_id;
    else Object.assign(budget, limits);
  }
  row.updated_at = call.now;
  return { ...row, litellm_budget_table: store.budgets.get(row.budget_id ?? '') ?? null };
};

/** Returns the removed row, or null if there was none: an unknown user, or (?) an unknown organization. */
export const deleteOrganizationMember: Endpoint = (call) => {
  const body = parseBody(call, deleteOrganizationMemberSchema);
  return call.store.removeOrganizationMember(body.organization_id, requireUserId(call, body)) ?? null;
};

function requireUserId(
  { store }: Call,
  body: { readonly user_id?: string | null | undefined; readonly user_email?: string | null | undefined },
): string {
  const userId = body.user_id ?? store.findUserByEmail(body.user_email ?? '')?.user_id;
  if (userId === undefined) {
    throw detailError(400, `Unique user not found. Use 'user_id' instead.`);
  }
  return userId;
}
