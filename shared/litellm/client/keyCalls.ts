import { AppError } from '../../model/errors.ts';
import type { KeyFilter, LitellmClient, LitellmKey } from '../../model/litellmPorts.ts';
import { parseCreatedKey, parseKey, parseKeyPage, parseOwnUser } from './answers.ts';
import { type Answer, type LitellmSender, requireBody, settle } from './litellmSender.ts';
import { REQUESTS } from './requests.ts';

/** LiteLLM's largest page of keys: above it, the answer is a 422. */
const PAGE_SIZE = 100;
/** A million keys. A longer list is an error: it may never end. */
const MAX_PAGES = 10_000;

/** The team under which LiteLLM keeps the keys of its own pages. */
const DASHBOARD_TEAM = 'litellm-dashboard';

type KeyCalls = Pick<
  LitellmClient,
  'readKeyPages' | 'findKey' | 'updateKey' | 'deleteKey' | 'createKey' | 'findOwnUser'
>;

/** Returns the calls about keys (`management_endpoints/key_management_endpoints.py`). Keys are named by their hash. */
export function createKeyCalls(sender: LitellmSender): KeyCalls {
  const findKey: LitellmClient['findKey'] = async (hash) => {
    const answer = await sender.read(REQUESTS.keyInfo, { key: hash });
    return isUnknown(answer) ? undefined : parseKey(requireBody(answer), hash);
  };
  return {
    findKey,
    readKeyPages: (filter) => readKeyPages(sender, filter),
    async updateKey(hash, { userId, teamId, ...changes }) {
      requireBody(
        await sender.send(REQUESTS.updateKey, {
          key: hash,
          ...(userId === undefined ? {} : { user_id: userId }),
          ...(teamId === undefined ? {} : { team_id: teamId }),
          ...changes,
        }),
      );
    },
    async deleteKey(hash) {
      const answer = await sender.send(REQUESTS.deleteKey, { keys: [hash] });
      if (isUnknown(answer)) return 'already';
      return settle(answer, async () => (await findKey(hash)) === undefined);
    },
    async createKey({ userId, teamId, alias, maxBudget, ...key }) {
      const answer = await sender.send(REQUESTS.newKey, {
        ...key,
        user_id: userId,
        team_id: teamId,
        key_alias: alias,
        key_type: 'llm_api',
        ...(maxBudget === undefined ? {} : { max_budget: maxBudget }),
      });
      return parseCreatedKey(requireBody(answer));
    },
    async findOwnUser() {
      const answer = await sender.read(REQUESTS.keyInfo, {});
      // The master key is in no table, and versions say so with different errors.
      const isUnlisted =
        !answer.ok && answer.failure.isLitellms && [400, 404].includes(answer.failure.status);
      return isUnlisted ? undefined : parseOwnUser(requireBody(answer));
    },
  };
}

async function* readKeyPages(
  sender: LitellmSender,
  { userId, teamId, isDeleted }: KeyFilter,
): AsyncGenerator<readonly LitellmKey[]> {
  const filter = {
    ...(userId === undefined ? {} : { user_id: userId }),
    ...(teamId === undefined ? {} : { team_id: teamId }),
    ...(isDeleted === undefined ? {} : { status: 'deleted' as const }),
  };
  // Version 1.84 returns keys whose values merely contain these.
  const isAsked = (key: LitellmKey): boolean =>
    key.teamId !== DASHBOARD_TEAM &&
    (userId === undefined || key.userId === userId) &&
    (teamId === undefined || key.teamId === teamId);
  let totalPages = 1;
  for (let page = 1; page <= totalPages; page += 1) {
    if (page > MAX_PAGES) throw endlessList();
    const query = { ...filter, page, size: PAGE_SIZE, return_full_object: true as const };
    const parsed = parseKeyPage(requireBody(await sender.read(REQUESTS.keyList, query)));
    totalPages = parsed.totalPages;
    const keys = parsed.rows.filter(isAsked);
    if (keys.length > 0) yield keys;
  }
}

function isUnknown(answer: Answer): boolean {
  return !answer.ok && answer.failure.status === 404 && answer.failure.isLitellms;
}

function endlessList(): AppError {
  return new AppError('litellm_answer_invalid', 'LiteLLM lists more than a million keys.', {
    retryable: true,
    details: { path: REQUESTS.keyList.path, fault: 'endless_list' },
  });
}
