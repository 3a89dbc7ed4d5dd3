import { AppError } from '../../model/errors.ts';
import type { LitellmTeam, LitellmClient } from '../../model/litellmPorts.ts';
import {
  parseNewTeam,
  parseTeamInfo,
  parseTeamPage,
  type TeamInfo,
  type TeamMemberLimits,
} from './answers.ts';
import { type Answer, type LitellmSender, requireBody, settle, settleCreation } from './litellmSender.ts';
import { requireMembers } from './memberLists.ts';
import { withoutNothing } from '../../platform/withoutUndefined.ts';
import { REQUESTS } from './requests.ts';

/** LiteLLM's largest page. `/team/list`, which has no pages, loads every key. */
const PAGE_SIZE = 100;
/** A million teams. A longer list is an error: it may never end. */
const MAX_PAGES = 10_000;

const ALREADY_TYPE = 'team_member_already_in_team';
/** The versions' words for a member who is in the team already, and for one who is not. */
const ALREADY_WORDS = /already in (?:the )?team/i;
const NOT_IN_TEAM_WORDS = /not found in (?:the )?team/i;
const LICENCE_WORDS = /premium|enterprise|licen[cs]e/i;

type MemberCalls = Pick<
  LitellmClient,
  'addTeamMember' | 'addTeamMembers' | 'changeTeamRole' | 'removeTeamMember'
>;

type TeamCalls = Pick<
  LitellmClient,
  'findTeam' | 'readTeamPages' | 'createTeam' | 'updateTeam' | 'moveTeam' | 'blockTeam' | 'unblockTeam'
> &
  MemberCalls;

/** Returns the calls about teams (`management_endpoints/team_endpoints.py`). */
export function createTeamCalls(sender: LitellmSender): TeamCalls {
  const findInfo = async (teamId: string, how: 'read' | 'send' = 'read'): Promise<TeamInfo | undefined> => {
    const answer = await sender[how](REQUESTS.teamInfo, { team_id: teamId });
    if (!answer.ok && answer.failure.status === 404 && answer.failure.isLitellms) return undefined;
    return parseTeamInfo(requireBody(answer), teamId);
  };
  return {
    findTeam: async (teamId) => (await findInfo(teamId))?.team,
    readTeamPages: () => readTeamPages(sender),
    async createTeam(teamId, values) {
      const answer = await sender.send(REQUESTS.newTeam, { team_id: teamId, ...values });
      return settleCreation(answer, async () => (await findInfo(teamId)) !== undefined, parseNewTeam);
    },
    async updateTeam(teamId, changes) {
      const { organization_id: _organizationId, team_member_permissions: permissions, ...others } = changes;
      const { team_alias: alias, models, ...limits } = others;
      if (Object.keys(others).length > 0) {
        const named = withoutNothing({ team_alias: alias, models });
        requireBody(await sender.send(REQUESTS.updateTeam, { ...limits, ...named, team_id: teamId }));
      }
      if (permissions === undefined) return;
      const input = { team_id: teamId, team_member_permissions: permissions ?? [] };
      requireBody(await sender.send(REQUESTS.updateTeamPermissions, input));
    },
    async moveTeam(teamId, organizationId, { models }) {
      const input = { team_id: teamId, organization_id: organizationId ?? null, models };
      requireBody(await sender.send(REQUESTS.updateTeam, input));
    },
    async blockTeam(teamId) {
      requireBody(await sender.send(REQUESTS.blockTeam, { team_id: teamId }));
    },
    async unblockTeam(teamId) {
      requireBody(await sender.send(REQUESTS.unblockTeam, { team_id: teamId }));
    },
    ...createMemberCalls(sender, findInfo),
  };
}

type FindInfo = (teamId: string, how?: 'read' | 'send') => Promise<TeamInfo | undefined>;

function createMemberCalls(sender: LitellmSender, findInfo: FindInfo): MemberCalls {
  const findRole = async (teamId: string, userId: string): Promise<string | undefined> =>
    roleOf(await findInfo(teamId), userId);
  return {
    async addTeamMember(teamId, userId, role) {
      const answer = await sender.send(REQUESTS.addTeamMember, {
        team_id: teamId,
        member: { user_id: userId, role },
      });
      if (isAlready(answer)) return 'already';
      requireLicence(answer, role);
      // After a 500 it is more likely that this write added the member than that another one did at the same moment.
      return settle(answer, async () => (await findRole(teamId, userId)) === role, 'done');
    },
    async addTeamMembers(teamId, members) {
      const answer = await sender.send(REQUESTS.addTeamMember, {
        team_id: teamId,
        member: members.map(({ userId, role }) => ({ user_id: userId, role })),
      });
      // Who is a member already does no harm; a list of members only is refused with this type.
      if (!isAlready(answer)) requireMembers(answer);
    },
    async changeTeamRole(teamId, userId, role) {
      // LiteLLM accepts a role for a user outside the team, and older versions drop a member's limits that are not sent along.
      const info = await findInfo(teamId, 'send');
      const found = roleOf(info, userId);
      if (found === undefined) throw notAMember();
      if (found === role) return;
      const answer = await sender.send(REQUESTS.updateTeamMember, {
        team_id: teamId,
        user_id: userId,
        role,
        ...limitsInTeam(info?.memberLimits.get(userId)),
      });
      requireLicence(answer, role);
      await settle(answer, async () => (await findRole(teamId, userId)) === role);
    },
    async removeTeamMember(teamId, userId) {
      const answer = await sender.send(REQUESTS.removeTeamMember, { team_id: teamId, user_id: userId });
      if (!answer.ok && answer.failure.status < 500 && answer.failure.says(NOT_IN_TEAM_WORDS))
        return 'already';
      return settle(answer, async () => (await findRole(teamId, userId)) === undefined);
    },
  };
}

async function* readTeamPages(sender: LitellmSender): AsyncGenerator<readonly LitellmTeam[]> {
  let totalPages = 1;
  for (let page = 1; page <= totalPages; page += 1) {
    if (page > MAX_PAGES) throw endlessList();
    const answer = await sender.read(REQUESTS.teamList, {
      page,
      page_size: PAGE_SIZE,
      sort_by: 'team_id',
      sort_order: 'asc',
    });
    const parsed = parseTeamPage(requireBody(answer));
    totalPages = parsed.totalPages;
    if (parsed.rows.length > 0) yield parsed.rows;
  }
}

function roleOf(info: TeamInfo | undefined, userId: string): string | undefined {
  return info?.team.members.find((member) => member.userId === userId)?.role;
}

function isAlready(answer: Answer): boolean {
  if (answer.ok || answer.failure.status >= 500) return false;
  return answer.failure.type === ALREADY_TYPE || answer.failure.says(ALREADY_WORDS);
}

function requireLicence(answer: Answer, role: string): void {
  if (answer.ok || role !== 'admin' || ![400, 403].includes(answer.failure.status)) return;
  if (!answer.failure.says(LICENCE_WORDS)) return;
  throw new AppError('litellm_role_needs_licence', 'LiteLLM needs a licence for team admins.', {
    details: { status: answer.failure.status },
  });
}

function limitsInTeam(limits: TeamMemberLimits | undefined): {
  readonly max_budget_in_team?: number;
  readonly tpm_limit?: number;
  readonly rpm_limit?: number;
} {
  const { max_budget, ...rates } = limits ?? {};
  return { ...rates, ...(max_budget === undefined ? {} : { max_budget_in_team: max_budget }) };
}

function notAMember(): AppError {
  return new AppError('litellm_refused', 'The user is not a member of the team.', {
    details: { path: REQUESTS.updateTeamMember.path, status: 404, fault: 'no_member' },
  });
}

function endlessList(): AppError {
  return new AppError('litellm_answer_invalid', 'LiteLLM lists more than a million teams.', {
    retryable: true,
    details: { path: REQUESTS.teamList.path, fault: 'endless_list' },
  });
}
