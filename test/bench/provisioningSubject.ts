/** The product's provisioning as the worker runs it: real flow, real stores, real table driver; and what it is given. */
import { createHash, randomUUID } from 'node:crypto';
import { createParkedSnapshots } from '../../shared/storage/parkedSnapshots.ts';
import { createAzureTables } from '../../shared/storage/tables/azureTables.ts';
import type { Tables } from '../../shared/model/tables.ts';
import { createStore } from '../../shared/app/createStore.ts';
import { type AcceptedGroups, type KnownGroup, versionOf } from '../../shared/model/assignedGroups.ts';
import { createGroupKnowledge } from '../../shared/groups/groupKnowledge.ts';
import type { ProvisionDeps } from '../../shared/provisioning/provisionRun.ts';
import { type ProvisionResult, provisionUser } from '../../shared/provisioning/provisionUser.ts';
import { type InlineMessage } from '../../shared/queue/provisionMessage.ts';
import type { Rules } from '../../shared/model/rules.ts';
import { sampleRules } from '../support/world.ts';

export const TENANT_ID = '11111111-1111-4111-8111-111111111111';

/** Flag on, an organization and a team a group; what the local stack's settings say. */
export const SUBJECT_RULES = sampleRules();

export interface SubjectPerson {
  readonly userId: string;
  readonly email: string;
  readonly displayName: string;
}

/** The same person for the same name: ids are GUIDs, as Entra's. Pure. */
export function personOf(name: string): SubjectPerson {
  return { userId: guidOf(name), email: `${name}@example.com`, displayName: `Person ${name}` };
}

/** The same groups for the same name, whose team and organization the accepted list calls `presence`. Pure. */
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

function guidOf(name: string): string {
  const hex = createHash('sha256').update(name).digest('hex');
  return hex.replace(/^(.{8})(.{4}).(.{3}).(.{3})(.{12}).*$/, '$1-$2-4$3-8$4-$5');
}

/** Gives the list in force with these groups. `checkedAt` is now, so that a claim never finds it outdated. */
export function acceptedList(groups: readonly KnownGroup[]): AcceptedGroups {
  const at = new Date().toISOString();
  const sorted = groups.toSorted((a, b) => (a.id < b.id ? -1 : 1));
  return { version: versionOf(groups), acceptedAt: at, checkedAt: at, groups: sorted };
}

let lastObservedMs = 0;

/** Gives the message of a sign-in just now: newer than every one before it in this process. */
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
  readonly tables: Tables;
  /** A warm instance: from now on it knows this list without reading it, for 30 seconds. */
  know(list: AcceptedGroups): void;
  /** Provisions one sign-in. Throws an Error for any end but `done` and `unchanged`. */
  provision(message: InlineMessage): Promise<ProvisionResult['status']>;
}

/** Gives the product's provisioning on these tables, or on those of the connection string. Connects to nothing. */
export function createSubject(on: string | Tables, rules: Rules = SUBJECT_RULES): Subject {
  const tables =
    typeof on === 'string'
      ? createAzureTables({ connection: { kind: 'connectionString', connectionString: on } })
      : on;
  const store = createStore(tables);
  const clock = { now: () => new Date() };
  const knowledge = createGroupKnowledge({
    store: store.assignedGroups,
    clock,
    refresh: async () => {
      await Promise.resolve();
      throw new Error('A benchmark never asks the directory.');
    },
  });
  const deps: ProvisionDeps = {
    store,
    parked: createParkedSnapshots(tables),
    knowledge,
    clock,
    random: { uuid: () => randomUUID() },
    rules,
  };
  return {
    tables,
    know: (list) => knowledge.remember(list),
    provision: async (message) => {
      const { status } = await provisionUser(deps, message, { attempt: 1, isLastAttempt: false });
      if (status !== 'done' && status !== 'unchanged') throw new Error(`The run ended as ${status}`);
      return status;
    },
  };
}
