/** The queue `provision`, described for the worker of every queue (../queue/queueWorker.ts). */
import { parseProvisionMessage, type ProvisionMessage } from '../queue/provisionMessage.ts';
import type { FailingQueue, MessageKind, WorkerQueue } from '../queue/queueWorker.ts';
import type { Store } from '../storage/store.ts';
import type { ProvisionDeps } from './provisionRun.ts';
import { type ProvisionResult, provisionUser } from './provisionUser.ts';

/** Describes the messages, whose outcome is recorded beside the person's row. */
export function describeProvisionMessages(users: Store['users']): MessageKind<ProvisionMessage> {
  return {
    parse: parseProvisionMessage,
    ownerOf: ({ person, id, observed_at }) => ({ userId: person.user_id, observation: { id, observed_at } }),
    describe: ({ person, id }) => ({ userId: person.user_id, observationId: id }),
    findOutcome: async ({ person, id }) => {
      const { outcome } = await users.findWithOutcome(person.user_id);
      return outcome?.observation.id === id ? outcome : undefined;
    },
    recordOutcome: async ({ person, id, observed_at }, { reported: _none, ...outcome }) =>
      users.recordOutcome(person.user_id, { ...outcome, observation: { id, observed_at } }),
    showsRedriven: true,
  };
}

/** What {@link createProvisionQueue} needs. */
export interface ProvisionQueueParts extends Pick<
  FailingQueue<ProvisionMessage>,
  'queue' | 'poisonQueue' | 'failures'
> {
  readonly provision: ProvisionDeps;
}

/** Describes the queue. Connects to nothing. */
export function createProvisionQueue({
  provision,
  ...parts
}: ProvisionQueueParts): WorkerQueue<ProvisionMessage, ProvisionResult> {
  return {
    ...describeProvisionMessages(provision.store.users),
    ...parts,
    clock: provision.clock,
    run: async (message, delivery) => provisionUser(provision, message, delivery),
    // Final or not: the person sees `failed` once the poison queue has the message.
    statusOf: () => 'retrying',
  };
}
