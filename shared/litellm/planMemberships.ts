/** What has to change in the proxy so that a person is in what they are in here, and in nothing else by us. Pure. */
import type { SyncedMembership } from '../model/synced.ts';

export interface MembershipSyncInput<Role extends string> {
  /** Entity id → role, of every membership here whose entity is in the proxy. */
  readonly desired: ReadonlyMap<string, Role>;
  /** Ids of what is desired, or may be, but cannot be pushed now: nothing is taken away there. */
  readonly held: ReadonlySet<string>;
  /** Entity id → the person's role in the proxy, for every entity desired or recorded; `undefined`: not a member. */
  readonly actual: ReadonlyMap<string, string | undefined>;
  readonly recorded: ReadonlyMap<string, SyncedMembership>;
}

/** Each list is ordered by entity id. */
export interface MembershipSync<Role extends string> {
  readonly removals: readonly { readonly entityId: string }[];
  readonly roleChanges: readonly { readonly entityId: string; readonly role: Role }[];
  readonly adds: readonly { readonly entityId: string; readonly role: Role }[];
  /** What the record has to say at once: what was found, and what a crash left open. */
  readonly recordings: readonly SyncedMembership[];
  /** Recorded, but neither desired nor there any more. */
  readonly forgotten: readonly string[];
  /** Roles that somebody changed in the proxy: they stay. */
  readonly differs: readonly string[];
  /** Members with a lesser role than wanted, because the proxy did not take that one. */
  readonly lesser: readonly string[];
}

type Decided<Role extends string> =
  | { readonly to: 'add' | 'change'; readonly role: Role }
  | { readonly to: 'remove' | 'forget' | 'nothing' }
  | { readonly to: 'differ' | 'lesser' }
  | { readonly to: 'record'; readonly membership: SyncedMembership };

function decideDesired<Role extends string>(
  entityId: string,
  role: Role,
  { actual, recorded }: MembershipSyncInput<Role>,
): Decided<Role> {
  const there = actual.get(entityId);
  const record = recorded.get(entityId);
  if (there === undefined) return { to: 'add', role };
  // It was there before this product ever meant to add it.
  if (record === undefined) return { to: 'record', membership: { entityId, state: 'found', role: there } };
  if (record.state === 'found') return { to: 'nothing' };
  if (there !== record.role) {
    // Of one that a crash left open nobody can tell who gave it the role.
    return record.state === 'adding'
      ? { to: 'record', membership: { ...record, state: 'added' } }
      : { to: 'differ' };
  }
  if (record.state === 'adding') return { to: 'record', membership: { ...record, state: 'added' } };
  if (role === there) return { to: 'nothing' };
  return record.wanted === role ? { to: 'lesser' } : { to: 'change', role };
}

function decideOther(record: SyncedMembership, there: string | undefined): Decided<never> {
  // What was found is somebody else's: it goes from the record alone.
  if (there === undefined || record.state === 'found') return { to: 'forget' };
  return { to: 'remove' };
}

function byEntityId(a: { readonly entityId: string }, b: { readonly entityId: string }): number {
  return a.entityId < b.entityId ? -1 : 1;
}

/**
 * Gives what has to change. A membership that this product added is removed when it is no longer desired, whatever role it has
 * there now; one that was there by somebody else's doing never is. One that somebody removed in the proxy is added again:
 * what is provisioned here is the truth.
 *
 * An intent that a crash left open (`adding`) and that is there counts as this product's own.
 */
export function planMembershipSync<Role extends string>(
  input: MembershipSyncInput<Role>,
): MembershipSync<Role> {
  const removals: { entityId: string }[] = [];
  const roleChanges: { entityId: string; role: Role }[] = [];
  const adds: { entityId: string; role: Role }[] = [];
  const recordings: SyncedMembership[] = [];
  const forgotten: string[] = [];
  const differs: string[] = [];
  const lesser: string[] = [];
  const keep = (entityId: string, decided: Decided<Role>): void => {
    if (decided.to === 'add') adds.push({ entityId, role: decided.role });
    else if (decided.to === 'change') roleChanges.push({ entityId, role: decided.role });
    else if (decided.to === 'remove') removals.push({ entityId });
    else if (decided.to === 'record') recordings.push(decided.membership);
    else if (decided.to === 'forget') forgotten.push(entityId);
    else if (decided.to === 'differ') differs.push(entityId);
    else if (decided.to === 'lesser') lesser.push(entityId);
  };
  for (const [entityId, role] of input.desired) keep(entityId, decideDesired(entityId, role, input));
  for (const [entityId, record] of input.recorded) {
    if (input.desired.has(entityId) || input.held.has(entityId)) continue;
    keep(entityId, decideOther(record, input.actual.get(entityId)));
  }
  return {
    removals: removals.sort(byEntityId),
    roleChanges: roleChanges.sort(byEntityId),
    adds: adds.sort(byEntityId),
    recordings: recordings.sort(byEntityId),
    forgotten: forgotten.sort(),
    differs: differs.sort(),
    lesser: lesser.sort(),
  };
}
