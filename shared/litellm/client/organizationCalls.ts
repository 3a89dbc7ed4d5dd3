import type { LitellmClient } from '../../model/litellmPorts.ts';
import { parseOrganization, parseOrganizations } from './answers.ts';
import { type Litellm, requireBody } from './call.ts';
import { REQUESTS } from './requests.ts';
import { settle } from './settle.ts';

/** All organizations with all of their members in one answer take longer than anything else. */
const LIST_TIMEOUT_FACTOR = 4;

type OrganizationCalls = Pick<
  LitellmClient,
  | 'findOrganization'
  | 'readOrganizations'
  | 'createOrganization'
  | 'updateOrganization'
  | 'addOrganizationMember'
  | 'changeOrganizationRole'
  | 'removeOrganizationMember'
>;

/** Gives what is done with organizations (`management_endpoints/organization_endpoints.py`). */
export function createOrganizationCalls(litellm: Litellm): OrganizationCalls {
  const find: LitellmClient['findOrganization'] = async (organizationId) => {
    const answer = await litellm.call(REQUESTS.organizationInfo, { organization_id: organizationId });
    if (!answer.ok && answer.failure.status === 404 && answer.failure.isLitellms) return undefined;
    return parseOrganization(requireBody(answer), organizationId);
  };
  const findRole = async (organizationId: string, userId: string): Promise<string | undefined> => {
    const organization = await find(organizationId);
    return organization?.members.find((member) => member.userId === userId)?.role;
  };
  return {
    findOrganization: find,
    async readOrganizations() {
      const timeoutMs = litellm.options.timeoutMs * LIST_TIMEOUT_FACTOR;
      return parseOrganizations(
        requireBody(await litellm.call(REQUESTS.organizationList, {}, { timeoutMs })),
      );
    },
    async createOrganization(organizationId, values) {
      const answer = await litellm.call(REQUESTS.newOrganization, {
        organization_id: organizationId,
        ...values,
      });
      return settle(answer, async () => (await find(organizationId)) !== undefined);
    },
    async updateOrganization(organizationId, changes) {
      const input = { ...changes, organization_id: organizationId };
      requireBody(await litellm.call(REQUESTS.updateOrganization, input));
    },
    async addOrganizationMember(organizationId, userId, role) {
      const answer = await litellm.call(REQUESTS.addOrganizationMember, {
        organization_id: organizationId,
        member: { user_id: userId, role },
      });
      // After a 500 it is more likely this very member than one that somebody else added at the same moment.
      return settle(answer, async () => (await findRole(organizationId, userId)) === role, 'done');
    },
    async changeOrganizationRole(organizationId, userId, role) {
      const answer = await litellm.call(REQUESTS.updateOrganizationMember, {
        organization_id: organizationId,
        user_id: userId,
        role,
      });
      await settle(answer, async () => (await findRole(organizationId, userId)) === role);
    },
    async removeOrganizationMember(organizationId, userId) {
      const answer = await litellm.call(REQUESTS.removeOrganizationMember, {
        organization_id: organizationId,
        user_id: userId,
      });
      // The answer is the row that was removed, null where there was none.
      if (answer.ok && answer.body === null) return 'already';
      return settle(answer, async () => (await findRole(organizationId, userId)) === undefined);
    },
  };
}
