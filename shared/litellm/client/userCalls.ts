import { AppError } from '../../model/errors.ts';
import type { LitellmClient, LitellmUser } from '../../model/litellmPorts.ts';
import { parseNewUser, parseUserCount, parseUserPage } from './answers.ts';
import type { Failure } from './failure.ts';
import { type LitellmSender, requireBody, settleCreation } from './litellmSender.ts';
import { withoutNothing, withoutUndefined } from '../../platform/withoutUndefined.ts';
import { REQUESTS, userIdsQuery } from './requests.ts';

/** LiteLLM's largest page. */
const PAGE_SIZE = 100;
const EMAIL_TAKEN_WORDS = /email[^]*already exists/i;

type UserCalls = Pick<LitellmClient, 'findUser' | 'findUsers' | 'createUser' | 'updateUser' | 'countUsers'>;

/**
 * Returns the calls about users (`management_endpoints/internal_user_endpoints.py`).
 *
 * Users are looked up with `/user/list`, a single one too. It is the same in all versions, and a user who does not exist is simply
 * not in the list. `/user/info` loads every key and team of the user, and older versions answer 200 for an unknown user. Those
 * versions do not have `/v2/user/info`.
 */
export function createUserCalls(sender: LitellmSender): UserCalls {
  const findUsers: LitellmClient['findUsers'] = async (userIds) => readUsers(sender, userIds);
  const findUser: LitellmClient['findUser'] = async (userId) => (await findUsers([userId])).get(userId);
  return {
    findUser,
    findUsers,
    async createUser(userId, values, metadata) {
      const answer = await sender.send(REQUESTS.newUser, {
        ...values,
        user_id: userId,
        sso_user_id: userId,
        ...(metadata === undefined ? {} : { metadata }),
        auto_create_key: false,
        teams: [],
      });
      const exists = async (): Promise<boolean> => (await findUser(userId)) !== undefined;
      if (!answer.ok && isEmailTaken(answer.failure, values.user_email)) {
        if (await exists()) return { ensured: 'already' };
        throw emailTaken(answer.failure.status);
      }
      return settleCreation(answer, exists, parseNewUser);
    },
    async updateUser(userId, changes) {
      const { max_budget: budget, budget_duration: duration, metadata, ...others } = changes;
      const { user_alias: alias, user_role: role, models } = others;
      // LiteLLM ignores null in every other field.
      const input = withoutNothing({ user_alias: alias, user_role: role, models });
      const clearable = withoutUndefined({ max_budget: budget, budget_duration: duration, metadata });
      requireBody(await sender.send(REQUESTS.updateUser, { ...input, ...clearable, user_id: userId }));
    },
    async countUsers() {
      return parseUserCount(requireBody(await sender.read(REQUESTS.userList, { page: 1, page_size: 1 })));
    },
  };
}

async function readUsers(
  sender: LitellmSender,
  userIds: readonly string[],
): Promise<ReadonlyMap<string, LitellmUser>> {
  const found = new Map<string, LitellmUser>();
  // Without ids LiteLLM would return every user.
  if (userIds.length === 0) return found;
  const wanted = new Set(userIds);
  let totalPages = 1;
  // Each page has at least one user who was asked for, so there are at most as many pages as ids.
  for (let page = 1; page <= totalPages && page <= userIds.length; page += 1) {
    const query = { page, page_size: PAGE_SIZE, user_ids: userIdsQuery(userIds) };
    const answer = parseUserPage(requireBody(await sender.read(REQUESTS.userList, query)));
    totalPages = answer.totalPages;
    for (const user of answer.rows) {
      if (wanted.has(user.userId)) found.set(user.userId, user);
    }
    if (found.size === wanted.size) break;
  }
  return found;
}

/** Newer versions answer 409. Older ones answer 400, which may mean something else too. */
function isEmailTaken(failure: Failure, email: string | undefined): boolean {
  if (email === undefined || failure.error.code !== 'litellm_refused') return false;
  return failure.status === 409 || (failure.status === 400 && failure.says(EMAIL_TAKEN_WORDS));
}

function emailTaken(status: number): AppError {
  return new AppError('litellm_email_taken', 'Another user of LiteLLM has this email.', {
    details: { status },
  });
}
