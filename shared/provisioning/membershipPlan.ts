/** Plan = desired − actual, for one membership partition of one person. Pure, idempotent, independent of order. */
import type { ActualMembership, Grant, Removal, RoleChange } from '../storage/membershipStore.ts';
import { isEditedByHand } from '../model/handEdits.ts';
import type { Rules } from '../model/rules.ts';

/** Each list is ordered by entity id. */
export interface MembershipPlan<Role extends string> {
  readonly removals: readonly Removal<Role>[];
  readonly roleChanges: readonly RoleChange<Role>[];
  readonly grants: readonly Grant<Role>[];
}

export interface PlanInput<Role extends string> {
  readonly desired: ReadonlyMap<string, Role>;
  readonly held: ReadonlySet<string>;
  readonly actual: readonly ActualMembership<Role>[];
  /** Rows that are there but unreadable: neither granted again nor removed. */
  readonly unreadable: readonly string[];
  /** What Entra gives the person in every entity: what stays without being desired is lowered to it, never raised. */
  readonly entraRole: Role;
  /** The most powerful first. */
  readonly ranking: readonly Role[];
  readonly mode: Rules['membershipSyncMode'];
}

function byEntityId(a: { readonly entityId: string }, b: { readonly entityId: string }): number {
  if (a.entityId === b.entityId) return 0;
  return a.entityId < b.entityId ? -1 : 1;
}

function isRemovable<Role extends string>(row: ActualMembership<Role>, input: PlanInput<Role>): boolean {
  // Only what Entra granted; a membership without a source is a person's own work (docs/domain.md, "Removal").
  return input.mode === 'full' && row.grantSource === 'entra' && !input.held.has(row.entityId);
}

/**
 * Returns the role that a row should have. One that stays although it is not desired now (withheld, not yet known, the
 * flag off, additive) is only lowered: Entra's present role is the limit (docs/domain.md, "Roles").
 */
function roleFromEntra<Role extends string>(row: ActualMembership<Role>, input: PlanInput<Role>): Role {
  const desired = input.desired.get(row.entityId);
  if (desired !== undefined) return desired;
  const { entraRole, ranking } = input;
  return ranking.indexOf(entraRole) > ranking.indexOf(row.role) ? entraRole : row.role;
}

/** Returns what must change so that the partition has what is desired. */
export function planMemberships<Role extends string>(input: PlanInput<Role>): MembershipPlan<Role> {
  const removals: Removal<Role>[] = [];
  const roleChanges: RoleChange<Role>[] = [];
  const present = new Set(input.unreadable);
  for (const row of input.actual) {
    present.add(row.entityId);
    if (!input.desired.has(row.entityId) && isRemovable(row, input)) {
      removals.push({ entityId: row.entityId, role: row.role, indexEtag: row.indexEtag });
      continue;
    }
    const role = roleFromEntra(row, input);
    const edited = isEditedByHand({ current: row.role, written: row.roleWritten });
    if (row.grantSource === 'entra' && !edited && row.role !== role) {
      roleChanges.push({ entityId: row.entityId, role, from: row.role, etag: row.etag });
    }
  }
  const grants = [...input.desired]
    .filter(([entityId]) => !present.has(entityId))
    .map(([entityId, role]) => ({ entityId, role }));
  return {
    removals: removals.sort(byEntityId),
    roleChanges: roleChanges.sort(byEntityId),
    grants: grants.sort(byEntityId),
  };
}

/** Returns whether the plan changes nothing. */
export function isEmptyPlan<Role extends string>(plan: MembershipPlan<Role>): boolean {
  return plan.removals.length === 0 && plan.roleChanges.length === 0 && plan.grants.length === 0;
}

/** Returns the plan without the removals and changes of the named entities (a last organization admin stays). */
export function withoutEntities<Role extends string>(
  plan: MembershipPlan<Role>,
  entityIds: ReadonlySet<string>,
): MembershipPlan<Role> {
  const stays = (entry: { readonly entityId: string }): boolean => !entityIds.has(entry.entityId);
  return {
    removals: plan.removals.filter(stays),
    roleChanges: plan.roleChanges.filter(stays),
    grants: plan.grants,
  };
}
