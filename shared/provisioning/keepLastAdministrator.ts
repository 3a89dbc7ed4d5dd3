/** An organization keeps its last administrator (docs/domain.md, "Removal"). */
import type { Reported } from '../model/access.ts';
import { reportUnreadable } from '../model/handEdits.ts';
import type { OrganizationRole } from '../model/entities.ts';
import type { MembershipPlan } from './membershipPlan.ts';
import type { ObservationKey } from '../model/observation.ts';
import { AppError } from '../model/errors.ts';
import { inParallel } from '../platform/inParallel.ts';
import type { Leaving } from '../storage/organizationGuards.ts';
import type { Store } from '../storage/store.ts';

const GUARD_ROUNDS = 10;

/** How many memberships are read at once. */
const PARALLEL_CHECKS = 16;

/** After this many candidates the search ends, and the person stays an administrator. */
const MAX_CANDIDATES = 1_000;

export type AdministratorStore = Pick<Store, 'users' | 'organizationMemberships' | 'organizationGuards'>;

/**
 * A person named in the guard counts as leaving until their run is over. Only an `applied` row says so: the run that applied after an
 * unfinished one has moved the fences, so the unfinished run's late writes are refused.
 */
async function isStillLeaving(store: AdministratorStore, entry: Leaving): Promise<boolean> {
  const record = await store.users.find(entry.userId);
  return record?.run?.state !== 'applied';
}

/**
 * Returns whether one of the candidates is an `org_admin`. The index is only a hint, so this reads their memberships: 16 at a time, in
 * order, until it finds one, and {@link MAX_CANDIDATES} at most. One administrator too many is better than none.
 */
async function doesOneRemain(
  store: AdministratorStore,
  organizationId: string,
  candidates: readonly string[],
): Promise<boolean> {
  let isFound = false;
  await inParallel(candidates.slice(0, MAX_CANDIDATES), PARALLEL_CHECKS, async (userId) => {
    if (isFound) return;
    const role = await store.organizationMemberships.findRole(userId, organizationId);
    if (role === 'org_admin') isFound = true;
  });
  return isFound;
}

/**
 * Returns whether this person's `org_admin` may go: another administrator remains. Moves the guard row under the ETag read,
 * so that two runs can't each count on the other. People whom the guard names as leaving don't count.
 */
async function mayLeave(
  store: AdministratorStore,
  organizationId: string,
  leaver: Leaving,
): Promise<boolean> {
  for (let round = 0; round < GUARD_ROUNDS; round += 1) {
    // The guard before the memberships: a run that moves it after this read refuses the move below, and one that moved it before is in it.
    const guard = await store.organizationGuards.readGuard(organizationId);
    const others: Leaving[] = [];
    for (const entry of guard.leaving) {
      if (entry.userId !== leaver.userId && (await isStillLeaving(store, entry))) others.push(entry);
    }
    const away = new Set([leaver.userId, ...others.map((entry) => entry.userId)]);
    // A hand edit can make a member an administrator while the index still has the old role.
    const candidates = [...guard.hintedAdmins, ...guard.otherMembers].filter((userId) => !away.has(userId));
    if (!(await doesOneRemain(store, organizationId, candidates))) return false;
    if (await store.organizationGuards.moveGuard(organizationId, guard.etag, [...others, leaver]))
      return true;
  }
  throw new AppError('storage_contention', 'Other runs kept changing the guard of an organization.', {
    retryable: true,
    details: { organizationId },
  });
}

/** If the guard, or the row of a person named in it, can't be read, the person stays in this organization only. */
async function findReasonToStay(
  store: AdministratorStore,
  organizationId: string,
  leaver: Leaving,
): Promise<Reported | undefined> {
  try {
    const isFree = await mayLeave(store, organizationId, leaver);
    return isFree ? undefined : { kind: 'organization', id: organizationId, code: 'last_org_admin' };
  } catch (error) {
    if (!(error instanceof AppError) || error.code !== 'row_unreadable') throw error;
    const { table, columns } = error.details;
    // Without the row's key: this person sees the report, and the row may belong to another person.
    return reportUnreadable('organization', organizationId, {
      table: String(table),
      columns: Array.isArray(columns) ? columns.map(String) : [],
    });
  }
}

/**
 * Returns a report for each organization in which this plan would remove or demote the last `org_admin`. The person stays
 * an administrator of these. Reads and moves guard rows only for administrators, so other runs cost nothing.
 */
export async function findLastAdministered(
  store: AdministratorStore,
  plan: MembershipPlan<OrganizationRole>,
  person: { readonly userId: string; readonly observation: ObservationKey },
): Promise<readonly Reported[]> {
  const leaving = [
    ...plan.removals.filter((removal) => removal.role === 'org_admin'),
    ...plan.roleChanges.filter((change) => change.from === 'org_admin'),
  ];
  const kept: Reported[] = [];
  for (const { entityId } of leaving) {
    const reason = await findReasonToStay(store, entityId, person);
    if (reason !== undefined) kept.push(reason);
  }
  return kept;
}
