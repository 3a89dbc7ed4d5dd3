import type { LitellmClient } from '../../model/litellmPorts.ts';
import { parseNewOrganization, parseOrganization, parseOrganizations } from './answers.ts';
import { type LitellmSender, requireBody, settle, settleCreation } from './litellmSender.ts';
import { requireMembers } from './memberLists.ts';
import { withoutNothing } from '../../platform/withoutUndefined.ts';
import { REQUESTS } from './requests.ts';

/** One answer with all organizations and all of their members takes longer than any other. */
const LIST_TIMEOUT_FACTOR = 6;

type OrganizationCalls = Pick<
  LitellmClient,
  | 'findOrganization'
  | 'readOrganizations'
  | 'createOrganization'
  | 'updateOrganization'
  | 'addOrganizationMember'
  | 'addOrganizationMembers'
  | 'changeOrganizationRole'
  | 'removeOrganizationMember'
>;

/** Returns the calls about organizations (`management_endpoints/organization_endpoints.py`). */
export function createOrganizationCalls(sender: LitellmSender): OrganizationCalls {
  const find: LitellmClient['findOrganization'] = async (organizationId) => {
    const answer = await sender.read(REQUESTS.organizationInfo, { organization_id: organizationId });
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
      const timeoutMs = sender.options.timeoutMs * LIST_TIMEOUT_FACTOR;
      return parseOrganizations(requireBody(await sender.read(REQUESTS.organizationList, {}, timeoutMs)));
    },
    async createOrganization(organizationId, values) {
      const answer = await sender.send(REQUESTS.newOrganization, {
        organization_id: organizationId,
        ...values,
      });
      const exists = async (): Promise<boolean> => (await find(organizationId)) !== undefined;
      return settleCreation(answer, exists, parseNewOrganization);
    },
    async updateOrganization(organizationId, changes) {
      const { organization_alias: alias, models, ...limits } = changes;
      // LiteLLM cannot clear these two.
      const named = withoutNothing({ organization_alias: alias, models });
      const input = { ...limits, ...named, organization_id: organizationId };
      requireBody(await sender.send(REQUESTS.updateOrganization, input));
    },
    async addOrganizationMember(organizationId, userId, role) {
      const answer = await sender.send(REQUESTS.addOrganizationMember, {
        organization_id: organizationId,
        member: { user_id: userId, role },
      });
      // After a 500 it is more likely that this write added the member than that another one did at the same moment.
      return settle(answer, async () => (await findRole(organizationId, userId)) === role, 'done');
    },
    addOrganizationMembers: async (organizationId, members) => addMembers(sender, organizationId, members),
    async changeOrganizationRole(organizationId, userId, role) {
      const answer = await sender.send(REQUESTS.updateOrganizationMember, {
        organization_id: organizationId,
        user_id: userId,
        role,
      });
      await settle(answer, async () => (await findRole(organizationId, userId)) === role);
    },
    async removeOrganizationMember(organizationId, userId) {
      const answer = await sender.send(REQUESTS.removeOrganizationMember, {
        organization_id: organizationId,
        user_id: userId,
      });
      // The answer is the removed row, or null if there was none.
      if (answer.ok && answer.body === null) return 'already';
      return settle(answer, async () => (await findRole(organizationId, userId)) === undefined);
    },
  };
}

async function addMembers(
  sender: LitellmSender,
  organizationId: string,
  members: Parameters<LitellmClient['addOrganizationMembers']>[1],
): Promise<void> {
  const answer = await sender.send(REQUESTS.addOrganizationMember, {
    organization_id: organizationId,
    member: members.map(({ userId, role }) => ({ user_id: userId, role })),
  });
  requireMembers(answer);
}
