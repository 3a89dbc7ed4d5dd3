import { setTimeout as delay } from 'node:timers/promises';
import type { LitellmClient } from '../../model/litellmPorts.ts';
import { errorCodeOf } from '../../model/errors.ts';
import { parseKeyPage, parseReadiness, parseTeamPage, parseUserPage, parseVersion } from './answers.ts';
import { createKeyCalls } from './keyCalls.ts';
import { createSender, type LitellmOptions, type LitellmSender, requireBody } from './litellmSender.ts';
import { createOrganizationCalls } from './organizationCalls.ts';
import { REQUESTS } from './requests.ts';
import { createTeamCalls } from './teamCalls.ts';
import { createUserCalls } from './userCalls.ts';

const TIMEOUT_MS = 15_000;

export interface LitellmClientOptions extends Omit<LitellmOptions, 'sleep' | 'timeoutMs'> {
  /** Default: a timer. */
  readonly sleep?: LitellmOptions['sleep'];
  /** For each request. Default 10,000. */
  readonly timeoutMs?: number;
}

/** An id that no organization can have: a look for it shows whether organizations may be read, and reads nothing. */
const NO_ORGANIZATION = 'entra-provisioning-right-check';

/** The description of the whole API is large, and some versions make it anew for each request. */
const OPEN_API_TIMEOUT_FACTOR = 3;

async function checkRights(
  sender: LitellmSender,
  findOrganization: LitellmClient['findOrganization'],
): Promise<{ readonly hasOrganizations: boolean }> {
  parseReadiness(requireBody(await sender.read(REQUESTS.readiness, {})));
  parseUserPage(requireBody(await sender.read(REQUESTS.userList, { page: 1, page_size: 1 })));
  const teams = { page: 1, page_size: 1, sort_by: 'team_id', sort_order: 'asc' } as const;
  parseTeamPage(requireBody(await sender.read(REQUESTS.teamList, teams)));
  const keys = { page: 1, size: 1, return_full_object: true } as const;
  parseKeyPage(requireBody(await sender.read(REQUESTS.keyList, keys)));
  try {
    await findOrganization(NO_ORGANIZATION);
    return { hasOrganizations: true };
  } catch (error) {
    if (errorCodeOf(error) === 'organizations_unlicensed') return { hasOrganizations: false };
    throw error;
  }
}

async function findVersion(sender: LitellmSender): Promise<string | undefined> {
  const timeoutMs = sender.options.timeoutMs * OPEN_API_TIMEOUT_FACTOR;
  const answer = await sender.read(REQUESTS.openApi, {}, timeoutMs);
  // A gateway may hide the description of the API.
  if (!answer.ok && [401, 403, 404].includes(answer.failure.status)) return undefined;
  return parseVersion(requireBody(answer));
}

/**
 * Returns the client of LiteLLM's management API. It sends nothing before the first call, and nothing that `requests.ts` does not
 * name. Writes are never repeated: the caller looks again and makes a new plan.
 */
export function createLitellmClient(options: LitellmClientOptions): LitellmClient {
  const sender = createSender({
    ...options,
    sleep: options.sleep ?? (async (durationMs) => delay(durationMs)),
    timeoutMs: options.timeoutMs ?? TIMEOUT_MS,
  });
  const organizations = createOrganizationCalls(sender);
  return {
    ...organizations,
    ...createTeamCalls(sender),
    ...createUserCalls(sender),
    ...createKeyCalls(sender),
    findVersion: async () => findVersion(sender),
    checkRights: async () => checkRights(sender, organizations.findOrganization),
  };
}
