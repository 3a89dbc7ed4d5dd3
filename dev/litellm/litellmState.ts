/** The rows of a running emulator, for tests and the control API. */
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

/** Reads copies of the rows and edits them as an administrator would. */
class StateView {
  readonly #store: ProxyStore;
  readonly #save: () => void;

  /** `save` runs after each change. */
  constructor(store: ProxyStore, save: () => void) {
    this.#store = store;
    this.#save = save;
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

  /** The memberships of members with a budget of their own. */
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

  /** Who added each row and membership, by path (see `proxyDataSchema`). */
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

  /** Reads the members of an organization. The members of a team are in its row. */
  readOrganizationMembers(id: string): readonly OrganizationMembership[] {
    return structuredClone([...this.#store.membersOf(id).values()]);
  }

  /** Reads everything. */
  read(): ProxyData {
    return this.#store.read();
  }

  /** Replaces everything. */
  replace(data: ProxyData): void {
    this.#store.load(data);
    this.#save();
  }

  /** Applies edits in order, all or none. */
  edit(...edits: readonly HandEditInput[]): void {
    const parsed = edits.map((each) => handEditSchema.parse(each));
    // A single edit that is refused changes nothing, so it needs no copy of everything.
    const before = parsed.length > 1 ? this.read() : undefined;
    try {
      for (const each of parsed) applyHandEdit(this.#store, each, new Date().toISOString());
    } catch (error) {
      if (before !== undefined) this.#store.load(before);
      throw error;
    }
    this.#save();
  }
}

export type LitellmState = StateView & HandEdits<void>;

/** Creates the view of a store. `save` runs after each change. */
export function createLitellmState(store: ProxyStore, save: () => void): LitellmState {
  const view = new StateView(store, save);
  return Object.assign(
    view,
    createHandEdits<void>((edit) => view.edit(edit)),
  );
}
