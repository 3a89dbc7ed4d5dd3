/** Compares everything in the store with everything in LiteLLM, page by page. */
import {
  type EntityPlan,
  ORGANIZATION_FIELDS,
  type SyncedFields,
  TEAM_FIELDS,
  USER_FIELDS,
} from './planEntity.ts';
import { type Organization, type Team, isSafeId } from '../model/entities.ts';
import { compareEntity, differingFields, type EntityDifference, type WhyLeftAlone } from './differences.ts';
import { desireTeam, TeamShares } from './carryTeam.ts';
import {
  type Desired,
  type Found,
  type Look,
  pick,
  planFor,
  type Recorded,
  withoutFields,
} from './entityLook.ts';
import type { KnownProxy } from './proxyState.ts';
import {
  type OrganizationValues,
  organizationValues,
  type TeamValues,
  userValues,
} from '../model/litellmValues.ts';
import type { EntityRead } from '../storage/entityStore.ts';
import type { PersonRow } from '../storage/userStore.ts';
import {
  type CompareDeps,
  compareMembers,
  type EntityMembers,
  type OnDifferences,
  orUnreadable,
  PARALLEL_LOOKS,
} from './compareMembers.ts';
import { compareStanding } from './compareStanding.ts';
import { inParallel } from '../platform/inParallel.ts';

/** How much was compared. */
export interface Compared {
  /** In the store. */
  readonly organizations: number;
  readonly teams: number;
  /** People whom a run has provisioned. */
  readonly people: number;
  /** In the member indexes. */
  readonly memberships: number;
  /** In LiteLLM, and not ours. */
  readonly otherOrganizations: number;
  readonly otherTeams: number;
}

/** LiteLLM's largest page of users. */
const USERS_A_REQUEST = 100;

/** Requests to LiteLLM at a time: the proxy also serves models. */
const PARALLEL_REQUESTS = 8;

/** What the store wants of an organization or team, given where LiteLLM has it. */
interface Wish<Values> {
  desire(look: Look<Values>): Promise<Desired<Values>>;
  /** The store's own row. */
  readonly row: object;
}

/** An organization or team in the store; text: why its row says nothing. */
type Stored<Values> = Wish<Values> | WhyLeftAlone;

function wishFor<Values>(values: Values): Wish<Values> {
  return { desire: async () => Promise.resolve({ values }), row: {} };
}

/** How one kind of entity is compared. */
interface Kind<Values extends object> {
  readonly name: 'organization' | 'team';
  readonly synced: SyncedFields<Values>;
  findRecord(id: string): Promise<Recorded<Values> | undefined>;
  /** Called with the values that LiteLLM has after a sync. */
  onSynced?(id: string, values: Partial<Values>): void;
}

function leftAlone(
  what: EntityDifference['what'],
  id: string,
  why: WhyLeftAlone,
): readonly EntityDifference[] {
  return [{ action: 'left alone', why, what, id, fields: [] }];
}

function unseenOf({ found, unreadable }: EntityRead<Team>, seen: ReadonlySet<string>): EntityRead<Team> {
  return {
    found: new Map([...found].filter(([id]) => !seen.has(id))),
    unreadable: new Map([...unreadable].filter(([id]) => !seen.has(id))),
  };
}

/** Names the role that LiteLLM has, also one that this product does not know, such as `org_admin` from LiteLLM's own sign-in. */
function withRole(rows: readonly EntityDifference[], role: string | undefined): readonly EntityDifference[] {
  return rows.map((row) => ({
    ...row,
    fields: row.fields.map((field) =>
      field.field === 'user_role' ? { ...field, inLitellm: role ?? field.inLitellm } : field,
    ),
  }));
}

/** Returns what LiteLLM has after a sync. */
function valuesAfter<Values extends object>(
  plan: EntityPlan<Values>,
  { found }: Look<Values>,
  desired: Desired<Values>,
): Partial<Values> {
  if (plan.kind === 'create') return desired.values;
  if (plan.kind !== 'update') return found?.values ?? {};
  return { ...withoutFields(found?.values ?? {}, plan.clear), ...pick(desired.values, plan.set) };
}

/** One comparison, and what it has counted so far. */
class Comparison {
  /** By organization: what LiteLLM has after a sync. Its teams follow it. */
  readonly #organizations = new Map<string, Partial<OrganizationValues>>();
  readonly #known: KnownProxy;
  readonly #shares: TeamShares;
  readonly #deps: CompareDeps;
  readonly #onDifferences: OnDifferences;
  readonly #count = {
    organizations: 0,
    teams: 0,
    people: 0,
    memberships: 0,
    otherOrganizations: 0,
    otherTeams: 0,
  };

  constructor(deps: CompareDeps, known: KnownProxy, onDifferences: OnDifferences) {
    this.#deps = deps;
    this.#known = known;
    this.#shares = new TeamShares(deps.store.entities, deps.sharedBudget);
    this.#onDifferences = onDifferences;
  }

  get compared(): Compared {
    return { ...this.#count };
  }

  async organizations(): Promise<void> {
    const { litellm, store, record } = this.#deps;
    const kind = {
      name: 'organization' as const,
      synced: ORGANIZATION_FIELDS,
      findRecord: async (id: string) => record.findOrganization(id),
      onSynced: (id: string, values: Partial<OrganizationValues>) => {
        this.#organizations.set(id, values);
      },
    };
    // Without organizations, nothing of them can be compared, and their teams carry what they would limit.
    if (this.#known.organizations !== 'available') return this.#countOrganizations();
    const inLitellm = new Map(
      (await litellm.readOrganizations()).map(({ organizationId, values, members }) => [
        organizationId,
        { values, members },
      ]),
    );
    const compared: EntityMembers[] = [];
    for await (const { found, unreadable } of store.entities.readOrganizationPages()) {
      const stored = new Map<string, Stored<OrganizationValues>>();
      for (const [id, { value }] of found) stored.set(id, wishFor(organizationValues(value)));
      for (const id of unreadable.keys()) stored.set(id, 'row_unreadable');
      compared.push(...(await this.#entities(kind, stored, inLitellm)));
      for (const id of stored.keys()) inLitellm.delete(id);
    }
    this.#count.otherOrganizations += await this.#members(kind, [
      ...compared,
      ...(await this.#others(kind, inLitellm)),
    ]);
  }

  async #countOrganizations(): Promise<void> {
    for await (const { found, unreadable } of this.#deps.store.entities.readOrganizationPages()) {
      this.#count.organizations += found.size + unreadable.size;
      for (const id of unreadable.keys()) await this.#report(leftAlone('organization', id, 'row_unreadable'));
    }
  }

  async teams(): Promise<void> {
    const { litellm, store, record } = this.#deps;
    const kind = {
      name: 'team' as const,
      synced: TEAM_FIELDS,
      findRecord: async (id: string) => record.findTeam(id),
    };
    // Only ids. If teams are created or deleted meanwhile, pages shift and name a team twice or not at all.
    const seen = new Set<string>();
    for await (const page of litellm.readTeamPages()) {
      const inLitellm = new Map(
        page.filter(({ teamId }) => !seen.has(teamId)).map((team) => [team.teamId, team]),
      );
      for (const id of inLitellm.keys()) seen.add(id);
      const stored = await this.#storedTeams(
        await store.entities.readTeams([...inLitellm.keys()].filter(isSafeId)),
      );
      const compared = await this.#entities(kind, stored, inLitellm);
      for (const id of stored.keys()) inLitellm.delete(id);
      const others = await this.#others(kind, inLitellm);
      this.#count.otherTeams += await this.#members(kind, [...compared, ...others]);
    }
    for await (const rows of store.entities.readTeamPages()) {
      const stored = await this.#storedTeams(unseenOf(rows, seen));
      const looks = await inParallel([...stored.keys()], PARALLEL_REQUESTS, async (id) =>
        litellm.findTeam(id),
      );
      const inLitellm = new Map(looks.flatMap((team) => (team === undefined ? [] : [[team.teamId, team]])));
      await this.#members(kind, await this.#entities(kind, stored, inLitellm));
    }
  }

  async people(): Promise<void> {
    let waiting: PersonRow[] = [];
    for await (const { people, unreadable } of this.#deps.store.users.readPages()) {
      for (const { id } of unreadable) await this.#report(leftAlone('user', id, 'row_unreadable'));
      waiting.push(...people);
      for (; waiting.length >= USERS_A_REQUEST; waiting = waiting.slice(USERS_A_REQUEST)) {
        await this.#people(waiting.slice(0, USERS_A_REQUEST));
      }
    }
    if (waiting.length > 0) await this.#people(waiting);
  }

  async #report(differences: readonly EntityDifference[]): Promise<void> {
    if (differences.length > 0) await this.#onDifferences(differences);
  }

  /** Returns what LiteLLM should have of each team. Reads all organizations that decide about them at once. */
  async #storedTeams({
    found,
    unreadable,
  }: EntityRead<Team>): Promise<ReadonlyMap<string, Stored<TeamValues>>> {
    const ids = [...found.values()].flatMap(({ value }) => value.organization_id ?? []);
    const organizations = await this.#deps.store.entities.readOrganizations([...new Set(ids)]);
    const stored = new Map<string, Stored<TeamValues>>();
    for (const [id, { value: team }] of found) {
      const { organization_id: organizationId } = team;
      const organization = organizations.found.get(organizationId ?? '')?.value;
      // Unknown is not unlimited: without its organization nothing decides about the team's models.
      const isKnown = organizationId === undefined || organization !== undefined;
      stored.set(id, isKnown ? this.#wishForTeam(team, organization) : 'row_missing');
    }
    for (const id of unreadable.keys()) stored.set(id, 'row_unreadable');
    return stored;
  }

  #wishForTeam(team: Team, organization: Organization | undefined): Stored<TeamValues> {
    const { organizations: state, version } = this.#known;
    if (organization !== undefined && state === 'unclear') return 'organizations_unclear';
    const hasOrganizations = state === 'available';
    const inLitellm = organization && this.#organizations.get(organization.organization_id);
    const deps = { record: this.#deps.record, shares: this.#shares, version };
    const stored = { team, organization, inLitellm, hasOrganizations };
    return { desire: async (look) => desireTeam(deps, stored, look), row: team };
  }

  /** Reports what differs of organizations or teams themselves, and returns those whose members are to be compared. */
  async #entities<Values extends object>(
    kind: Kind<Values>,
    all: ReadonlyMap<string, Stored<Values>>,
    inLitellm: ReadonlyMap<string, Found<Values>>,
  ): Promise<readonly EntityMembers[]> {
    this.#count[kind.name === 'team' ? 'teams' : 'organizations'] += all.size;
    const compared = await inParallel([...all], PARALLEL_LOOKS, async ([id, stored]) => {
      const found = inLitellm.get(id);
      if (typeof stored === 'string') {
        // The members of a team do not wait for its values.
        const canHaveMembers = stored === 'organizations_unclear' && found !== undefined;
        const withheld = canHaveMembers ? undefined : stored;
        const rows = canHaveMembers ? [] : leftAlone(kind.name, id, stored);
        return { rows, found, entity: { of: kind.name, id, members: found?.members ?? [], withheld } };
      }
      const { rows, values } = await this.#compare(
        { what: kind.name, id, wish: stored, actual: found, synced: kind.synced },
        async () => kind.findRecord(id),
      );
      if (values !== undefined) kind.onSynced?.(id, values);
      const withheld = rows.find(({ why }) => why === 'row_missing' || why === 'row_unreadable')?.why;
      return { rows, found, entity: { of: kind.name, id, members: found?.members ?? [], withheld } };
    });
    await this.#report(compared.flatMap(({ rows }) => rows));
    // An organization or team that is withheld and not in LiteLLM cannot have members.
    return compared.flatMap(({ entity, found }) =>
      entity.withheld !== undefined && found === undefined ? [] : [entity],
    );
  }

  /** Reads the record only if something differs. Returns also what LiteLLM has after a sync, if that is known. */
  async #compare<Values extends object>(
    entity: {
      readonly what: EntityDifference['what'];
      readonly id: string;
      readonly wish: Wish<Values>;
      readonly actual: Found<Values> | undefined;
      readonly synced: SyncedFields<Values>;
    },
    findRecord: () => Promise<Recorded<Values> | undefined>,
  ): Promise<{ readonly rows: readonly EntityDifference[]; readonly values?: Partial<Values> }> {
    const { wish, actual, synced, what, id } = entity;
    const { version } = this.#known;
    if (actual !== undefined) {
      const desired = await wish.desire({ found: actual, recorded: undefined });
      const { isBlocked = false, reported = [] } = desired;
      const isSame =
        differingFields(desired.values, actual.values, synced).length === 0 &&
        isBlocked === (actual.blocked ?? isBlocked) &&
        reported.length === 0;
      if (isSame) return { rows: [], values: actual.values };
    }
    const recorded = await orUnreadable(findRecord());
    if (recorded === 'unreadable') return { rows: leftAlone(what, id, 'row_unreadable') };
    const look = { found: actual, recorded };
    const desired = await wish.desire(look);
    const rows = compareEntity({ what, id, desired, row: wish.row, actual, recorded, version }, synced);
    return { rows, values: valuesAfter(planFor({ ...synced, version }, look, desired), look, desired) };
  }

  /** Returns how many of them aren't ours. Only their members show that. */
  async #members<Values extends object>(
    { name }: Kind<Values>,
    entities: readonly EntityMembers[],
  ): Promise<number> {
    const { indexed, named } = await compareMembers(this.#deps, { of: name, entities }, this.#onDifferences);
    this.#count.memberships += indexed;
    const others = entities.filter(({ isOther }) => isOther);
    const ours = others.filter(({ id }) => named.has(id));
    await this.#report(ours.flatMap(({ id }) => leftAlone(name, id, 'row_missing')));
    return others.length - ours.length;
  }

  /** What LiteLLM has and the store does not. It is ours if this product created it, or if the member index names members. */
  async #others<Values extends object>(
    kind: Kind<Values>,
    inLitellm: ReadonlyMap<string, Found<Values>>,
  ): Promise<readonly EntityMembers[]> {
    const others = await inParallel([...inLitellm], PARALLEL_LOOKS, async ([id, { members }]) => {
      const recorded = isSafeId(id) ? await orUnreadable(kind.findRecord(id)) : undefined;
      const withheld = 'row_missing' as const;
      return { of: kind.name, id, members, withheld, isOther: recorded === undefined };
    });
    const ours = others.filter(({ isOther }) => !isOther);
    await this.#report(ours.flatMap(({ id, withheld }) => leftAlone(kind.name, id, withheld)));
    return others;
  }

  async #people(people: readonly PersonRow[]): Promise<void> {
    this.#count.people += people.length;
    const inLitellm = await this.#deps.litellm.findUsers(people.map(({ record }) => record.user.user_id));
    const found = await inParallel(people, PARALLEL_LOOKS, async ({ record }) => {
      const { user } = record;
      const { user_id: id } = user;
      const inProxy = inLitellm.get(id);
      const { rows, isSettled } = await compareStanding(this.#deps, { record, user: inProxy });
      if (isSettled) return rows;
      const actual = inProxy && { values: inProxy.values, members: [] };
      const wish = wishFor(userValues(user));
      const entity = { what: 'user' as const, id, wish, actual, synced: USER_FIELDS };
      const compared = await this.#compare(entity, async () => (await this.#deps.record.readPerson(id)).user);
      return [...rows, ...withRole(compared.rows, inProxy?.role)];
    });
    await this.#report(found.flat());
  }
}

/**
 * Compares organizations, teams and people, and the members of each, and passes what differs to `onDifferences` on the way. Changes
 * nothing. Organizations come in one request, since LiteLLM does not page them. Teams come 100 a request, with one more request for
 * each team that the list lacks. People come 100 a request. Storage is read page by page, with a point read only if something
 * differs. Memory holds all organizations with their members, but only one page of teams and one of people.
 * Throws what LiteLLM and the store throw. Nothing is concluded from what was not read; differences passed on before remain true.
 */
export async function compareWithLitellm(deps: CompareDeps, onDifferences: OnDifferences): Promise<Compared> {
  const comparison = new Comparison(deps, await deps.proxy.read(), onDifferences);
  await comparison.organizations();
  await comparison.teams();
  await comparison.people();
  return comparison.compared;
}
