/** The organizations and teams of one person: each is created or updated in LiteLLM, which then says who is a member. */
import type { OrganizationRole, TeamRole } from '../model/entities.ts';
import type { LitellmMember, LitellmTeam } from '../model/litellmPorts.ts';
import type { OrganizationValues } from '../model/litellmValues.ts';
import type { SyncedMembership, SyncReport } from '../model/synced.ts';
import { inParallel } from '../platform/inParallel.ts';
import type { MembershipPartition } from '../storage/membershipStore.ts';
import { type LitellmMembershipPlan, planLitellmMemberships } from './planLitellmMemberships.ts';
import type { PersonSync } from './readPerson.ts';
import { enqueueSync } from '../queue/queueMessage.ts';
import type { KnownProxy } from './proxyState.ts';
import type { SyncDeps } from './syncDeps.ts';
import { organizationsUnclear } from './syncErrors.ts';
import { upsertOrganization } from './upsertOrganization.ts';
import { upsertTeam } from './upsertTeam.ts';

/** Organizations or teams at a time: enough to hide latency, few enough for a proxy that also serves models. */
const PARALLEL_UPSERTS = 8;

/** A person's memberships of one kind. Each is withheld until it is known what LiteLLM has of it. */
class PersonMemberships<Role extends string> {
  readonly reported: SyncReport[] = [];
  readonly #person: PersonSync;
  readonly #kind: 'organization' | 'team';
  readonly #unreadable: ReadonlySet<string>;
  readonly #desired = new Map<string, Role>();
  readonly #withheld: Set<string>;
  readonly #actual = new Map<string, string | undefined>();

  constructor(person: PersonSync, kind: 'organization' | 'team', rows: MembershipPartition<Role>) {
    this.#person = person;
    this.#kind = kind;
    this.#unreadable = new Set(rows.unreadable.map((row) => row.id));
    this.#withheld = new Set(this.#unreadable);
  }

  /** Runs `look` for each, while the person's lease lasts. An error about one of them does not stop the others. */
  async each(ids: Iterable<string>, look: (id: string) => Promise<void>): Promise<void> {
    const { lease, errors } = this.#person;
    await inParallel([...ids], PARALLEL_UPSERTS, async (id) => {
      await lease.keep();
      this.#withheld.add(id);
      await look(id).catch((error: unknown) => errors.keep(error));
    });
  }

  /** Leaves memberships as they are. */
  withhold(ids: Iterable<string>): void {
    for (const id of ids) this.#withheld.add(id);
  }

  /** Notes the person's role among the members, and the role to give. The membership is no longer withheld then. */
  note(id: string, members: readonly LitellmMember[], desired?: Role): void {
    // Its own row may say anything, so nothing is changed.
    if (this.#unreadable.has(id)) return;
    this.#actual.set(id, members.find((member) => member.userId === this.#person.userId)?.role);
    if (desired !== undefined) this.#desired.set(id, desired);
    this.#withheld.delete(id);
  }

  /** The store does not have the organization or team, so nothing of it is changed in LiteLLM. */
  reportMissing(id: string): void {
    this.reported.push({ kind: this.#kind, id, code: 'row_missing' });
  }

  /** Returns recorded memberships that are not desired: what LiteLLM has of them decides whether there is one to remove. */
  undesired(recorded: ReadonlyMap<string, SyncedMembership>): readonly string[] {
    return [...recorded.keys()].filter((id) => !this.#desired.has(id) && !this.#withheld.has(id));
  }

  plan(recorded: ReadonlyMap<string, SyncedMembership>): LitellmMembershipPlan<Role> {
    return planLitellmMemberships({
      desired: this.#desired,
      withheld: this.#withheld,
      actual: this.#actual,
      recorded,
    });
  }
}

/** What came of a person's organizations or teams. */
interface UpsertedEntities<Role extends string> {
  /** What is to be done about the person's memberships in them. */
  readonly plan: LitellmMembershipPlan<Role>;
  readonly reported: readonly SyncReport[];
}

export interface UpsertedOrganizations extends UpsertedEntities<OrganizationRole> {
  /** Teams that LiteLLM's answers carried. */
  readonly teams: ReadonlyMap<string, LitellmTeam>;
  /** The organizations that LiteLLM has, with the values that they have there. Their teams follow these. */
  readonly values: ReadonlyMap<string, Partial<OrganizationValues>>;
  /** As known at the start, or as an answer showed since. */
  readonly state: KnownProxy['organizations'];
}

/**
 * Upserts the person's organizations, and those of the person's teams, since a team can only be created inside an organization that
 * exists. Throws what concerns the proxy as a whole; other errors are kept.
 */
export async function upsertOrganizations(
  deps: SyncDeps,
  person: PersonSync,
): Promise<UpsertedOrganizations> {
  const { stored, recorded, proxy, errors } = person;
  const memberships = new PersonMemberships(person, 'organization', stored.organizationRows);
  const roles = new Map(stored.organizationRows.rows.map((row) => [row.entityId, row.role]));
  const teams = new Map<string, LitellmTeam>();
  const values = new Map<string, Partial<OrganizationValues>>();
  const ids = new Set([...roles.keys(), ...stored.organizations.found.keys()]);
  const { organizations: state } = proxy;
  if (state !== 'available') {
    memberships.withhold([...ids, ...recorded.organizations.keys()]);
    if (state === 'unclear' && ids.size + recorded.organizations.size > 0)
      errors.keep(organizationsUnclear());
    return { plan: memberships.plan(recorded.organizations), reported: [], teams, values, state };
  }
  await memberships.each(ids, async (id) => {
    const organization = stored.organizations.found.get(id)?.value;
    if (organization === undefined) return memberships.reportMissing(id);
    const upserted = await upsertOrganization(deps, organization, proxy);
    memberships.reported.push(...upserted.reported);
    for (const [teamId, team] of upserted.teams) teams.set(teamId, team);
    if (upserted.isMissing) return;
    values.set(id, upserted.values);
    memberships.note(id, upserted.members, roles.get(id));
  });
  await memberships.each(memberships.undesired(recorded.organizations), async (id) => {
    memberships.note(id, (await deps.litellm.findOrganization(id))?.members ?? []);
  });
  return {
    plan: memberships.plan(recorded.organizations),
    reported: memberships.reported,
    teams,
    values,
    // Such an answer is kept as an error, and its message comes back.
    state: errors.hasKept('organizations_unlicensed') ? 'unclear' : state,
  };
}

/** Upserts the person's teams. Throws as {@link upsertOrganizations}. */
export async function upsertTeams(
  deps: SyncDeps,
  person: PersonSync,
  organizations: UpsertedOrganizations,
): Promise<UpsertedEntities<TeamRole>> {
  const { stored, recorded } = person;
  const memberships = new PersonMemberships(person, 'team', stored.teamRows);
  const teamDeps = { ...deps, shares: person.shares, known: person.proxy };
  const requests = { queue: deps.queue, clock: deps.clock, traceparent: () => undefined };
  const roles = new Map(stored.teamRows.rows.map((row) => [row.entityId, row.role]));
  await memberships.each(roles.keys(), async (id) => {
    const team = stored.teams.found.get(id)?.value;
    if (team === undefined) return memberships.reportMissing(id);
    const { organization_id: organizationId } = team;
    const isKnown = organizationId === undefined || stored.organizations.found.has(organizationId);
    if (!isKnown) return memberships.reportMissing(id);
    const found = organizations.teams.get(id);
    const organization = stored.organizations.found.get(organizationId ?? '')?.value;
    if (organization !== undefined && organizations.state === 'unclear') {
      // Its values wait. Who is in it does not.
      const inLitellm = await deps.litellm.findTeam(id);
      if (inLitellm !== undefined) memberships.note(id, inLitellm.members, roles.get(id));
      return;
    }
    const hasOrganizations = organizations.state === 'available';
    const inLitellm = organizations.values.get(organizationId ?? '');
    // LiteLLM does not have its organization: refused, or an error. The organization's report or error says which.
    if (organization !== undefined && hasOrganizations && inLitellm === undefined) return;
    const upserted = await upsertTeam(teamDeps, { team, organization, inLitellm, hasOrganizations }, found);
    memberships.reported.push(...upserted.reported);
    if (upserted.mustMove) await enqueueSync(requests, { kind: 'team', id });
    if (!upserted.isMissing) memberships.note(id, upserted.members, roles.get(id));
  });
  await memberships.each(memberships.undesired(recorded.teams), async (id) => {
    memberships.note(id, (await deps.litellm.findTeam(id))?.members ?? []);
  });
  return { plan: memberships.plan(recorded.teams), reported: memberships.reported };
}
