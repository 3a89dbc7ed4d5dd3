/** Worlds with manual edits in LiteLLM and in the store, and what a sync of everything does about them. */
import * as fc from 'fast-check';
import type { LitellmDifference } from '../../shared/litellm/differences.ts';
import { isWrite } from '../../shared/litellm/differences.ts';
import type { CompareDeps } from '../../shared/litellm/compareMembers.ts';
import { compareWithLitellm } from '../../shared/litellm/compareWithLitellm.ts';
import { sync } from '../../shared/litellm/sync.ts';
import { repairMemberIndexes } from '../../shared/provisioning/repairMemberIndexes.ts';
import type { SyncSubject } from '../../shared/model/synced.ts';
import {
  deleteRow,
  dropColumn,
  editRow,
  findRow,
  organizationMembershipRow,
  organizationRow,
  type Row,
  teamMembershipRow,
  teamRow,
  userRow,
} from './handEdits.ts';
import type { MemoryLitellm, LitellmCall } from './memoryLitellm.ts';
import { createSyncWorld, type SyncWorld } from './syncWorld.ts';
import { message, sampleRules } from './world.ts';

export const GROUPS = ['g1', 'g2', 'g3'];
export const PEOPLE = ['p1', 'p2'];
export const STRANGER = 'stranger';

type Of = 'teams' | 'organizations';

interface MemberEdit {
  readonly edit: 'addMember' | 'removeMember' | 'changeRole';
  readonly of: Of;
  readonly id: string;
  readonly userId: string;
}

interface ValueEdit {
  readonly edit: 'budget' | 'models' | 'alias';
  readonly of: Of;
  readonly id: string;
}

/** A manual edit in LiteLLM. */
type LitellmEdit =
  | MemberEdit
  | ValueEdit
  | {
      readonly edit: 'makeTeam' | 'makeOrganization' | 'deleteTeam' | 'deleteOrganization';
      readonly id: string;
    }
  | { readonly edit: 'deleteUser' | 'userBudget' | 'userRole'; readonly userId: string };

/** A manual edit of the store, as with a storage explorer. */
type StoreEdit =
  | {
      readonly edit:
        | 'storedBudget'
        | 'noStoredBudget'
        | 'storedModels'
        | 'storedAlias'
        | 'loseRow'
        | 'breakRow';
      readonly of: 'teams' | 'organizations';
      readonly id: string;
    }
  | {
      readonly edit: 'storedUserBudget' | 'storedUserRole' | 'losePerson' | 'breakPerson';
      readonly userId: string;
    }
  | {
      readonly edit: 'join' | 'leave' | 'otherRole' | 'breakRole';
      readonly of: 'teams' | 'organizations';
      readonly id: string;
      readonly userId: string;
    };

export interface Scenario {
  readonly flag: boolean;
  readonly carryTeams: boolean;
  readonly hasLicence: boolean;
  /** Each person's groups: the first ones are synced, the later ones not yet. */
  readonly first: readonly (readonly string[])[];
  readonly later: readonly (readonly string[])[];
  readonly before: readonly LitellmEdit[];
  readonly between: readonly LitellmEdit[];
  readonly inStore: readonly StoreEdit[];
}

const of = fc.constantFrom('teams' as const, 'organizations' as const);
const id = fc.constantFrom(...GROUPS);
const person = fc.constantFrom(...PEOPLE);
const userId = fc.constantFrom(...PEOPLE, STRANGER);

export const litellmEdit: fc.Arbitrary<LitellmEdit> = fc.oneof(
  fc.record({
    edit: fc.constantFrom(
      'makeTeam' as const,
      'makeOrganization' as const,
      'deleteTeam' as const,
      'deleteOrganization' as const,
    ),
    id,
  }),
  fc.record({
    edit: fc.constantFrom('addMember' as const, 'removeMember' as const, 'changeRole' as const),
    of,
    id,
    userId,
  }),
  fc.record({ edit: fc.constantFrom('budget' as const, 'models' as const, 'alias' as const), of, id }),
  fc.record({
    edit: fc.constantFrom('deleteUser' as const, 'userBudget' as const, 'userRole' as const),
    userId: person,
  }),
);
const storeEdit: fc.Arbitrary<StoreEdit> = fc.oneof(
  fc.record({
    edit: fc.constantFrom(
      'storedBudget' as const,
      'noStoredBudget' as const,
      'storedModels' as const,
      'storedAlias' as const,
      'loseRow' as const,
      'breakRow' as const,
    ),
    of,
    id,
  }),
  fc.record({
    edit: fc.constantFrom(
      'storedUserBudget' as const,
      'storedUserRole' as const,
      'losePerson' as const,
      'breakPerson' as const,
    ),
    userId: person,
  }),
  fc.record({
    edit: fc.constantFrom('join' as const, 'leave' as const, 'otherRole' as const, 'breakRole' as const),
    of,
    id,
    userId: person,
  }),
);
const memberships = fc.tuple(...PEOPLE.map(() => fc.subarray(GROUPS)));
export const scenario: fc.Arbitrary<Scenario> = fc.record({
  flag: fc.boolean(),
  carryTeams: fc.boolean(),
  hasLicence: fc.boolean(),
  first: memberships,
  later: memberships,
  before: fc.array(litellmEdit, { maxLength: 4 }),
  between: fc.array(litellmEdit, { maxLength: 6 }),
  inStore: fc.array(storeEdit, { maxLength: 4 }),
});

function applyToMembers({ teams, organizations }: MemoryLitellm, edit: MemberEdit): void {
  const entity = edit.of === 'teams' ? teams.get(edit.id) : organizations.get(edit.id);
  if (entity === undefined) return;
  const members = new Map(entity.members);
  if (edit.edit === 'removeMember') members.delete(edit.userId);
  // A member is not added again, and only a member has a role to change.
  else if (members.has(edit.userId) === (edit.edit === 'changeRole'))
    members.set(edit.userId, edit.of === 'teams' ? 'admin' : 'org_admin');
  entity.members = members;
}

function applyToValues({ teams, organizations }: MemoryLitellm, edit: ValueEdit): void {
  const isAlias = edit.edit === 'alias';
  const change = { budget: { max_budget: 5 }, models: { models: ['hand'] }, alias: {} }[edit.edit];
  const [team, organization] = [teams.get(edit.id), organizations.get(edit.id)];
  if (edit.of === 'teams' && team !== undefined) {
    team.values = { ...team.values, ...change, ...(isAlias ? { team_alias: 'Renamed' } : {}) };
  }
  if (edit.of === 'organizations' && organization !== undefined) {
    const alias = isAlias ? { organization_alias: 'Renamed' } : {};
    organization.values = { ...organization.values, ...change, ...alias };
  }
}

function applyToLitellm(litellm: MemoryLitellm, edit: LitellmEdit): void {
  const { teams, organizations, users } = litellm;
  if ('of' in edit) {
    if ('userId' in edit) applyToMembers(litellm, edit);
    else applyToValues(litellm, edit);
  } else if ('userId' in edit) {
    const user = users.get(edit.userId);
    if (edit.edit === 'deleteUser') users.delete(edit.userId);
    else if (user !== undefined) {
      const change = edit.edit === 'userBudget' ? { max_budget: 7 } : { user_role: 'proxy_admin' as const };
      users.set(edit.userId, { ...user, ...change });
    }
  } else if (edit.edit === 'deleteTeam') teams.delete(edit.id);
  else if (edit.edit === 'deleteOrganization') organizations.delete(edit.id);
  else if (edit.edit === 'makeTeam' && !teams.has(edit.id)) {
    teams.set(edit.id, { values: { team_alias: 'By hand', models: ['hand'] }, members: new Map() });
  } else if (edit.edit === 'makeOrganization' && !organizations.has(edit.id)) {
    const values = { organization_alias: 'By hand', models: ['hand'] };
    organizations.set(edit.id, { values, members: new Map() });
  }
}

async function applyToStore({ world, deps }: SyncWorld, edit: StoreEdit): Promise<void> {
  const { tables } = world;
  const editIfStored = async (row: Row, columns: Parameters<typeof editRow>[2]): Promise<void> => {
    if ((await findRow(tables, row)) !== undefined) await editRow(tables, row, columns);
  };
  if (!('of' in edit)) {
    const row = userRow(edit.userId);
    if (edit.edit === 'losePerson') await deleteRow(tables, row);
    else if (edit.edit === 'breakPerson') await editIfStored(row, { run_state: 'broken' });
    else
      await editIfStored(
        row,
        edit.edit === 'storedUserBudget' ? { max_budget: 9 } : { user_role: 'internal_user' },
      );
  } else if ('userId' in edit) {
    const isTeam = edit.of === 'teams';
    const row = (isTeam ? teamMembershipRow : organizationMembershipRow)(edit.userId, edit.id);
    const column = isTeam ? 'role' : 'user_role';
    if (edit.edit === 'leave') await deleteRow(tables, row);
    else if (edit.edit === 'join')
      await editRow(tables, row, { [column]: isTeam ? 'user' : 'internal_user', grant_source: 'manual' });
    else
      await editIfStored(row, {
        [column]: edit.edit === 'breakRole' ? 'emperor' : isTeam ? 'admin' : 'org_admin',
      });
  } else {
    const row = (edit.of === 'teams' ? teamRow : organizationRow)(edit.id);
    if (edit.edit === 'loseRow') {
      // Without its row, nothing would say that an adopted one was ever ours.
      const { record } = deps;
      const made = await (edit.of === 'teams' ? record.findTeam(edit.id) : record.findOrganization(edit.id));
      if (made !== undefined) await deleteRow(tables, row);
    } else if (edit.edit === 'noStoredBudget') {
      if ((await findRow(tables, row)) !== undefined) await dropColumn(tables, row, 'max_budget');
    } else
      await editIfStored(
        row,
        {
          storedBudget: { max_budget: 11 },
          // Its organization may not allow any other list of a team.
          storedModels: { models: edit.of === 'teams' ? '[]' : '["stored"]' },
          storedAlias: { [edit.of === 'teams' ? 'team_alias' : 'organization_alias']: 'Stored' },
          breakRow: { max_budget: 'much' },
        }[edit.edit],
      );
  }
}

/** Does everything up to the repair: provisions, syncs, edits, provisions again, and repairs the member indexes. */
export async function createScenario(drawn: Scenario): Promise<SyncWorld> {
  const on = createSyncWorld({
    rules: sampleRules({ groupsAlsoCreateOrgs: drawn.flag }),
    assigned: GROUPS.map((group) => ({ id: group, displayName: `Group ${group}` })),
    litellm: {
      organizationsCarryTeams: drawn.carryTeams,
      hasLicence: drawn.hasLicence,
      keyUserId: 'default_user_id',
    },
  });
  const provisionAll = async (groups: Scenario['first'], second: number): Promise<void> => {
    for (const [index, who] of PEOPLE.entries()) {
      const email = `${who}@company.com`;
      await on.provision(message({ userId: who, email, groups: groups[index] ?? [], second }));
    }
  };
  await on.refresh();
  for (const edit of drawn.before) applyToLitellm(on.litellm, edit);
  await provisionAll(drawn.first, 0);
  await on.drain();
  for (const edit of drawn.between) applyToLitellm(on.litellm, edit);
  await provisionAll(drawn.later, 60);
  for (const edit of drawn.inStore) await applyToStore(on, edit);
  on.waiting.length = 0;
  on.world.clock.advance(2 * 60 * 60 * 1000);
  await repairMemberIndexes(on.world);
  on.litellm.calls.length = 0;
  return on;
}

export function compareDeps(on: SyncWorld): CompareDeps {
  return { ...on.deps, store: on.world.store };
}

/** Returns everything that the comparison finds. */
export async function compareAll(on: SyncWorld): Promise<readonly LitellmDifference[]> {
  const found: LitellmDifference[] = [];
  await compareWithLitellm(compareDeps(on), async (differences) => {
    found.push(...differences);
    await Promise.resolve();
  });
  return found;
}

/** Returns one line: what would be done, to what, and why not. */
export function lineOf(difference: LitellmDifference): string {
  const { action, what, why } = difference;
  const subject =
    what === 'membership'
      ? `${difference.of} ${difference.id} ${difference.userId}`
      : `${what} ${difference.id}${isStanding(difference) ? ' (standing)' : ''}`;
  return `${action} ${subject}${why === undefined ? '' : `, ${why}`}`;
}

function isStanding({ fields }: LitellmDifference): boolean {
  return fields.some(({ field }) => field === 'standing');
}

export function writesOf(differences: readonly LitellmDifference[]): readonly string[] {
  return differences
    .filter((each) => isWrite(each))
    .map(lineOf)
    .sort();
}

const CALLS: Readonly<Record<string, string>> = {
  createOrganization: 'add organization',
  createTeam: 'add team',
  createUser: 'add user',
  updateOrganization: 'change organization',
  updateTeam: 'change team',
  updateUser: 'change user',
  addOrganizationMember: 'add organization',
  addTeamMember: 'add team',
  changeOrganizationRole: 'change organization',
  changeTeamRole: 'change team',
  removeOrganizationMember: 'remove organization',
  removeTeamMember: 'remove team',
};

/** Returns the writes to LiteLLM in the words of {@link lineOf}. A write that was repeated with a lesser role counts once. */
export function writtenTo(calls: readonly LitellmCall[]): readonly string[] {
  // Who leaves the last team is deactivated after that, which only the removal is listed for.
  const leaving = new Set(calls.flatMap(({ method, ids }) => (method === 'removeTeamMember' ? ids[1] : [])));
  const shown = calls.filter(({ ids }) => ids[1] !== '(standing)' || !leaving.has(ids[0]));
  const lines = shown.map(({ method, ids }) => `${CALLS[method] ?? method} ${ids.join(' ')}`);
  return [...new Set(lines)].sort();
}

/** Syncs everything and everyone. An unreadable row stops only its own sync. */
export async function syncEverything(on: SyncWorld): Promise<void> {
  const subjects: readonly SyncSubject[] = [
    ...GROUPS.flatMap((group) => [
      { kind: 'organization' as const, id: group },
      { kind: 'team' as const, id: group },
    ]),
    ...PEOPLE.map((who) => ({ kind: 'user' as const, id: who })),
  ];
  for (const subject of subjects) {
    try {
      await sync(on.deps, { version: 1, subject }, { attempt: 1 });
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'row_unreadable')) throw error;
    }
  }
}
