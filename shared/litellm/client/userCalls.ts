import { AppError } from '../../model/errors.ts';
import type { LitellmClient, LitellmUser } from '../../model/litellmPorts.ts';
import { parseUserPage } from './answers.ts';
import { type Litellm, requireBody } from './call.ts';
import type { Failure } from './failure.ts';
import { REQUESTS, userIdsQuery } from './requests.ts';
import { settle } from './settle.ts';

/** LiteLLM gives no more. */
const PAGE_SIZE = 100;
const EMAIL_TAKEN_WORDS = /email[^]*already exists/i;

type UserCalls = Pick<LitellmClient, 'findUser' | 'findUsers' | 'createUser' | 'updateUser'>;

/**
 * Gives what is done with users (`management_endpoints/internal_user_endpoints.py`).
 *
 * They are looked up by `/user/list`, one alone too: it is the same in all versions and says plainly who is not there. `/user/info`
 * loads every key and team of the user and answers 200 for nobody in older versions; `/v2/user/info` is not there in those.
 */
export function createUserCalls(litellm: Litellm): UserCalls {
  const findUsers: LitellmClient['findUsers'] = async (userIds) => readUsers(litellm, userIds);
  const findUser: LitellmClient['findUser'] = async (userId) => (await findUsers([userId])).get(userId);
  return {
    findUser,
    findUsers,
    async createUser(userId, values) {
      const answer = await litellm.call(REQUESTS.newUser, {
        ...values,
        user_id: userId,
        sso_user_id: userId,
        auto_create_key: false,
        teams: [],
      });
      const isThere = async (): Promise<boolean> => (await findUser(userId)) !== undefined;
      if (!answer.ok && isEmailTaken(answer.failure, values.user_email)) {
        if (await isThere()) return 'already';
        throw emailTaken(answer.failure.status);
      }
      return settle(answer, isThere);
    },
    async updateUser(userId, changes) {
      requireBody(await litellm.call(REQUESTS.updateUser, { ...changes, user_id: userId }));
    },
  };
}

async function readUsers(
  litellm: Litellm,
  userIds: readonly string[],
): Promise<ReadonlyMap<string, LitellmUser>> {
  const found = new Map<string, LitellmUser>();
  // Without ids LiteLLM would give everybody.
  if (userIds.length === 0) return found;
  const wanted = new Set(userIds);
  let totalPages = 1;
  // Each page has somebody who was asked for, so there are no more of them than ids.
  for (let page = 1; page <= totalPages && page <= userIds.length; page += 1) {
    const query = { page, page_size: PAGE_SIZE, user_ids: userIdsQuery(userIds) };
    const answer = parseUserPage(requireBody(await litellm.call(REQUESTS.userList, query)));
    totalPages = answer.totalPages;
    for (const user of answer.rows) {
      if (wanted.has(user.userId)) found.set(user.userId, user);
    }
    if (found.size === wanted.size) break;
  }
  return found;
}

/** Newer versions say 409 for it, older ones 400, which may mean something else. */
function isEmailTaken(failure: Failure, email: string | undefined): boolean {
  if (email === undefined || failure.error.code !== 'litellm_refused') return false;
  return failure.status === 409 || (failure.status === 400 && failure.says(EMAIL_TAKEN_WORDS));
}

function emailTaken(status: number): AppError {
  return new AppError('litellm_email_taken', 'Another user of LiteLLM has the email', {
    details: { status },
  });
}
