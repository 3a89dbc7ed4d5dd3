/** What the steps of one push to the LiteLLM proxy share. */
import type { Clock, ProvisionQueue, Random } from '../ports.ts';
import type { Proxy, PushRecord } from '../proxyPorts.ts';
import type { Store } from '../storePorts.ts';

/** What a push needs from outside. */
export interface PushDeps {
  readonly store: Pick<Store, 'users' | 'teamMemberships' | 'organizationMemberships' | 'entities'>;
  readonly proxy: Proxy;
  readonly record: PushRecord;
  /** The queue `push`. */
  readonly queue: Pick<ProvisionQueue, 'push'>;
  readonly clock: Clock;
  readonly random: Pick<Random, 'bytes'>;
  sleep(this: void, durationMs: number): Promise<void>;
}

/** What one push changed in the proxy. */
export interface ProxyChanges {
  /** Memberships. */
  readonly added: number;
  readonly changed: number;
  readonly removed: number;
}

/** Gives a number from 0 up to, but not including, 1: so that those who wait for the same thing do not come back at once. */
export function jitter(random: PushDeps['random']): number {
  return (random.bytes(1)[0] ?? 0) / 256;
}
