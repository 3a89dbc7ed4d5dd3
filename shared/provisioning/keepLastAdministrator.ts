/** Nobody's last administrator goes away by itself (docs/domain.md, "Removal"). */
import { reportUnreadable } from '../model/unreadableRow.ts';
import type { Leaving } from '../storage/organizationGuards.ts';
import type { Store } from '../storage/store.ts';
import type { Reported } from '../model/access.ts';
import type { OrganizationRole } from '../model/entities.ts';
import type { MembershipPlan } from './membershipPlan.ts';
import type { ObservationKey } from '../model/observation.ts';
import { AppError } from '../model/errors.ts';

const GUARD_ROUNDS = 10;

/** Point reads of the truth at once. */
const PARALLEL_CHECKS = 16;

/** Beyond this many candidates nobody is looked for any further: the person stays an administrator. */
export const MAX_CANDIDATES = 1_000;

export type AdministratorStore = Pick<Store, 'users' | 'organizationMemberships' | 'organizationGuards'>;

/**
 * Somebody named in the guard still counts as leaving until their run is over: only an `applied` row says so, because
 * whoever applied after an unfinished run has moved the fences, and that run's late writes are refused.
 */
async function isStillLeaving(store: AdministratorStore, entry: Leaving): Promise<boolean> {
  const record = await store.users.find(entry.userId);
  return record?.run?.state !== 'applied';
}

/**
 * Gives whether one of the candidates is an `org_admin` in the truth; the index is only a hint. Asks 16 at a time, in their
 * order, until one is, and no more than {@link MAX_CANDIDATES}: rather one administrator too many stays than none.
 */
async function doesOneRemain(
  store: AdministratorStore,
  organizationId: string,
  candidates: readonly string[],
): Promise<boolean> {
  const asked = candidates.slice(0, MAX_CANDIDATES);
  for (let start = 0; start < asked.length; start += PARALLEL_CHECKS) {
    const roles = await Promise.all(
      asked
        .slice(start, start + PARALLEL_CHECKS)
        .map(async (userId) => store.organizationMemberships.findRole(userId, organizationId)),
    );
    if (roles.includes('org_admin')) return true;
  }
  return false;
}

/**
 * Gives whether this person's `org_admin` may go: another administrator remains, and the guard row was moved under the
 * ETag read, so that two runs cannot each count on the other. A person whose claim names them as leaving does not count.
 */
async function mayLeave(
  store: AdministratorStore,
  organizationId: string,
  leaver: Leaving,
): Promise<boolean> {
  for (let round = 0; round < GUARD_ROUNDS; round += 1) {
    // The guard before the truth: whoever moves it after this read refuses the move below, whoever did before is named in it.
    const guard = await store.organizationGuards.readGuard(organizationId);
    const others: Leaving[] = [];
    for (const entry of guard.leaving) {
      if (entry.userId !== leaver.userId && (await isStillLeaving(store, entry))) others.push(entry);
    }
    const away = new Set([leaver.userId, ...others.map((entry) => entry.userId)]);
    // A hand edit makes an administrator of a member whom the index still calls something else.
    const candidates = [...guard.hintedAdmins, ...guard.otherMembers].filter((userId) => !away.has(userId));
    if (!(await doesOneRemain(store, organizationId, candidates))) return false;
    if (await store.organizationGuards.moveGuard(organizationId, guard.etag, [...others, leaver]))
      return true;
  }
  throw new AppError('storage_contention', 'The guard of an organization was overtaken again and again.', {
    retryable: true,
    details: { organizationId },
  });
}

/** A guard, or the row of somebody named in it, that cannot be read withholds this organization only: nobody leaves. */
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
    // Without the row's key: this person sees the report, and the row may be another person's.
    return reportUnreadable('organization', organizationId, {
      table: String(table),
      columns: Array.isArray(columns) ? columns.map(String) : [],
    });
  }
}

/**
 * Gives the organizations in which this plan would remove or demote the last `org_admin`, as what is reported of them:
 * there the person stays as they are. Reads and moves guard rows only for administrators, so it costs other runs nothing.
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
