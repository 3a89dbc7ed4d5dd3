/** `/organization/member_add`, `member_update` and `member_delete` (`management_endpoints/organization_endpoints.py`). */
import type { z } from 'zod';

import { detailError, proxyError, wrappedError } from './apiError.ts';
import { parseBody } from './call.ts';
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
  const user = store.ensureUser({ user_id: member.user_id }, now);
  try {
    const membership = store.addOrganizationMember(
      { organization_id: organizationId, user_id: user.user_id, user_role: member.role },
      'call',
      now,
    );
    return { user, membership };
  } catch (error) {
    throw error instanceof ConstraintViolated ? cannotAdd(organizationId, error.message) : error;
  }
}

/** Creates LiteLLM's error for any failure, which it presents as a fault of authentication. (?) The text for a repeat is a guess. */
function cannotAdd(organizationId: string, reason: string): Error {
  const message = `Authentication Error, Error adding member to organization=${organizationId}: ${reason}`;
  return proxyError(500, message, { type: 'auth_error' });
}

export const updateOrganizationMember: Endpoint = (call) => {
  const { store } = call;
  const body = parseBody(call, updateOrganizationMemberSchema);
  const { organization_id: id } = body;
  if (!store.organizations.has(id)) {
    throw detailError(400, `Organization not found for organization_id=${id}`);
  }
  const row = store.membersOf(id).get(body.user_id);
  if (row === undefined) {
    throw detailError(404, `Member not found in organization for user_id=${body.user_id}`);
  }
  row.user_role = body.role ?? row.user_role;
  row.updated_at = call.now;
  return { ...row, litellm_budget_table: null };
};

/** Returns the removed row, or null where there was none: an unknown user, or (?) an unknown organization. */
export const deleteOrganizationMember: Endpoint = (call) => {
  const { organization_id: id, user_id: userId } = parseBody(call, deleteOrganizationMemberSchema);
  return call.store.removeOrganizationMember(id, userId) ?? null;
};
