import { setTimeout as delay } from 'node:timers/promises';
import type { LitellmClient } from '../../model/litellmPorts.ts';
import { parseReadiness, parseUserPage } from './answers.ts';
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

async function check(sender: LitellmSender): Promise<void> {
  parseReadiness(requireBody(await sender.read(REQUESTS.readiness, {})));
  // The cheapest request that only an administrator's key may send.
  parseUserPage(requireBody(await sender.read(REQUESTS.userList, { page: 1, page_size: 1 })));
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
  return {
    ...createOrganizationCalls(sender),
    ...createTeamCalls(sender),
    ...createUserCalls(sender),
    check: async () => check(sender),
  };
}
