import { setTimeout as delay } from 'node:timers/promises';
import type { Proxy } from '../proxyPorts.ts';
import { createLitellm, type LitellmOptions } from './litellm/call.ts';
import { createHealthCalls } from './litellm/healthCalls.ts';
import { createOrganizationCalls } from './litellm/organizationCalls.ts';
import { createTeamCalls } from './litellm/teamCalls.ts';
import { createUserCalls } from './litellm/userCalls.ts';

const TIMEOUT_MS = 10_000;

export interface LitellmProxyOptions extends Omit<LitellmOptions, 'sleep' | 'timeoutMs'> {
  /** Default: a timer. */
  readonly sleep?: LitellmOptions['sleep'];
  /** For each request. Default 10,000. */
  readonly timeoutMs?: number;
}

/**
 * Gives LiteLLM's management API. Nothing is sent before the first call; what may be sent at all stands in
 * `litellm/requests.ts`. Writes are never repeated: the caller looks again and plans anew.
 */
export function createLitellmProxy(options: LitellmProxyOptions): Proxy {
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
