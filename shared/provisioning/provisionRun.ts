/** What the steps of one provisioning share. */
import type { Observation } from '../model/observation.ts';
import type { Rules } from '../model/rules.ts';
import type { ProvisionMessage, SyncRequests } from '../queue/queueMessage.ts';
import type { Delivery } from '../queue/queueWorker.ts';
import type { Clock, Random } from '../model/ports.ts';
import type { ParkedSnapshots } from '../storage/parkedSnapshots.ts';
import type { Store } from '../storage/store.ts';
import type { GroupKnowledge } from '../groups/groupKnowledge.ts';

/** What a provisioning needs from outside. */
export interface ProvisionDeps {
  readonly store: Store;
  readonly parked: ParkedSnapshots;
  readonly knowledge: GroupKnowledge;
  readonly clock: Clock;
  readonly random: Pick<Random, 'uuid'>;
  readonly rules: Rules;
  /** Where a LiteLLM proxy is connected: each person whose run changed something is synced. */
  readonly sync?: SyncRequests;
  /** Called with what one run wrote, even if the message then comes back for the rest. */
  readonly onApplied?: (changes: MembershipChanges) => void;
}

/** How many memberships a run wrote. */
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
  /** Version of the accepted list that decided which groups count. */
  readonly listVersion: string | undefined;
  readonly now: Date;
  /** The account is closed: `observation` has no groups and no roles, and even a last organization admin goes. */
  readonly isClosed: boolean;
}
