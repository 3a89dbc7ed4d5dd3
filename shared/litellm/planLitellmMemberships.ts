/** What a sync has to change in LiteLLM about one person's memberships of one kind. Pure. */
import type { SyncedMembership } from '../model/synced.ts';

export interface LitellmMembershipPlanInput<Role extends string> {
  /** Entity id → role, of every stored membership whose organization or team exists in LiteLLM. */
  readonly desired: ReadonlyMap<string, Role>;
  /** Ids of memberships that are desired, or may be, but cannot be written now. They are neither added nor removed. */
  readonly withheld: ReadonlySet<string>;
  /** Entity id → the person's role in LiteLLM, for every desired or recorded entity; `undefined`: not a member. */
  readonly actual: ReadonlyMap<string, string | undefined>;
  readonly recorded: ReadonlyMap<string, SyncedMembership>;
}

/** Each list is ordered by entity id. */
export interface LitellmMembershipPlan<Role extends string> {
  /** Desired memberships that LiteLLM has. */
  readonly members: readonly string[];
  readonly removals: readonly { readonly entityId: string }[];
  readonly roleChanges: readonly { readonly entityId: string; readonly role: Role }[];
  readonly adds: readonly { readonly entityId: string; readonly role: Role }[];
  /** What is to be recorded at once: memberships that were found, and intents that a crash left open. */
  readonly recordings: readonly SyncedMembership[];
  /** Recorded memberships that are neither desired nor in LiteLLM any more. */
  readonly forgotten: readonly string[];
  /** Memberships whose role an administrator changed in LiteLLM. It stays. */
  readonly differs: readonly string[];
  /** Memberships with a lesser role than desired, because LiteLLM did not accept the desired one. */
  readonly lesser: readonly string[];
}

type Decision<Role extends string> =
  | { readonly to: 'add' | 'change'; readonly role: Role }
  | { readonly to: 'remove' | 'forget' | 'nothing' | 'differ' | 'lesser' }
  | { readonly to: 'record'; readonly membership: SyncedMembership };

function decideDesired<Role extends string>(
  entityId: string,
  role: Role,
  { actual, recorded }: LitellmMembershipPlanInput<Role>,
): Decision<Role> {
  const roleInLitellm = actual.get(entityId);
  const record = recorded.get(entityId);
  if (roleInLitellm === undefined) return { to: 'add', role };
  if (record === undefined) {
    // The membership existed before this product meant to add it.
    return { to: 'record', membership: { entityId, state: 'found', role: roleInLitellm } };
  }
  if (record.state === 'found') return { to: 'nothing' };
  // A crash left the intent open, or LiteLLM lost the removal. Nothing says who gave the role, so the membership counts as ours.
  if (record.state === 'adding' || record.state === 'removed')
    return { to: 'record', membership: { ...record, state: 'added' } };
  if (roleInLitellm !== record.role) return { to: 'differ' };
  if (role === roleInLitellm) return { to: 'nothing' };
  return record.wanted === role ? { to: 'lesser' } : { to: 'change', role };
}

function decideUndesired(record: SyncedMembership, roleInLitellm: string | undefined): Decision<never> {
  // A found membership is not ours: only its record goes.
  if (roleInLitellm === undefined || record.state === 'found') return { to: 'forget' };
  return { to: 'remove' };
}

function byEntityId(a: { readonly entityId: string }, b: { readonly entityId: string }): number {
  return a.entityId < b.entityId ? -1 : 1;
}

/**
 * Plans what to change. A removal is finished only when a look shows that the membership is gone. A membership that this product added is removed when it is no longer desired, whatever role it has in
 * LiteLLM by then. A membership that was found there is never removed. One that an administrator removed in LiteLLM is added again,
 * because the store decides.
 *
 * An intent that a crash left open (`adding`) counts as added by this product if LiteLLM has the membership.
 */
export function planLitellmMemberships<Role extends string>(
  input: LitellmMembershipPlanInput<Role>,
): LitellmMembershipPlan<Role> {
  const removals: { entityId: string }[] = [];
  const roleChanges: { entityId: string; role: Role }[] = [];
  const adds: { entityId: string; role: Role }[] = [];
  const recordings: SyncedMembership[] = [];
  const forgotten: string[] = [];
  const differs: string[] = [];
  const lesser: string[] = [];
  const keep = (entityId: string, decision: Decision<Role>): void => {
    if (decision.to === 'add') adds.push({ entityId, role: decision.role });
    else if (decision.to === 'change') roleChanges.push({ entityId, role: decision.role });
    else if (decision.to === 'remove') removals.push({ entityId });
    else if (decision.to === 'record') recordings.push(decision.membership);
    else if (decision.to === 'forget') forgotten.push(entityId);
    else if (decision.to === 'differ') differs.push(entityId);
    else if (decision.to === 'lesser') lesser.push(entityId);
  };
  for (const [entityId, role] of input.desired) keep(entityId, decideDesired(entityId, role, input));
  for (const [entityId, record] of input.recorded) {
    if (input.desired.has(entityId) || input.withheld.has(entityId)) continue;
    keep(entityId, decideUndesired(record, input.actual.get(entityId)));
  }
  const members = [...input.desired.keys()].filter((entityId) => input.actual.get(entityId) !== undefined);
  return {
    members: members.sort(),
    removals: removals.sort(byEntityId),
    roleChanges: roleChanges.sort(byEntityId),
    adds: adds.sort(byEntityId),
    recordings: recordings.sort(byEntityId),
    forgotten: forgotten.sort(),
    differs: differs.sort(),
    lesser: lesser.sort(),
  };
}
