import { setTimeout as delay } from 'node:timers/promises';
import type { LitellmClient } from '../../model/litellmPorts.ts';
import { createLitellm, type LitellmOptions } from './call.ts';
import { createHealthCalls } from './healthCalls.ts';
import { createOrganizationCalls } from './organizationCalls.ts';
import { createTeamCalls } from './teamCalls.ts';
import { createUserCalls } from './userCalls.ts';

const TIMEOUT_MS = 15_000;

export interface LitellmClientOptions extends Omit<LitellmOptions, 'sleep' | 'timeoutMs'> {
  /** Default: a timer. */
  readonly sleep?: LitellmOptions['sleep'];
  /** For each request. Default 10,000. */
  readonly timeoutMs?: number;
}

/**
 * Gives LiteLLM's management API. Nothing is sent before the first call; what may be sent at all stands in
 * `litellm/requests.ts`. Writes are never repeated: the caller looks again and plans anew.
 */
export function createLitellmClient(options: LitellmClientOptions): LitellmClient {
  const litellm = createLitellm({
    ...options,
    sleep: options.sleep ?? (async (durationMs) => delay(durationMs)),
    timeoutMs: options.timeoutMs ?? TIMEOUT_MS,
  });
  return {
    ...createOrganizationCalls(litellm),
    ...createTeamCalls(litellm),
    ...createUserCalls(litellm),
    ...createHealthCalls(litellm),
  };
}
