/** What a run writes about the person themselves. Pure. */
import type { DesiredState } from './desiredState.ts';
import type { GlobalRole } from '../model/entities.ts';
import { isEditedByHand } from '../model/entraField.ts';
import type { Person } from '../model/observation.ts';
import type { UserPatch, UserRecord } from '../model/userRecord.ts';
import { GLOBAL_ROLES, isHigherRole } from '../model/roles.ts';
import type { Rules } from '../model/rules.ts';

const NO_FIELD = { current: undefined, written: undefined };

function asRole(value: string | undefined): GlobalRole | undefined {
  return GLOBAL_ROLES.find((role) => role === value);
}

/**
 * Returns the role that Entra gives now. A higher current one stays while a group that explains it is not yet known, but
 * only as far as that group explains it.
 */
function roleFromEntra(record: UserRecord | undefined, desired: DesiredState): GlobalRole {
  const { userRole, userRoleOnceKnown: onceKnown } = desired;
  const current = asRole(record?.fields.user_role.current);
  if (current === undefined || !isHigherRole(current, userRole)) return userRole;
  if (!isHigherRole(onceKnown, userRole)) return userRole;
  return isHigherRole(current, onceKnown) ? onceKnown : current;
}

function rolePatch(record: UserRecord | undefined, desired: DesiredState): UserPatch {
  const field = record?.fields.user_role ?? NO_FIELD;
  if (isEditedByHand(field) && !desired.userRoleIsFixed) return {};
  const role = roleFromEntra(record, desired);
  return field.current === role ? {} : { user_role: role, user_role_written: role };
}

/**
 * Returns what the claim already writes: a lower role. Removals come before grants, so that a crash midway
 * leaves less access, not more.
 */
export function claimPatch(record: UserRecord | undefined, desired: DesiredState): UserPatch {
  const current = asRole(record?.fields.user_role.current);
  const patch = rolePatch(record, desired);
  return current !== undefined && patch.user_role !== undefined && isHigherRole(current, patch.user_role)
    ? patch
    : {};
}

function startPatch(record: UserRecord | undefined, rules: Rules, at: string): UserPatch {
  if (record !== undefined && !record.isNew) return {};
  const { max_budget, budget_duration, models } = rules.defaultUserParams;
  const user = record?.user;
  // A row that was first created by hand keeps its values, readable or not.
  const taken = new Set(record?.unreadable?.columns);
  if (user?.max_budget !== undefined) taken.add('max_budget');
  if (user?.budget_duration !== undefined) taken.add('budget_duration');
  if (user !== undefined && user.models.length > 0) taken.add('models');
  return {
    ...(taken.has('active') ? {} : { active: record?.active ?? true }),
    created_at: at,
    ...(max_budget === undefined || taken.has('max_budget') ? {} : { max_budget }),
    ...(budget_duration === undefined || taken.has('budget_duration') ? {} : { budget_duration }),
    ...(taken.has('models') ? {} : { models }),
  };
}

export interface ProfileInput {
  readonly record: UserRecord | undefined;
  readonly person: Person;
  readonly desired: DesiredState;
  readonly rules: Rules;
  /** ISO 8601 UTC. */
  readonly at: string;
}

/**
 * Returns what the finish writes: what Entra says (a field that was edited by hand stays), and for a new user what
 * `DEFAULT_INTERNAL_USER_PARAMS` starts them with. Budget and models of an existing user are never written.
 */
export function profilePatch(input: ProfileInput): UserPatch {
  const { record, person, desired, rules, at } = input;
  const email = record?.fields.user_email ?? NO_FIELD;
  const name = record?.fields.display_name ?? NO_FIELD;
  return {
    tenant_id: person.tenant_id,
    updated_at: at,
    ...startPatch(record, rules, at),
    ...rolePatch(record, desired),
    ...(isEditedByHand(email)
      ? {}
      : {
          user_email: person.user_email ?? null,
          user_email_written: person.user_email ?? null,
        }),
    ...(isEditedByHand(name)
      ? {}
      : {
          display_name: person.display_name ?? null,
          display_name_written: person.display_name ?? null,
        }),
  };
}
