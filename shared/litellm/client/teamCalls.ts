import { AppError } from '../../model/errors.ts';
import type { LitellmTeam, LitellmClient } from '../../model/litellmPorts.ts';
import { parseTeamInfo, parseTeamPage, type TeamInfo, type TeamMemberLimits } from './answers.ts';
import { type Answer, type Litellm, requireBody } from './call.ts';
import { REQUESTS } from './requests.ts';
import { settle } from './settle.ts';

/** LiteLLM gives no more; `/team/list` without pages loads every key. */
const PAGE_SIZE = 100;
/** A million teams: a list that never ends is an error, not a reason to go on. */
const MAX_PAGES = 10_000;

const ALREADY_TYPE = 'team_member_already_in_team';
/** Both profiles' words for a member that is there already, and for one that is not. */
const ALREADY_WORDS = /already in (?:the )?team/i;
const NOT_IN_TEAM_WORDS = /not found in (?:the )?team/i;
const LICENCE_WORDS = /premium|enterprise|licen[cs]e/i;

type TeamCalls = Pick<
  LitellmClient,
  | 'findTeam'
  | 'readTeamPages'
  | 'createTeam'
  | 'updateTeam'
  | 'addTeamMember'
  | 'changeTeamRole'
  | 'removeTeamMember'
>;

/** Gives what is done with teams (`management_endpoints/team_endpoints.py`). */
export function createTeamCalls(litellm: Litellm): TeamCalls {
  const findInfo = async (teamId: string, mayRepeat: boolean): Promise<TeamInfo | undefined> => {
    const answer = await litellm.call(REQUESTS.teamInfo, { team_id: teamId }, { mayRepeat });
    if (!answer.ok && answer.failure.status === 404 && answer.failure.isLitellms) return undefined;
    return parseTeamInfo(requireBody(answer), teamId);
  };
  const findRole = async (teamId: string, userId: string): Promise<string | undefined> =>
    roleOf(await findInfo(teamId, true), userId);
  return {
    findTeam: async (teamId) => (await findInfo(teamId, true))?.team,
    readTeamPages: () => readTeamPages(litellm),
    async createTeam(teamId, values) {
      const answer = await litellm.call(REQUESTS.newTeam, { team_id: teamId, ...values });
      return settle(answer, async () => (await findInfo(teamId, true)) !== undefined);
    },
    async updateTeam(teamId, changes) {
      requireBody(await litellm.call(REQUESTS.updateTeam, { ...changes, team_id: teamId }));
    },
    async addTeamMember(teamId, userId, role) {
      const answer = await litellm.call(REQUESTS.addTeamMember, {
        team_id: teamId,
        member: { user_id: userId, role },
      });
      if (isAlready(answer)) return 'already';
      requireLicence(answer, role);
      // After a 500 it is more likely this very member than one that somebody else added at the same moment.
      return settle(answer, async () => (await findRole(teamId, userId)) === role, 'done');
    },
    async changeTeamRole(teamId, userId, role) {
      // LiteLLM takes the role of somebody who is no member, and older versions drop a member's limits that are not sent along.
      const info = await findInfo(teamId, false);
      const found = roleOf(info, userId);
      if (found === undefined) throw noMember();
      if (found === role) return;
      const answer = await litellm.call(REQUESTS.updateTeamMember, {
        team_id: teamId,
        user_id: userId,
        role,
        ...limitsInTeam(info?.memberLimits.get(userId)),
      });
      requireLicence(answer, role);
      await settle(answer, async () => (await findRole(teamId, userId)) === role);
    },
    async removeTeamMember(teamId, userId) {
      const answer = await litellm.call(REQUESTS.removeTeamMember, { team_id: teamId, user_id: userId });
      if (!answer.ok && answer.failure.status < 500 && answer.failure.says(NOT_IN_TEAM_WORDS))
        return 'already';
      return settle(answer, async () => (await findRole(teamId, userId)) === undefined);
    },
  };
}

async function* readTeamPages(litellm: Litellm): AsyncGenerator<readonly LitellmTeam[]> {
  let totalPages = 1;
  for (let page = 1; page <= totalPages; page += 1) {
    if (page > MAX_PAGES) throw endlessList();
    const answer = await litellm.call(REQUESTS.teamList, {
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
  throw new AppError('litellm_role_needs_licence', 'LiteLLM makes nobody admin of a team without a licence', {
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

function noMember(): AppError {
  return new AppError('litellm_refused', 'Who is no member of a team has no role in it', {
    details: { path: REQUESTS.updateTeamMember.path, status: 404, fault: 'no_member' },
  });
}

function endlessList(): AppError {
  return new AppError('litellm_answer_invalid', 'LiteLLM has more teams than there can be', {
    retryable: true,
    details: { path: REQUESTS.teamList.path, fault: 'endless_list' },
  });
}
