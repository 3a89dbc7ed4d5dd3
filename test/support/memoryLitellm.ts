/** A LiteLLM proxy in memory, with the same interface as the real client. It is fast, and can fail before or after any call. */
import type { Metadata } from '../../shared/model/entities.ts';
import { Secret } from '../../shared/model/secret.ts';
import type {
  Changes,
  OrganizationValues,
  TeamValues,
  UserValues,
} from '../../shared/model/litellmValues.ts';
import { isAtLeast } from '../../shared/litellm/proxyVersion.ts';
import { AppError } from '../../shared/model/errors.ts';
import type {
  Created,
  CreatedKey,
  Ensured,
  KeyChanges,
  KeyFilter,
  LitellmClient,
  LitellmKey,
  LitellmMember,
  LitellmOrganization,
  LitellmTeam,
  LitellmUser,
  NewKey,
} from '../../shared/model/litellmPorts.ts';

export interface LitellmCall {
  readonly method: keyof LitellmClient;
  readonly isWrite: boolean;
  readonly ids: readonly string[];
  /** Of `updateKey`. */
  readonly changes?: KeyChanges;
}

interface Entity<Values> {
  values: Values;
  members: ReadonlyMap<string, string>;
}

export interface MemoryLitellmOptions {
  /** A member write reads the list, waits and writes it back, as some LiteLLM versions do. Default false. */
  readonly losesParallelWrites?: boolean;
  /** Whether an organization's answer carries its teams. Default false. */
  readonly organizationsCarryTeams?: boolean;
  /** Whether a team may have an `admin`. Default false. */
  readonly hasLicence?: boolean;
  /** The key's user, who becomes admin of every team that the key creates. */
  readonly keyUserId?: string;
}

/** Returns the error of a call, and whether it fails before or after it took effect; `undefined`: the call succeeds. */
export type Faults = (
  number: number,
  call: LitellmCall,
) => { readonly when: 'before' | 'after'; readonly error: Error } | undefined;

export class MemoryLitellm implements LitellmClient {
  readonly organizations = new Map<string, Entity<OrganizationValues>>();
  readonly teams = new Map<string, Entity<TeamValues>>();
  readonly users = new Map<string, Partial<UserValues>>();
  readonly metadata = new Map<string, Metadata>();
  readonly keys = new Map<string, LitellmKey>();
  readonly deletedKeys = new Map<string, LitellmKey>();
  /** By the proxy's clock. */
  now: () => Date = () => new Date();
  readonly blockedTeams = new Set<string>();
  readonly calls: LitellmCall[] = [];
  version: string | undefined = '1.101.6';
  /** `false`: every call about organizations is refused for want of a licence. */
  hasOrganizations = true;
  /** Users that LiteLLM created, half empty, for a membership of an unknown user. */
  readonly stowaways: string[] = [];
  faults: Faults = () => undefined;
  /** Returns whether LiteLLM loses a removal from a team that it answers with 200, as 1.80 does under concurrent writes. */
  loseRemovals: () => boolean = () => false;
  readonly #options: MemoryLitellmOptions;

  /** The owner of the key that the product calls with. */
  keyUserId: string;

  constructor(options: MemoryLitellmOptions = {}) {
    this.#options = options;
    this.keyUserId = options.keyUserId ?? 'default_user_id';
  }

  get writes(): readonly LitellmCall[] {
    return this.calls.filter((call) => call.isWrite);
  }

  async #run<T>(call: LitellmCall, work: () => T | Promise<T>): Promise<T> {
    this.calls.push(call);
    if (!this.hasOrganizations && /Organization/.test(call.method)) throw unlicensed();
    const fault = this.faults(this.calls.length, call);
    if (fault?.when === 'before') throw fault.error;
    await Promise.resolve();
    const result = await work();
    if (fault?.when === 'after') throw fault.error;
    return result;
  }

  async #read<T>(method: keyof LitellmClient, ids: readonly string[], work: () => T): Promise<T> {
    return this.#run({ method, isWrite: false, ids }, () => structuredClone(work()));
  }

  async #write<T>(
    method: keyof LitellmClient,
    ids: readonly string[],
    work: () => T | Promise<T>,
  ): Promise<T> {
    return this.#run({ method, isWrite: true, ids }, work);
  }

  async findOrganization(id: string): Promise<LitellmOrganization | undefined> {
    return this.#read('findOrganization', [id], () => this.#organization(id));
  }

  async findTeam(id: string): Promise<LitellmTeam | undefined> {
    return this.#read('findTeam', [id], () => this.#team(id));
  }

  async findUser(id: string): Promise<LitellmUser | undefined> {
    return this.#read('findUser', [id], () => this.#user(id));
  }

  #organization(id: string): LitellmOrganization | undefined {
    const found = this.organizations.get(id);
    if (found === undefined) return undefined;
    const inside = [...this.teams].filter(([, team]) => team.values.organization_id === id);
    const teams = new Map(
      inside.flatMap(([teamId]) => {
        const team = this.#team(teamId);
        return team === undefined || this.#options.organizationsCarryTeams !== true
          ? []
          : [[teamId, team] as const];
      }),
    );
    return { organizationId: id, values: found.values, members: listMembers(found), teams };
  }

  #team(id: string): LitellmTeam | undefined {
    const found = this.teams.get(id);
    return found === undefined
      ? undefined
      : {
          teamId: id,
          values: found.values,
          members: listMembers(found),
          blocked: this.blockedTeams.has(id),
        };
  }

  #user(id: string): LitellmUser | undefined {
    const values = this.users.get(id);
    if (values === undefined) return undefined;
    const teams = [...this.teams].filter(([, team]) => team.members.has(id)).map(([teamId]) => teamId);
    const { user_role: role } = values;
    const metadata = this.metadata.get(id) ?? {};
    return { userId: id, values, ...(role === undefined ? {} : { role }), metadata, teams };
  }

  async createOrganization(id: string, values: OrganizationValues): Promise<Created<OrganizationValues>> {
    return this.#write('createOrganization', [id], () => {
      if (this.organizations.has(id)) return { ensured: 'already' as const };
      this.organizations.set(id, { values, members: new Map() });
      return { ensured: 'done' as const, values };
    });
  }

  async createTeam(id: string, values: TeamValues): Promise<Created<TeamValues>> {
    return this.#write('createTeam', [id], () => {
      if (this.teams.has(id)) return { ensured: 'already' as const };
      const { organization_id: organizationId } = values;
      if (organizationId !== undefined && !this.organizations.has(organizationId)) throw refused(500);
      this.#requireSubset(values, values.models);
      const { keyUserId } = this.#options;
      const members = new Map(keyUserId === undefined ? [] : [[keyUserId, 'admin']]);
      this.teams.set(id, { values, members });
      return { ensured: 'done' as const, values };
    });
  }

  async createUser(id: string, values: UserValues, metadata: Metadata = {}): Promise<Created<UserValues>> {
    return this.#write('createUser', [id], () => {
      if (this.users.has(id)) return { ensured: 'already' as const };
      const { user_email: email } = values;
      if (email !== undefined && [...this.users.values()].some((other) => other.user_email === email)) {
        throw new AppError('litellm_email_taken', 'Another user of LiteLLM has this email.');
      }
      this.users.set(id, values);
      this.metadata.set(id, metadata);
      return { ensured: 'done' as const, values };
    });
  }

  async updateOrganization(id: string, changes: Changes<OrganizationValues>): Promise<void> {
    await this.#write('updateOrganization', [id], () => update(this.organizations, id, changes));
  }

  async updateTeam(id: string, changes: Changes<TeamValues>): Promise<void> {
    await this.#write('updateTeam', [id], () => {
      // The client does not move teams.
      const { organization_id: _organization, ...rest } = changes;
      const { values } = this.teams.get(id) ?? {};
      const isOther = changes.models?.join() !== values?.models.join();
      if (isOther) this.#requireSubset(values ?? {}, changes.models ?? []);
      update(this.teams, id, rest);
    });
  }

  /** If the organization has a list of models, its teams may have only these. */
  #requireSubset({ organization_id: id = '' }: Partial<TeamValues>, models: readonly string[]): void {
    const allowed = this.organizations.get(id)?.values.models ?? [];
    if (allowed.length === 0) return;
    if (!models.every((model) => allowed.includes(model))) throw refused(400);
  }

  async moveTeam(
    id: string,
    organizationId: string | undefined,
    { models }: Pick<TeamValues, 'models'>,
  ): Promise<void> {
    await this.#write('moveTeam', [id], () => {
      const team = this.teams.get(id);
      if (team === undefined) throw refused(404);
      const { organization_id: _left, ...rest } = team.values;
      if (organizationId !== undefined) {
        const organization = this.organizations.get(organizationId);
        if (organization === undefined) throw refused(400);
        const { models: allowed } = organization.values;
        const before = team.values.models;
        const fits =
          allowed.length === 0 || (before.length > 0 && before.every((each) => allowed.includes(each)));
        if (!fits) throw refused(403);
        const joined = [...team.members.keys()].map((userId) => [userId, 'internal_user'] as const);
        organization.members = new Map([...joined, ...organization.members]);
      }
      team.values = {
        ...rest,
        models,
        ...(organizationId === undefined ? {} : { organization_id: organizationId }),
      };
    });
  }

  async blockTeam(id: string): Promise<void> {
    await this.#write('blockTeam', [id], () => void this.blockedTeams.add(id));
  }

  async unblockTeam(id: string): Promise<void> {
    await this.#write('unblockTeam', [id], () => void this.blockedTeams.delete(id));
  }

  async updateUser(
    id: string,
    { metadata, ...changes }: Changes<UserValues> & { readonly metadata?: Metadata },
  ): Promise<void> {
    // A change of metadata alone is a change of the standing.
    const ids = Object.keys(changes).length === 0 ? [id, '(standing)'] : [id];
    await this.#write('updateUser', ids, () => {
      this.users.set(id, applied(this.users.get(id) ?? {}, changes));
      if (metadata !== undefined) this.metadata.set(id, metadata);
    });
  }

  async addOrganizationMembers(
    id: string,
    members: readonly { readonly userId: string; readonly role: string }[],
  ): Promise<void> {
    await this.#write('addOrganizationMembers', [id, ...members.map(({ userId }) => userId)], async () =>
      this.#changeMembers(this.organizations, id, (all) => {
        for (const { userId, role } of members) {
          if (this.#add(all, userId, role) === 'already') throw refused(500);
        }
        return 'done';
      }),
    );
  }

  async addTeamMembers(
    id: string,
    members: readonly { readonly userId: string; readonly role: string }[],
  ): Promise<void> {
    await this.#write('addTeamMembers', [id, ...members.map(({ userId }) => userId)], async () =>
      this.#changeMembers(this.teams, id, (all) => {
        for (const { userId, role } of members) {
          this.#requireLicence(role);
          this.#add(all, userId, role);
        }
        return 'done';
      }),
    );
  }

  async *readKeyPages({ userId, teamId, isDeleted }: KeyFilter): AsyncIterable<readonly LitellmKey[]> {
    const all =
      isDeleted === true && isAtLeast(this.version, '1.84.0') !== false ? this.deletedKeys : this.keys;
    const keys = await this.#read('readKeyPages', [userId ?? '', teamId ?? ''], () =>
      [...all.values()].filter(
        (key) =>
          (userId === undefined || key.userId === userId) && (teamId === undefined || key.teamId === teamId),
      ),
    );
    for (let from = 0; from < keys.length; from += 100) yield keys.slice(from, from + 100);
  }

  async findKey(hash: string): Promise<LitellmKey | undefined> {
    return this.#read('findKey', [hash], () => this.keys.get(hash));
  }

  async updateKey(hash: string, changes: KeyChanges): Promise<void> {
    const { teamId, userId, blocked, models } = changes;
    await this.#run({ method: 'updateKey', isWrite: true, ids: [hash], changes }, () => {
      const key = this.keys.get(hash);
      if (key === undefined) throw refused(404);
      const { teamId: teamBefore, ...rest } = key;
      const team = teamId === undefined ? teamBefore : (teamId ?? undefined);
      // LiteLLM asks whether the old owner is in the new team.
      const isMember = this.teams.get(teamId ?? '')?.members.has(key.userId ?? '') ?? false;
      if (typeof teamId === 'string' && !isMember) throw refused(403);
      this.keys.set(hash, {
        ...rest,
        ...(team === undefined ? {} : { teamId: team }),
        ...(userId === undefined ? {} : { userId }),
        ...(blocked === undefined ? {} : { blocked }),
        ...(models === undefined ? {} : { models }),
      });
    });
  }

  async deleteKey(hash: string): Promise<Ensured> {
    return this.#write('deleteKey', [hash], () =>
      this.destroyKey(hash, this.keyUserId) ? 'done' : 'already',
    );
  }

  /** Deletes a key, and keeps a row of it. */
  destroyKey(hash: string, by: string): boolean {
    const key = this.keys.get(hash);
    if (key === undefined) return false;
    this.deletedKeys.set(hash, { ...key, deleted: { at: this.now().toISOString(), by } });
    return this.keys.delete(hash);
  }

  /** Returns whether a model call with this key would succeed. */
  answers(hash: string): boolean {
    const key = this.keys.get(hash);
    return key !== undefined && !key.blocked && key.models[0] !== 'no-default-models';
  }

  async createKey({ userId, teamId, alias, models, metadata }: NewKey): Promise<CreatedKey> {
    return this.#write('createKey', [userId, teamId], () => {
      if ([...this.keys.values()].some((key) => key.alias === alias)) throw refused(400);
      const hash = `hash-${alias}`;
      const name = 'sk-...0000';
      this.keys.set(hash, { hash, name, alias, userId, teamId, blocked: false, models, spend: 0, metadata });
      return { hash, secret: new Secret(`sk-${alias}`) };
    });
  }

  async findOwnUser(): Promise<string | undefined> {
    return this.#read('findOwnUser', [], () => this.keyUserId);
  }

  async findVersion(): Promise<string | undefined> {
    return this.#read('findVersion', [], () => this.version);
  }

  async countUsers(): Promise<number> {
    return this.#read('countUsers', [], () => this.users.size);
  }

  async addOrganizationMember(id: string, userId: string, role: string): Promise<Ensured> {
    return this.#write('addOrganizationMember', [id, userId], async () =>
      this.#changeMembers(this.organizations, id, (members) => this.#add(members, userId, role)),
    );
  }

  async addTeamMember(id: string, userId: string, role: string): Promise<Ensured> {
    return this.#write('addTeamMember', [id, userId], async () => {
      this.#requireLicence(role);
      return this.#changeMembers(this.teams, id, (members) => this.#add(members, userId, role));
    });
  }

  async changeOrganizationRole(id: string, userId: string, role: string): Promise<void> {
    await this.#write('changeOrganizationRole', [id, userId], async () =>
      this.#changeMembers(this.organizations, id, (members) => changeRole(members, userId, role)),
    );
  }

  async changeTeamRole(id: string, userId: string, role: string): Promise<void> {
    await this.#write('changeTeamRole', [id, userId], async () => {
      this.#requireLicence(role);
      return this.#changeMembers(this.teams, id, (members) => changeRole(members, userId, role));
    });
  }

  async removeOrganizationMember(id: string, userId: string): Promise<Ensured> {
    return this.#write('removeOrganizationMember', [id, userId], async () =>
      this.#changeMembers(this.organizations, id, (members) => remove(members, userId)),
    );
  }

  async removeTeamMember(id: string, userId: string): Promise<Ensured> {
    return this.#write('removeTeamMember', [id, userId], async () =>
      this.#changeMembers(this.teams, id, (members) => {
        if (this.loseRemovals()) return 'done';
        // As LiteLLM from 1.80.6: the person's keys of the team are deleted with the membership.
        const removed = remove(members, userId);
        const deletes = removed === 'done' && !isKnownOlder(this.version, '1.80.6');
        for (const [hash, key] of this.keys) {
          if (deletes && key.userId === userId && key.teamId === id) this.destroyKey(hash, this.keyUserId);
        }
        return removed;
      }),
    );
  }

  #requireLicence(role: string): void {
    if (role !== 'admin' || this.#options.hasLicence === true) return;
    throw new AppError('litellm_role_needs_licence', 'LiteLLM needs a licence for this role.');
  }

  #add(members: Map<string, string>, userId: string, role: string): Ensured {
    if (members.has(userId)) return 'already';
    if (!this.users.has(userId)) {
      this.stowaways.push(userId);
      this.users.set(userId, {});
    }
    members.set(userId, role);
    return 'done';
  }

  /** Reads the list, changes it and writes it back. With a gap, another write in between is lost. */
  async #changeMembers(
    entities: Map<string, Entity<unknown>>,
    id: string,
    change: (members: Map<string, string>) => Ensured,
  ): Promise<Ensured> {
    const entity = entities.get(id);
    if (entity === undefined) throw refused(404);
    const members = new Map(entity.members);
    if (this.#options.losesParallelWrites === true)
      await new Promise((resolve) => void setImmediate(resolve));
    const ensured = change(members);
    entity.members = members;
    return ensured;
  }

  async *readTeamPages(): AsyncIterable<readonly LitellmTeam[]> {
    const ids = [...this.teams.keys()].sort();
    for (let from = 0; from < ids.length; from += 100) {
      yield await this.#read('readTeamPages', [], () =>
        ids.slice(from, from + 100).flatMap((id) => this.#team(id) ?? []),
      );
    }
  }

  async readOrganizations(): Promise<readonly LitellmOrganization[]> {
    return this.#read('readOrganizations', [], () =>
      [...this.organizations.keys()].sort().flatMap((id) => this.#organization(id) ?? []),
    );
  }

  async findUsers(ids: readonly string[]): Promise<ReadonlyMap<string, LitellmUser>> {
    return this.#read(
      'findUsers',
      ids,
      () =>
        new Map(
          ids.flatMap((id) => {
            const user = this.#user(id);
            return user === undefined ? [] : [[id, user] as const];
          }),
        ),
    );
  }

  async checkRights(): Promise<{ readonly hasOrganizations: boolean }> {
    return this.#read('checkRights', [], () => ({ hasOrganizations: this.hasOrganizations }));
  }
}

function isKnownOlder(version: string | undefined, than: string): boolean {
  return isAtLeast(version, than) === false;
}

function listMembers({ members }: Entity<unknown>): LitellmMember[] {
  return [...members].map(([userId, role]) => ({ userId, role }));
}

function update<Values extends object>(
  entities: Map<string, Entity<Values>>,
  id: string,
  changes: Changes<Values>,
): void {
  const entity = entities.get(id);
  if (entity === undefined) throw refused(404);
  entity.values = applied(entity.values, changes);
}

/** Returns the values with the changes. Null clears a field. */
function applied<Values extends object>(values: Values, changes: Changes<Values>): Values;
function applied(values: object, changes: object): object {
  return Object.fromEntries(Object.entries({ ...values, ...changes }).filter(([, value]) => value !== null));
}

function changeRole(members: Map<string, string>, userId: string, role: string): Ensured {
  members.set(userId, role);
  return 'done';
}

function remove(members: Map<string, string>, userId: string): Ensured {
  return members.delete(userId) ? 'done' : 'already';
}

/** What the client throws if LiteLLM refuses one request. */
export function refused(status: number): AppError {
  return new AppError('litellm_refused', 'LiteLLM refused it.', { details: { status } });
}

/** What the client throws if LiteLLM has no licence for organizations. */
export function unlicensed(): AppError {
  return new AppError('organizations_unlicensed', 'LiteLLM has no licence for organizations.', {
    retryable: true,
    details: { status: 403 },
  });
}

/** What the client throws if the proxy does not answer. A write may have taken effect. */
export function unreachable(mayHaveWritten = false): AppError {
  return new AppError('litellm_unreachable', 'LiteLLM does not answer.', {
    retryable: true,
    details: { mayHaveWritten },
  });
}
