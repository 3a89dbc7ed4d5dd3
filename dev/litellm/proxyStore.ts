/** LiteLLM's database in memory: rows by their keys, and the changes that more than one endpoint makes. */
import { createHash, randomBytes, randomUUID } from 'node:crypto';

import type {
  AddedBy,
  Budget,
  DeletedKey,
  Organization,
  OrganizationMembership,
  ProxyData,
  Team,
  TeamMembership,
  User,
  VirtualKey,
} from './proxyData.ts';
import { newUser } from './proxyData.ts';

/** A change that the database refuses, because a key exists already. */
export class ConstraintViolated extends Error {
  override readonly name = 'ConstraintViolated';
}

/** The settings of a budget row. */
export type Limits = Partial<
  Pick<Budget, 'max_budget' | 'soft_budget' | 'tpm_limit' | 'rpm_limit' | 'budget_duration'>
>;

export type UserFields = Partial<User> & { readonly user_id: string };

/** Hashes a key as LiteLLM does: SHA-256, hexadecimal. */
export const hashKey = (key: string): string => createHash('sha256').update(key).digest('hex');

/** Rows by id; memberships by organization or team, then by user. Callers that hand rows out must copy them. */
export class ProxyStore {
  readonly budgets = new Map<string, Budget>();
  readonly organizations = new Map<string, Organization>();
  readonly organizationMembers = new Map<string, Map<string, OrganizationMembership>>();
  readonly teams = new Map<string, Team>();
  readonly teamBudgets = new Map<string, Map<string, TeamMembership>>();
  readonly users = new Map<string, User>();
  readonly keys = new Map<string, VirtualKey>();
  readonly deletedKeys = new Map<string, DeletedKey>();
  readonly addedBy = new Map<string, AddedBy>();
  readonly #emails = new Map<string, string>();

  constructor(data: ProxyData) {
    this.load(data);
  }

  /** Replaces everything. */
  load(data: ProxyData): void {
    const own = structuredClone(data);
    for (const rows of [this.budgets, this.organizations, this.teams, this.users, this.keys, this.addedBy]) {
      rows.clear();
    }
    this.deletedKeys.clear();
    this.organizationMembers.clear();
    this.teamBudgets.clear();
    this.#emails.clear();
    for (const row of own.budgets) this.budgets.set(row.budget_id, row);
    for (const row of own.organizations) this.organizations.set(row.organization_id, row);
    for (const row of own.organizationMemberships) {
      this.membersOf(row.organization_id).set(row.user_id, row);
    }
    for (const row of own.teams) this.teams.set(row.team_id, row);
    for (const row of own.teamMemberships) this.budgetsOf(row.team_id).set(row.user_id, row);
    for (const row of own.users) this.#putUser(row);
    for (const row of own.keys) this.keys.set(row.token, row);
    for (const row of own.deletedKeys) this.deletedKeys.set(row.token, row);
    for (const [path, by] of Object.entries(own.addedBy)) this.addedBy.set(path, by);
  }

  /** Returns a copy of everything. */
  read(): ProxyData {
    return structuredClone({
      budgets: [...this.budgets.values()],
      organizations: [...this.organizations.values()],
      organizationMemberships: [...this.organizationMembers.values()].flatMap((rows) => [...rows.values()]),
      teams: [...this.teams.values()],
      teamMemberships: [...this.teamBudgets.values()].flatMap((rows) => [...rows.values()]),
      users: [...this.users.values()],
      keys: [...this.keys.values()],
      deletedKeys: [...this.deletedKeys.values()],
      addedBy: Object.fromEntries(this.addedBy),
    });
  }

  membersOf(organizationId: string): Map<string, OrganizationMembership> {
    return getOrAdd(
      this.organizationMembers,
      organizationId,
      () => new Map<string, OrganizationMembership>(),
    );
  }

  /** The rows of a team's members with a budget of their own. */
  budgetsOf(teamId: string): Map<string, TeamMembership> {
    return getOrAdd(this.teamBudgets, teamId, () => new Map<string, TeamMembership>());
  }

  teamsOf(organizationId: string): Team[] {
    return [...this.teams.values()].filter((team) => team.organization_id === organizationId);
  }

  /** Finds the user with this email, in any case of the letters. */
  findUserByEmail(email: string): User | undefined {
    const id = this.#emails.get(email.toLowerCase());
    return id === undefined ? undefined : this.users.get(id);
  }

  findKey(key: string): VirtualKey | undefined {
    return this.keys.get(hashKey(key));
  }

  addBudget(limits: Limits, createdBy: string): Budget {
    const budget: Budget = {
      budget_id: randomUUID(),
      max_budget: limits.max_budget ?? null,
      soft_budget: limits.soft_budget ?? null,
      tpm_limit: limits.tpm_limit ?? null,
      rpm_limit: limits.rpm_limit ?? null,
      budget_duration: limits.budget_duration ?? null,
      created_by: createdBy,
    };
    this.budgets.set(budget.budget_id, budget);
    return budget;
  }

  addUser(fields: UserFields, by: AddedBy, now: string): User {
    if (this.users.has(fields.user_id)) {
      throw new ConstraintViolated('Unique constraint failed on the fields: (`user_id`)');
    }
    const user: User = {
      ...newUser(now),
      ...fields,
    };
    this.#putUser(user);
    this.addedBy.set(`user/${user.user_id}`, by);
    return user;
  }

  changeUser(user: User, changes: Partial<User>, now: string): void {
    if (user.user_email !== null) this.#emails.delete(user.user_email.toLowerCase());
    Object.assign(user, changes, { user_id: user.user_id, updated_at: now });
    this.#putUser(user);
  }

  /** Returns the user, and creates an unknown one. */
  ensureUser(fields: UserFields, now: string): User {
    return this.users.get(fields.user_id) ?? this.addUser(fields, 'proxy', now);
  }

  addOrganizationMember(
    member: Pick<OrganizationMembership, 'organization_id' | 'user_id' | 'user_role'>,
    by: AddedBy,
    now: string,
  ): OrganizationMembership {
    const members = this.membersOf(member.organization_id);
    if (members.has(member.user_id)) {
      throw new ConstraintViolated('Unique constraint failed on the fields: (`user_id`,`organization_id`)');
    }
    const row = { ...member, spend: 0, budget_id: null, created_at: now, updated_at: now };
    members.set(member.user_id, row);
    this.addedBy.set(`organization/${member.organization_id}/${member.user_id}`, by);
    return row;
  }

  removeOrganizationMember(organizationId: string, userId: string): OrganizationMembership | undefined {
    const members = this.membersOf(organizationId);
    const row = members.get(userId);
    members.delete(userId);
    this.addedBy.delete(`organization/${organizationId}/${userId}`);
    return row;
  }

  /** Adds a virtual key and returns it in clear text, which is stored nowhere. */
  addKey(
    fields: Partial<VirtualKey>,
    now: string,
    key = `sk-${randomBytes(16).toString('base64url')}`,
  ): string {
    const token = hashKey(key);
    this.keys.set(token, {
      key_name: `sk-...${key.slice(-4)}`,
      key_alias: null,
      user_id: null,
      team_id: null,
      organization_id: null,
      allowed_routes: [],
      models: [],
      metadata: {},
      blocked: null,
      expires: null,
      max_budget: null,
      budget_duration: null,
      tpm_limit: null,
      rpm_limit: null,
      spend: 0,
      created_by: null,
      created_at: now,
      ...fields,
      token,
    });
    return key;
  }

  removeKeys(matches: (key: VirtualKey) => boolean): void {
    for (const key of this.keys.values()) {
      if (matches(key)) this.keys.delete(key.token);
    }
  }

  /** Deletes keys as a call does: a row of each is kept. */
  deleteKeys(keys: readonly VirtualKey[], by: string, now: string): void {
    for (const key of keys) {
      this.deletedKeys.set(key.token, { ...key, deleted_at: now, deleted_by: by });
      this.keys.delete(key.token);
    }
  }

  /** Removes a team and its members' budgets. The caller must remove its keys and its members' `teams`. */
  removeTeam(teamId: string): void {
    for (const member of this.teams.get(teamId)?.members_with_roles ?? []) {
      this.addedBy.delete(`team/${teamId}/${member.user_id}`);
    }
    this.teams.delete(teamId);
    this.teamBudgets.delete(teamId);
    this.addedBy.delete(`team/${teamId}`);
  }

  removeUser(user: User): void {
    if (user.user_email !== null) this.#emails.delete(user.user_email.toLowerCase());
    this.users.delete(user.user_id);
    this.addedBy.delete(`user/${user.user_id}`);
  }

  #putUser(user: User): void {
    this.users.set(user.user_id, user);
    if (user.user_email !== null) this.#emails.set(user.user_email.toLowerCase(), user.user_id);
  }
}

function getOrAdd<Value>(map: Map<string, Value>, key: string, create: () => Value): Value {
  const found = map.get(key) ?? create();
  map.set(key, found);
  return found;
}
