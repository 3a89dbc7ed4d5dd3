/** What a sync needs from outside, and what it returns. */
import type { Clock, MessageQueue, Random } from '../model/ports.ts';
import type { LitellmClient } from '../model/litellmPorts.ts';
import type { SyncReport } from '../model/synced.ts';
import type { RunResult } from '../queue/queueWorker.ts';
import type { Store } from '../storage/store.ts';
import type { SyncRecord } from '../storage/syncRecord.ts';
import type { SharedBudget } from './teamLimits.ts';
import type { KeyCounts } from '../model/restingKeys.ts';
import type { ParkedOwner } from './keys/parkedOwner.ts';
import type { ProxyState } from './proxyState.ts';

/** How long keys rest. */
export interface KeySettings {
  /** `LITELLM_PARKED_KEY_DAYS` */
  readonly parkedKeyDays: number;
  /** `LITELLM_PARKED_KEYS_ACCEPT` */
  readonly acceptVersion?: string;
}

/** What decides whose account may be closed in LiteLLM. */
export interface ClosingRules {
  readonly proxy: Pick<ProxyState, 'read'>;
  /** `LITELLM_CLOSE_FOUND`: a closed account also ends a user that LiteLLM had before this product. */
  readonly closesFoundUsers: boolean;
}

export interface SyncDeps extends ClosingRules {
  readonly store: Pick<Store, 'users' | 'entities' | 'memberIndexes' | 'readMemberships'>;
  readonly litellm: LitellmClient;
  /** `LITELLM_SHARED_BUDGET` */
  readonly sharedBudget: SharedBudget;
  readonly record: SyncRecord;
  /** What is known about the proxy as a whole. */
  readonly proxy: Pick<ProxyState, 'read' | 'noteOrganizations'>;
  /** The queue `litellm-sync`. */
  readonly queue: Pick<MessageQueue, 'enqueue'>;
  readonly parkedOwner: Pick<ParkedOwner, 'ensure'>;
  readonly keys: KeySettings;
  readonly clock: Clock;
  readonly random: Pick<Random, 'bytes'>;
  sleep(this: void, durationMs: number): Promise<void>;
}

/** How many memberships one sync added, changed and removed in LiteLLM. */
export interface SyncChanges {
  readonly added: number;
  readonly changed: number;
  readonly removed: number;
}

/** How the sync of a person, an organization or a team ended. */
export interface SyncResult extends RunResult {
  /** `nothing`: a row that is needed is missing, so nothing was changed. `waiting`: the message was put back. */
  readonly status: 'done' | 'nothing' | 'waiting';
  /** Of a person, or of the members of an organization or team. */
  readonly changes?: SyncChanges;
  /** The person's keys that the sync moved; absent: none. */
  readonly keys?: KeyCounts;
  readonly reported?: readonly SyncReport[];
}

/** Returns a number from 0 up to, but not including, 1. With it, tasks that wait for the same thing do not all come back at once. */
export function jitter(random: SyncDeps['random']): number {
  return (random.bytes(1)[0] ?? 0) / 256;
}
