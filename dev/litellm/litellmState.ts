/** The rows of a running emulator, to look at and to edit by hand. */
import { applyHandEdit } from './applyHandEdit.ts';
import { createHandEdits, handEditSchema } from './handEdits.ts';
import type { HandEditInput, HandEdits } from './handEdits.ts';
import type {
  Budget,
  Organization,
  OrganizationMembership,
  ProxyData,
  Team,
  TeamMembership,
  User,
  VirtualKey,
} from './proxyData.ts';
import type { ProxyStore } from './proxyStore.ts';

/** Copies of the rows as they are at that moment, and the edits that an admin makes. */
export interface LitellmState extends HandEdits<void> {
  readonly organizations: readonly Organization[];
  readonly organizationMemberships: readonly OrganizationMembership[];
  readonly teams: readonly Team[];
  /** Of members with a budget of their own. */
  readonly teamMemberships: readonly TeamMembership[];
  readonly users: readonly User[];
  readonly budgets: readonly Budget[];
  readonly keys: readonly VirtualKey[];
  /** How rows and memberships came to be, by their paths (see `proxyDataSchema`). */
  readonly addedBy: ProxyData['addedBy'];
  findOrganization(id: string): Organization | undefined;
  findTeam(id: string): Team | undefined;
  findUser(id: string): User | undefined;
  /** The members of an organization; of a team they are in its row. */
  readOrganizationMembers(id: string): readonly OrganizationMembership[];
  /** Everything at once. */
  read(): ProxyData;
  /** Replaces everything. */
  replace(data: ProxyData): void;
  /** Applies edits in order, all or none. */
  edit(...edits: readonly HandEditInput[]): void;
}

/** Reads the rows anew each time it is asked. */
class StateView {
  readonly #store: ProxyStore;

  constructor(store: ProxyStore) {
    this.#store = store;
  }

  get organizations(): readonly Organization[] {
    return structuredClone([...this.#store.organizations.values()]);
  }

  get organizationMemberships(): readonly OrganizationMembership[] {
    return this.read().organizationMemberships;
  }

  get teams(): readonly Team[] {
    return structuredClone([...this.#store.teams.values()]);
  }

  get teamMemberships(): readonly TeamMembership[] {
    return this.read().teamMemberships;
  }

  get users(): readonly User[] {
    return structuredClone([...this.#store.users.values()]);
  }

  get budgets(): readonly Budget[] {
    return structuredClone([...this.#store.budgets.values()]);
  }

  get keys(): readonly VirtualKey[] {
    return structuredClone([...this.#store.keys.values()]);
  }

  get addedBy(): ProxyData['addedBy'] {
    return Object.fromEntries(this.#store.addedBy);
  }

  findOrganization(id: string): Organization | undefined {
    return structuredClone(this.#store.organizations.get(id));
  }

  findTeam(id: string): Team | undefined {
    return structuredClone(this.#store.teams.get(id));
  }

  findUser(id: string): User | undefined {
    return structuredClone(this.#store.users.get(id));
  }

  readOrganizationMembers(id: string): readonly OrganizationMembership[] {
    return structuredClone([...this.#store.membersOf(id).values()]);
  }

  read(): ProxyData {
    return this.#store.read();
  }
}

/** Creates the view of a store; `save` runs after each change. */
export function createLitellmState(store: ProxyStore, save: () => void): LitellmState {
  const edit = (...edits: readonly HandEditInput[]): void => {
    const parsed = edits.map((each) => handEditSchema.parse(each));
    // One edit alone changes nothing where it is refused: no copy of everything for it.
    const before = parsed.length > 1 ? store.read() : undefined;
    try {
      for (const each of parsed) applyHandEdit(store, each, new Date().toISOString());
    } catch (error) {
      if (before !== undefined) store.load(before);
      throw error;
    }
    save();
  };
  return Object.assign(new StateView(store), createHandEdits<void>(edit), {
    edit,
    replace: (data: ProxyData) => {
      store.load(data);
      save();
    },
  });
}
