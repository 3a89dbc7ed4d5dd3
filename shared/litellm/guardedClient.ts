/** The client of LiteLLM that sends nothing to a proxy of an unsafe version, and the state of the proxy that decides this. */
import type { LitellmClient } from '../model/litellmPorts.ts';
import { createLitellmClient, type LitellmClientOptions } from './client/litellmClient.ts';
import { ProxyState, type ProxyStateDeps, requireSafe } from './proxyState.ts';

export interface GuardedClient {
  /** Each of its requests throws `litellm_version_unsafe` (retryable) if nothing may be sent. */
  readonly litellm: LitellmClient;
  readonly proxy: ProxyState;
}

/** Creates both. Connects to nothing. */
export function createGuardedClient(
  options: Omit<LitellmClientOptions, 'beforeSend'>,
  deps: Pick<ProxyStateDeps, 'record' | 'users'>,
): GuardedClient {
  // The state itself has to ask the proxy before anything is known about it.
  const proxy = new ProxyState({ ...deps, litellm: createLitellmClient(options), clock: options.clock });
  const beforeSend = async (): Promise<void> => requireSafe(await proxy.read());
  return { proxy, litellm: createLitellmClient({ ...options, beforeSend }) };
}
