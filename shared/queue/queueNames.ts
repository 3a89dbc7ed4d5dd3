/**
 * Every queue of this product. The Functions host moves a message to `<queue>-poison` after its last delivery.
 *
 * To add a queue: name both here (the local stack and infra/ create what is named here), describe it as a `WorkerQueue`
 * (queueWorker.ts) in the room of its subject, and register one function for each of the two with `onQueue`.
 */

/** What a sign-in saw of a person. */
export const PROVISION_QUEUE = 'provision';
export const PROVISION_POISON_QUEUE = 'provision-poison';

/** A person, an organization or a team that LiteLLM may have to learn about. */
export const SYNC_QUEUE = 'litellm-sync';
export const SYNC_POISON_QUEUE = 'litellm-sync-poison';

/** How often the host delivers a message before it moves it to the poison queue: `maxDequeueCount` of host.json. */
export const MAX_DELIVERIES = 5;
