/** Applies an administrator's edit to the rows, without the checks and quirks of the API. */
import { randomUUID } from 'node:crypto';

import { ControlRefused } from '../emulator/control.ts';
import type { EditOf, HandEdit } from './handEdits.ts';
import type { Organization, OrganizationMembership, Team, TeamMember, User } from './proxyData.ts';
import type { ProxyStore } from './proxyStore.ts';

/** Applies one edit. Throws ControlRefused, and changes nothing, if the edit is impossible. */
export function applyHandEdit(store: ProxyStore, edit: HandEdit, now: string): void {
  switch (edit.edit) {
    case 'createOrganization':
      createOrganization(store, edit, now);
      return;
    case 'createTeam':
      createTeam(store, edit, now);
      return;
    case 'createUser':
    case 'changeUser':
    case 'deleteUser':
      applyUserEdit(store, edit, now);
      return;
    case 'createKey':
    case 'changeKey':
    case 'deleteKey':
      applyKeyEdit(store, edit, now);
      return;
    case 'addOrganizationMember':
    case 'changeOrganizationRole':
    case 'removeOrganizationMember':
    case 'deleteOrganization':
      applyOrganizationEdit(store, edit, now);
      return;
    case 'addTeamMember':
    case 'changeTeamRole':
    case 'removeTeamMember':
    case 'moveTeam':
    case 'deleteTeam':
      applyTeamEdit(store, edit, now);
      return;
    case 'changeBudget':
    case 'changeModels':
    case 'changeAlias':
      applySetting(store, edit, now);
      return;
  }
}

type Of<Name extends HandEdit['edit']> = Extract<HandEdit, { readonly edit: Name }>;

function createOrganization(store: ProxyStore, edit: EditOf<'createOrganization'>, now: string): void {
  refuseKnown(store.organizations, edit.organizationId, 'an organization');
  const budget = store.addBudget({ max_budget: edit.maxBudget ?? null }, 'hand');
  store.organizations.set(edit.organizationId, {
    organization_id: edit.organizationId,
    organization_alias: edit.alias ?? edit.organizationId,
    budget_id: budget.budget_id,
    models: [...(edit.models ?? [])],
    metadata: {},
    spend: 0,
    created_by: 'hand',
    updated_by: 'hand',
    created_at: now,
    updated_at: now,
  });
  store.addedBy.set(`organization/${edit.organizationId}`, 'hand');
}

function createTeam(store: ProxyStore, edit: EditOf<'createTeam'>, now: string): void {
  refuseKnown(store.teams, edit.teamId, 'a team');
  if (edit.organizationId !== undefined) requireOrganization(store, edit.organizationId);
  store.teams.set(edit.teamId, {
    team_id: edit.teamId,
    team_alias: edit.alias ?? edit.teamId,
    organization_id: edit.organizationId ?? null,
    members_with_roles: [],
    models: [...(edit.models ?? [])],
    metadata: {},
    max_budget: edit.maxBudget ?? null,
    budget_duration: null,
    tpm_limit: null,
    rpm_limit: null,
    team_member_permissions: [],
    blocked: false,
    spend: 0,
    created_at: now,
    updated_at: now,
  });
  store.addedBy.set(`team/${edit.teamId}`, 'hand');
}

function applyUserEdit(
  store: ProxyStore,
  edit: Of<'createUser' | 'changeUser' | 'deleteUser'>,
  now: string,
): void {
  if (edit.edit === 'createUser') {
    refuseKnown(store.users, edit.userId, 'a user');
    const fields = { user_id: edit.userId, user_email: edit.email ?? null };
    store.addUser({ ...fields, user_role: edit.role ?? 'internal_user' }, 'hand', now);
  } else if (edit.edit === 'changeUser') {
    const { email, role, metadata } = edit;
    const changes = {
      ...(email === undefined ? {} : { user_email: email }),
      ...(role === undefined ? {} : { user_role: role }),
      ...(metadata === undefined ? {} : { metadata }),
    };
    store.changeUser(requireUser(store, edit.userId), changes, now);
  } else {
    const user = requireUser(store, edit.userId);
    for (const id of store.organizationMembers.keys()) store.removeOrganizationMember(id, user.user_id);
    for (const team of store.teams.values()) removeTeamMember(store, team, user.user_id);
    store.removeKeys((key) => key.user_id === user.user_id);
    store.removeUser(user);
  }
}

function applyKeyEdit(
  store: ProxyStore,
  edit: Of<'createKey' | 'changeKey' | 'deleteKey'>,
  now: string,
): void {
  if (edit.edit === 'createKey') {
    const { userId, teamId, organizationId, allowedRoutes } = edit;
    const fields = {
      key_alias: edit.alias ?? `key-${randomUUID().slice(0, 8)}`,
      user_id: userId ?? null,
      team_id: teamId ?? null,
      organization_id: organizationId ?? null,
      allowed_routes: allowedRoutes ?? [],
    };
    store.addKey(fields, now, edit.key);
    return;
  }
  const key = [...store.keys.values()].find((row) => row.key_alias === edit.alias);
  if (key === undefined) throw new ControlRefused(`the key ${edit.alias} does not exist`);
  if (edit.edit === 'deleteKey') {
    store.keys.delete(key.token);
    return;
  }
  if (edit.userId !== undefined) key.user_id = edit.userId;
  if (edit.teamId !== undefined) key.team_id = edit.teamId;
  key.blocked = edit.blocked ?? key.blocked;
  key.models = edit.models ?? key.models;
}

function applyOrganizationEdit(
  store: ProxyStore,
  edit: Of<
    'addOrganizationMember' | 'changeOrganizationRole' | 'removeOrganizationMember' | 'deleteOrganization'
  >,
  now: string,
): void {
  const { organizationId: id } = edit;
  requireOrganization(store, id);
  if (edit.edit === 'deleteOrganization') {
    for (const team of store.teamsOf(id)) team.organization_id = null;
    for (const userId of store.membersOf(id).keys()) store.removeOrganizationMember(id, userId);
    store.organizations.delete(id);
    store.addedBy.delete(`organization/${id}`);
  } else if (edit.edit === 'addOrganizationMember') {
    refuseKnown(store.membersOf(id), edit.userId, 'a member');
    ensureUser(store, edit.userId, now);
    const member = { organization_id: id, user_id: edit.userId, user_role: edit.role };
    store.addOrganizationMember(member, 'hand', now);
  } else {
    const member = requireOrganizationMember(store, id, edit.userId);
    if (edit.edit === 'changeOrganizationRole')
      Object.assign(member, { user_role: edit.role, updated_at: now });
    else store.removeOrganizationMember(id, edit.userId);
  }
}

function applyTeamEdit(
  store: ProxyStore,
  edit: Of<'addTeamMember' | 'changeTeamRole' | 'removeTeamMember' | 'moveTeam' | 'deleteTeam'>,
  now: string,
): void {
  const team = requireTeam(store, edit.teamId);
  team.updated_at = now;
  switch (edit.edit) {
    case 'addTeamMember':
      addTeamMember(store, edit, now);
      return;
    case 'changeTeamRole':
      requireTeamMember(team, edit.userId);
      team.members_with_roles = team.members_with_roles.map((member) =>
        member.user_id === edit.userId ? { ...member, role: edit.role } : member,
      );
      return;
    case 'removeTeamMember':
      requireTeamMember(team, edit.userId);
      removeTeamMember(store, team, edit.userId);
      return;
    case 'moveTeam':
      if (edit.organizationId !== null) requireOrganization(store, edit.organizationId);
      team.organization_id = edit.organizationId;
      return;
    case 'deleteTeam':
      for (const { user_id: userId } of team.members_with_roles) removeTeamMember(store, team, userId ?? '');
      store.removeKeys((key) => key.team_id === team.team_id);
      store.removeTeam(team.team_id);
      return;
  }
}

function addTeamMember(store: ProxyStore, edit: Of<'addTeamMember'>, now: string): void {
  const { teamId, userId, role, maxBudget } = edit;
  const team = requireTeam(store, teamId);
  if (team.members_with_roles.some((member) => member.user_id === userId)) {
    throw new ControlRefused(`the team already has the member ${userId}`);
  }
  const user = ensureUser(store, userId, now);
  user.teams.push(teamId);
  team.members_with_roles = [
    ...team.members_with_roles,
    { user_id: userId, user_email: user.user_email, role },
  ];
  store.addedBy.set(`team/${teamId}/${userId}`, 'hand');
  if (maxBudget !== undefined) {
    const budget = store.addBudget({ max_budget: maxBudget }, 'hand');
    const row = { user_id: userId, team_id: teamId, budget_id: budget.budget_id, spend: 0 };
    store.budgetsOf(teamId).set(userId, row);
  }
}

function removeTeamMember(store: ProxyStore, team: Team, userId: string): void {
  team.members_with_roles = team.members_with_roles.filter((member) => member.user_id !== userId);
  store.budgetsOf(team.team_id).delete(userId);
  store.addedBy.delete(`team/${team.team_id}/${userId}`);
  const user = store.users.get(userId);
  if (user !== undefined) user.teams = user.teams.filter((id) => id !== team.team_id);
}

function applySetting(
  store: ProxyStore,
  edit: Of<'changeBudget' | 'changeModels' | 'changeAlias'>,
  now: string,
): void {
  if (edit.teamId !== undefined) {
    const team = requireTeam(store, edit.teamId);
    if (edit.edit === 'changeBudget') team.max_budget = edit.maxBudget;
    else if (edit.edit === 'changeModels') team.models = [...edit.models];
    else team.team_alias = edit.alias;
    team.updated_at = now;
    return;
  }
  const organization = requireOrganization(store, edit.organizationId ?? '');
  if (edit.edit === 'changeModels') organization.models = [...edit.models];
  else if (edit.edit === 'changeAlias') organization.organization_alias = edit.alias;
  else {
    const budget = store.budgets.get(organization.budget_id);
    if (budget !== undefined) budget.max_budget = edit.maxBudget;
  }
  organization.updated_at = now;
}

function refuseKnown(rows: ReadonlyMap<string, unknown>, id: string, what: string): void {
  if (rows.has(id)) throw new ControlRefused(`${what} ${id} already exists`);
}

function ensureUser(store: ProxyStore, userId: string, now: string): User {
  return store.users.get(userId) ?? store.addUser({ user_id: userId }, 'hand', now);
}

function requireUser(store: ProxyStore, userId: string): User {
  const user = store.users.get(userId);
  if (user === undefined) throw new ControlRefused(`the user ${userId} does not exist`);
  return user;
}

function requireOrganization(store: ProxyStore, id: string): Organization {
  const organization = store.organizations.get(id);
  if (organization === undefined) throw new ControlRefused(`the organization ${id} does not exist`);
  return organization;
}

function requireTeam(store: ProxyStore, id: string): Team {
  const team = store.teams.get(id);
  if (team === undefined) throw new ControlRefused(`the team ${id} does not exist`);
  return team;
}

function requireTeamMember(team: Team, userId: string): TeamMember {
  const member = team.members_with_roles.find((other) => other.user_id === userId);
  if (member === undefined) throw new ControlRefused(`the team ${team.team_id} has no member ${userId}`);
  return member;
}

function requireOrganizationMember(store: ProxyStore, id: string, userId: string): OrganizationMembership {
  const member = store.membersOf(id).get(userId);
  if (member === undefined) throw new ControlRefused(`the organization ${id} has no member ${userId}`);
  return member;
}
