/** A LiteLLM proxy in memory, with the same interface as the real client. It is fast, and can fail before or after any call. */
import type { OrganizationValues, TeamValues, UserValues } from '../../shared/model/litellmValues.ts';
import { AppError } from '../../shared/model/errors.ts';
import type {
  Ensured,
  LitellmClient,
  LitellmMember,
  LitellmOrganization,
  LitellmTeam,
  LitellmUser,
} from '../../shared/model/litellmPorts.ts';

export interface LitellmCall {
  readonly method: keyof LitellmClient;
  readonly isWrite: boolean;
  readonly ids: readonly string[];
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
  readonly calls: LitellmCall[] = [];
  /** Users that LiteLLM created, half empty, for a membership of an unknown user. */
  readonly stowaways: string[] = [];
  faults: Faults = () => undefined;
  readonly #options: MemoryLitellmOptions;

  constructor(options: MemoryLitellmOptions = {}) {
    this.#options = options;
  }

  get writes(): readonly LitellmCall[] {
    return this.calls.filter((call) => call.isWrite);
  }

  async #run<T>(call: LitellmCall, work: () => T | Promise<T>): Promise<T> {
    this.calls.push(call);
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
      : { teamId: id, values: found.values, members: listMembers(found) };
  }

  #user(id: string): LitellmUser | undefined {
    const values = this.users.get(id);
    return values === undefined ? undefined : { userId: id, values };
  }

  async createOrganization(id: string, values: OrganizationValues): Promise<Ensured> {
    return this.#write('createOrganization', [id], () => {
      if (this.organizations.has(id)) return 'already';
      this.organizations.set(id, { values, members: new Map() });
      return 'done';
    });
  }

  async createTeam(id: string, values: TeamValues): Promise<Ensured> {
    return this.#write('createTeam', [id], () => {
      if (this.teams.has(id)) return 'already';
      const { organization_id: organizationId } = values;
      if (organizationId !== undefined && !this.organizations.has(organizationId)) throw refused(500);
      this.#requireSubset(values, values.models);
      const { keyUserId } = this.#options;
      const members = new Map(keyUserId === undefined ? [] : [[keyUserId, 'admin']]);
      this.teams.set(id, { values, members });
      return 'done';
    });
  }

  async createUser(id: string, values: UserValues): Promise<Ensured> {
    return this.#write('createUser', [id], () => {
      if (this.users.has(id)) return 'already';
      const { user_email: email } = values;
      if (email !== undefined && [...this.users.values()].some((other) => other.user_email === email)) {
        throw new AppError('litellm_email_taken', 'Another user of LiteLLM has this email.');
      }
      this.users.set(id, values);
      return 'done';
    });
  }

  async updateOrganization(id: string, changes: Partial<OrganizationValues>): Promise<void> {
    await this.#write('updateOrganization', [id], () => update(this.organizations, id, changes));
  }

  async updateTeam(id: string, changes: Partial<TeamValues>): Promise<void> {
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

  async updateUser(id: string, changes: Partial<UserValues>): Promise<void> {
    await this.#write('updateUser', [id], () => {
      this.users.set(id, { ...this.users.get(id), ...changes });
    });
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
      this.#changeMembers(this.teams, id, (members) => remove(members, userId)),
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

  async check(): Promise<void> {
    await this.#read('check', [], () => undefined);
  }
}

function listMembers({ members }: Entity<unknown>): LitellmMember[] {
  return [...members].map(([userId, role]) => ({ userId, role }));
}

function update<Values extends object>(
  entities: Map<string, Entity<Values>>,
  id: string,
  changes: Partial<Values>,
): void {
  const entity = entities.get(id);
  if (entity === undefined) throw refused(404);
  entity.values = { ...entity.values, ...changes };
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

/** What the client throws if the proxy does not answer. A write may have taken effect. */
export function unreachable(mayHaveWritten = false): AppError {
  return new AppError('litellm_unreachable', 'LiteLLM does not answer.', {
    retryable: true,
    details: { mayHaveWritten },
  });
}
