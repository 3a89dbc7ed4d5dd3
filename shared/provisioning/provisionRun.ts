/** What the steps of one provisioning share. */
import type { ParkedSnapshots } from '../storage/parkedSnapshots.ts';
import type { Store } from '../storage/store.ts';
import type { Observation } from '../model/observation.ts';
import type { Rules } from '../model/rules.ts';
import type { ProvisionMessage } from '../queue/provisionMessage.ts';
import type { Clock, MessageQueue, Random } from '../model/ports.ts';
import type { GroupKnowledge } from '../groups/groupKnowledge.ts';
import type { SyncRequests } from '../queue/enqueueSync.ts';

/** What a provisioning needs from outside. */
export interface ProvisionDeps {
  readonly store: Store;
  readonly parked: ParkedSnapshots;
  readonly queue: MessageQueue;
  readonly knowledge: GroupKnowledge;
  readonly clock: Clock;
  readonly random: Pick<Random, 'uuid'>;
  readonly rules: Rules;
  /** Where a LiteLLM proxy is connected: it is told about each person whose run changed something. */
  readonly sync?: SyncRequests;
  /** Told what one run wrote, also where the message then comes back for the rest. */
  readonly onApplied?: (changes: MembershipChanges) => void;
}

/** Which delivery of the message this is, counted from 1, and how many there will be. */
export interface Delivery {
  readonly attempt: number;
  readonly maxAttempts: number;
}

/** What a run wrote. */
export interface MembershipChanges {
  readonly granted: number;
  readonly changed: number;
  readonly removed: number;
}

/** Everything one round works with. */
export interface Run {
  readonly deps: ProvisionDeps;
  readonly message: ProvisionMessage;
  readonly observation: Observation;
  readonly delivery: Delivery;
  readonly digest: string;
  /** Version of the list against which the groups were counted. */
  readonly listVersion: string | undefined;
  readonly now: Date;
}
