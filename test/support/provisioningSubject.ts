/** Creates the product's provisioning as a warm worker runs it, with real stores, and its input. */
import { versionOf } from '../../shared/groups/brake.ts';
import { createHash, randomUUID } from 'node:crypto';
import { ParkedSnapshots } from '../../shared/storage/parkedSnapshots.ts';
import type { Tables } from '../../shared/model/tables.ts';
import { createStore } from '../../shared/storage/store.ts';
import { type AcceptedGroups, type KnownGroup } from '../../shared/model/assignedGroups.ts';
import { createGroupKnowledge } from '../../shared/groups/groupKnowledge.ts';
import { type ProvisionResult, provisionUser } from '../../shared/provisioning/provisionUser.ts';
import { type InlineMessage } from '../../shared/queue/queueMessage.ts';
import { sampleRules, TENANT_ID } from './world.ts';

export interface SubjectPerson {
  readonly userId: string;
  readonly email: string;
  readonly displayName: string;
}

/** Returns the same person for the same name. */
export function personOf(name: string): SubjectPerson {
  return { userId: guidOf(name), email: `${name}@example.com`, displayName: `Person ${name}` };
}

/** Returns the same groups for the same name. `presence` is the state of their teams and organizations in the accepted list. */
export function groupsOf(
  name: string,
  count: number,
  presence: 'present' | 'absent' = 'present',
): readonly KnownGroup[] {
  return Array.from({ length: count }, (_, index) => ({
    id: guidOf(`${name} ${index}`),
    displayName: `${name} ${index}`,
    team: presence,
    organization: presence,
  }));
}

/** Returns an id in the form of Entra's ids, different for each name. */
export function guidOf(name: string): string {
  const hex = createHash('sha256').update(name).digest('hex');
  return hex.replace(/^(.{8})(.{4}).(.{3}).(.{3})(.{12}).*$/, '$1-$2-4$3-8$4-$5');
}

/** Returns an accepted list of these groups, checked now. */
export function acceptedList(groups: readonly KnownGroup[]): AcceptedGroups {
  const at = new Date().toISOString();
  const sorted = groups.toSorted((a, b) => (a.id < b.id ? -1 : 1));
  return { version: versionOf(groups), acceptedAt: at, checkedAt: at, groups: sorted };
}

let lastObservedMs = 0;

/** Returns the message of a sign-in at this moment. It is newer than all earlier ones of this process. */
export function signInMessage(
  person: SubjectPerson,
  groups: readonly { readonly id: string }[],
): InlineMessage {
  lastObservedMs = Math.max(lastObservedMs + 1, Date.now());
  return {
    version: 1,
    id: randomUUID(),
    observed_at: new Date(lastObservedMs).toISOString(),
    person: {
      user_id: person.userId,
      tenant_id: TENANT_ID,
      display_name: person.displayName,
      user_email: person.email,
      app_roles: [],
    },
    groups_source: 'claim',
    group_ids: groups.map((group) => group.id),
    enqueued_at: new Date().toISOString(),
  };
}

export interface Subject {
  /** Caches this list for 30 seconds, as a warm instance does. */
  know(this: void, list: AcceptedGroups): void;
  /** Provisions one sign-in. Throws unless it ends as `done` or `unchanged`. */
  provision(this: void, message: InlineMessage): Promise<ProvisionResult['status']>;
}

/** Creates the product's provisioning on these tables. Organizations are on. */
export function createSubject(tables: Tables): Subject {
  const store = createStore(tables);
  const clock = { now: () => new Date() };
  const refuse = async (): Promise<never> => {
    throw new Error('A warm instance must not use the directory or the queue.');
  };
  const knowledge = createGroupKnowledge({ store: store.assignedGroups, clock, refresh: refuse });
  const deps = {
    store,
    parked: new ParkedSnapshots(tables),
    knowledge,
    clock,
    random: { uuid: () => randomUUID() },
    rules: sampleRules(),
  };
  return {
    know: (list) => knowledge.remember(list),
    async provision(message) {
      const { status } = await provisionUser(deps, message, { attempt: 1, isLastAttempt: false });
      if (status !== 'done' && status !== 'unchanged') throw new Error(`The run ended as ${status}`);
      return status;
    },
  };
}
