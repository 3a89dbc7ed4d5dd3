/** Everything that is here beside everything that the proxy has, page by page. */
import type { EntityRead } from '../storage/entityStore.ts';
import type { PersonRow } from '../storage/userStore.ts';
import { ORGANIZATION_FIELDS, type SyncedFields, TEAM_FIELDS, USER_FIELDS } from './syncedFields.ts';
import type { Team } from '../model/entities.ts';
import { isSafeId } from '../model/isSafeId.ts';
import { compareEntity, differingFields, type EntityDifference, type WhyLeftAlone } from './differences.ts';
import type { SyncedEntity } from '../model/synced.ts';
import {
  type OrganizationValues,
  organizationValues,
  type TeamValues,
  teamValues,
  userValues,
} from '../model/litellmValues.ts';
import type { LitellmMember } from '../model/litellmPorts.ts';
import {
  type CompareDeps,
  compareMembers,
  type EntityMembers,
  type OnDifferences,
  orUnreadable,
  PARALLEL_LOOKS,
} from './compareMembers.ts';
import { inBatches } from '../platform/inBatches.ts';

/** What was compared. */
export interface Compared {
  /** Of ours. */
  readonly organizations: number;
  readonly teams: number;
  /** Whom a run has provisioned. */
  readonly people: number;
  /** As the indexes name them. */
  readonly memberships: number;
  /** In the proxy, and nothing of ours. */
  readonly otherOrganizations: number;
  readonly otherTeams: number;
}

/** LiteLLM lists no more users at once. */
const USERS_A_REQUEST = 100;

/** Of the proxy at once, which also serves models. */
const PARALLEL_REQUESTS = 8;

/** An organization or team as it is here; text: why its row says nothing. */
type Here<Values> = Values | WhyLeftAlone;

interface There<Values> {
  readonly values: Partial<Values>;
  readonly members: readonly LitellmMember[];
}

/** How one kind of entity is compared. */
interface Kind<Values extends object> {
  readonly name: 'organization' | 'team';
  readonly pushed: SyncedFields<Values>;
  findRecord(id: string): Promise<SyncedEntity<Values> | undefined>;
  /** Told of one whose models are somebody else's there and stay. */
  onModelsKept?(id: string, values: Partial<Values>): void;
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

/** One comparison, with what it has counted so far. */
class Comparison {
  /** By organization: models that are somebody else's in the proxy, which its teams follow there. */
  readonly #keptModels = new Map<string, readonly string[]>();
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

  constructor(deps: CompareDeps, onDifferences: OnDifferences) {
    this.#deps = deps;
    this.#onDifferences = onDifferences;
  }

  get compared(): Compared {
    return { ...this.#count };
  }

  async organizations(): Promise<void> {
    const { proxy, store, record } = this.#deps;
    const kind = {
      name: 'organization' as const,
      pushed: ORGANIZATION_FIELDS,
      findRecord: async (id: string) => record.findOrganization(id),
      onModelsKept: (id: string, { models = [] }: Partial<OrganizationValues>) => {
        this.#keptModels.set(id, models);
      },
    };
    const there = new Map(
      (await proxy.readOrganizations()).map(({ organizationId, values, members }) => [
        organizationId,
        { values, members },
      ]),
    );
    const compared: EntityMembers[] = [];
    for await (const { found, unreadable } of store.entities.readOrganizationPages()) {
      const here = new Map<string, Here<OrganizationValues>>();
      for (const [id, { value }] of found) here.set(id, organizationValues(value));
      for (const id of unreadable.keys()) here.set(id, 'row_unreadable');
      compared.push(...(await this.#entities(kind, here, there)));
      for (const id of here.keys()) there.delete(id);
    }
    this.#count.otherOrganizations += await this.#members(kind, [
      ...compared,
      ...(await this.#others(kind, there)),
    ]);
  }

  async teams(): Promise<void> {
    const { proxy, store, record } = this.#deps;
    const kind = {
      name: 'team' as const,
      pushed: TEAM_FIELDS,
      findRecord: async (id: string) => record.findTeam(id),
    };
    // Ids alone: where teams are made or deleted meanwhile, pages shift and name one twice or not at all.
    const seen = new Set<string>();
    for await (const page of proxy.readTeamPages()) {
      const there = new Map(
        page.filter(({ teamId }) => !seen.has(teamId)).map((team) => [team.teamId, team]),
      );
      for (const id of there.keys()) seen.add(id);
      const here = await this.#teamsHere(await store.entities.readTeams([...there.keys()].filter(isSafeId)));
      const compared = await this.#entities(kind, here, there);
      for (const id of here.keys()) there.delete(id);
      const others = await this.#others(kind, there);
      this.#count.otherTeams += await this.#members(kind, [...compared, ...others]);
    }
    for await (const rows of store.entities.readTeamPages()) {
      const here = await this.#teamsHere(unseenOf(rows, seen));
      const looks = await inBatches([...here.keys()], PARALLEL_REQUESTS, async (id) => proxy.findTeam(id));
      const there = new Map(looks.flatMap((team) => (team === undefined ? [] : [[team.teamId, team]])));
      await this.#members(kind, await this.#entities(kind, here, there));
    }
  }

  async people(): Promise<void> {
    let waiting: PersonRow[] = [];
    for await (const { people, unreadable } of this.#deps.store.users.readPages()) {
      for (const { id } of unreadable) await this.#tell(leftAlone('user', id, 'row_unreadable'));
      waiting.push(...people);
      for (; waiting.length >= USERS_A_REQUEST; waiting = waiting.slice(USERS_A_REQUEST)) {
        await this.#people(waiting.slice(0, USERS_A_REQUEST));
      }
    }
    if (waiting.length > 0) await this.#people(waiting);
  }

  async #tell(differences: readonly EntityDifference[]): Promise<void> {
    if (differences.length > 0) await this.#onDifferences(differences);
  }

  /** Gives what the proxy should have of each team, in one read of all organizations that decide. */
  async #teamsHere({ found, unreadable }: EntityRead<Team>): Promise<ReadonlyMap<string, Here<TeamValues>>> {
    const ids = [...found.values()].flatMap(({ value }) => value.organization_id ?? []);
    const organizations = await this.#deps.store.entities.readOrganizations([...new Set(ids)]);
    const here = new Map<string, Here<TeamValues>>();
    for (const [id, { value }] of found) {
      const { organization_id: organizationId = '' } = value;
      const organization = organizations.found.get(organizationId)?.value;
      const models = this.#keptModels.get(organizationId) ?? organization?.models ?? [];
      // Where the organization that decides is unknown: unknown is not unlimited.
      here.set(id, teamValues(value, organization && { models }) ?? 'row_missing');
    }
    for (const id of unreadable.keys()) here.set(id, 'row_unreadable');
    return here;
  }

  /** Tells what differs of organizations or teams themselves, and gives those whose members are to be compared. */
  async #entities<Values extends object>(
    kind: Kind<Values>,
    all: ReadonlyMap<string, Here<Values>>,
    there: ReadonlyMap<string, There<Values>>,
  ): Promise<readonly EntityMembers[]> {
    this.#count[kind.name === 'team' ? 'teams' : 'organizations'] += all.size;
    const compared = await inBatches([...all], PARALLEL_LOOKS, async ([id, here]) => {
      const found = there.get(id);
      const rows =
        typeof here === 'string'
          ? leftAlone(kind.name, id, here)
          : await this.#compare(
              { what: kind.name, id, desired: here, actual: found?.values, pushed: kind.pushed },
              async () => kind.findRecord(id),
            );
      const isKept = rows.some(
        ({ action, fields }) => action !== 'change' && fields.some(({ field }) => field === 'models'),
      );
      if (isKept && found !== undefined) kind.onModelsKept?.(id, found.values);
      const held = rows.find(({ why }) => why === 'row_missing' || why === 'row_unreadable')?.why;
      return { rows, found, entity: { of: kind.name, id, members: found?.members ?? [], held } };
    });
    await this.#tell(compared.flatMap(({ rows }) => rows));
    // Into what is held and not there nobody can be put.
    return compared.flatMap(({ entity, found }) =>
      entity.held !== undefined && found === undefined ? [] : [entity],
    );
  }

  /** Reads the record only where something differs. */
  async #compare<Values extends object>(
    entity: {
      readonly what: EntityDifference['what'];
      readonly id: string;
      readonly desired: Values;
      readonly actual: Partial<Values> | undefined;
      readonly pushed: SyncedFields<Values>;
    },
    findRecord: () => Promise<SyncedEntity<Values> | undefined>,
  ): Promise<readonly EntityDifference[]> {
    const { desired, actual, pushed, what, id } = entity;
    if (actual !== undefined && differingFields(desired, actual, pushed).length === 0) return [];
    const recorded = await orUnreadable(findRecord());
    if (recorded === 'unreadable') return leftAlone(what, id, 'row_unreadable');
    return compareEntity({ what, id, desired, actual, recorded }, pushed);
  }

  /** Gives how many of them are nothing of ours, which shows only here. */
  async #members<Values extends object>(
    { name }: Kind<Values>,
    entities: readonly EntityMembers[],
  ): Promise<number> {
    const { indexed, named } = await compareMembers(this.#deps, { of: name, entities }, this.#onDifferences);
    this.#count.memberships += indexed;
    const others = entities.filter(({ isOther }) => isOther);
    const ours = others.filter(({ id }) => named.has(id));
    await this.#tell(ours.flatMap(({ id }) => leftAlone(name, id, 'row_missing')));
    return others.length - ours.length;
  }

  /** What is in the proxy without a row here: ours, if this product made it, or if it has members here. */
  async #others<Values extends object>(
    kind: Kind<Values>,
    there: ReadonlyMap<string, There<Values>>,
  ): Promise<readonly EntityMembers[]> {
    const others = await inBatches([...there], PARALLEL_LOOKS, async ([id, { members }]) => {
      const recorded = isSafeId(id) ? await orUnreadable(kind.findRecord(id)) : undefined;
      const held = 'row_missing' as const;
      return { of: kind.name, id, members, held, isOther: recorded === undefined };
    });
    const ours = others.filter(({ isOther }) => !isOther);
    await this.#tell(ours.flatMap(({ id, held }) => leftAlone(kind.name, id, held)));
    return others;
  }

  async #people(people: readonly PersonRow[]): Promise<void> {
    this.#count.people += people.length;
    const there = await this.#deps.proxy.findUsers(people.map(({ user }) => user.user_id));
    const found = await inBatches(people, PARALLEL_LOOKS, async ({ user }) => {
      const { user_id: id } = user;
      const actual = there.get(id)?.values;
      const entity = { what: 'user' as const, id, desired: userValues(user), actual, pushed: USER_FIELDS };
      return this.#compare(entity, async () => (await this.#deps.record.readPerson(id)).user);
    });
    await this.#tell(found.flat());
  }
}

/**
 * Compares organizations, teams and people, and the members of each, and hands what differs to `onDifferences` as it goes; changes
 * nothing. Memory holds one page of teams and of people, whatever there is, but all organizations with their members, of which LiteLLM has no
 * pages: they come in one request, teams
 * 100 a request and one more for each that the list does not have, people 100 a request; storage page by page, and a point read
 * only where something differs.
 * Throws what proxy and store throw; nothing is concluded from what was not read, but what was told before stands.
 */
export async function compareWithLitellm(deps: CompareDeps, onDifferences: OnDifferences): Promise<Compared> {
  const comparison = new Comparison(deps, onDifferences);
  await comparison.organizations();
  await comparison.teams();
  await comparison.people();
  return comparison.compared;
}
