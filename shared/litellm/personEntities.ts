/** The organizations and teams of one person: each is created or updated in LiteLLM, which then says who is a member. */
import type { OrganizationRole, TeamRole } from '../model/entities.ts';
import type { LitellmMember, LitellmTeam } from '../model/litellmPorts.ts';
import { organizationValues, teamValues } from '../model/litellmValues.ts';
import type { SyncedMembership, SyncReport } from '../model/synced.ts';
import { inParallel } from '../platform/inParallel.ts';
import type { MembershipPartition } from '../storage/membershipStore.ts';
import { type MembershipPlan, planMemberships } from './planMemberships.ts';
import type { PersonSync } from './readPerson.ts';
import type { SyncDeps } from './syncDeps.ts';
import { upsertOrganization, upsertTeam } from './upsertEntity.ts';

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

  plan(recorded: ReadonlyMap<string, SyncedMembership>): MembershipPlan<Role> {
    return planMemberships({
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
  readonly plan: MembershipPlan<Role>;
  readonly reported: readonly SyncReport[];
}

export interface UpsertedOrganizations extends UpsertedEntities<OrganizationRole> {
  /** Teams that LiteLLM's answers carried. */
  readonly teams: ReadonlyMap<string, LitellmTeam>;
  /** The organizations that LiteLLM has, with the models that they have there. Their teams follow these. */
  readonly models: ReadonlyMap<string, readonly string[]>;
}

/**
 * Upserts the person's organizations, and those of the person's teams, since a team can only be created inside an organization that
 * exists. Throws what concerns the proxy as a whole; other errors are kept.
 */
export async function upsertOrganizations(
  deps: SyncDeps,
  person: PersonSync,
): Promise<UpsertedOrganizations> {
  const { stored, recorded } = person;
  const memberships = new PersonMemberships(person, 'organization', stored.organizationRows);
  const roles = new Map(stored.organizationRows.rows.map((row) => [row.entityId, row.role]));
  const teams = new Map<string, LitellmTeam>();
  const models = new Map<string, readonly string[]>();
  await memberships.each(new Set([...roles.keys(), ...stored.organizations.found.keys()]), async (id) => {
    const organization = stored.organizations.found.get(id)?.value;
    if (organization === undefined) return memberships.reportMissing(id);
    const upserted = await upsertOrganization(deps, id, organizationValues(organization));
    memberships.reported.push(...upserted.reported);
    for (const [teamId, team] of upserted.teams) teams.set(teamId, team);
    if (upserted.isMissing) return;
    models.set(id, upserted.values.models ?? []);
    memberships.note(id, upserted.members, roles.get(id));
  });
  await memberships.each(memberships.undesired(recorded.organizations), async (id) => {
    memberships.note(id, (await deps.litellm.findOrganization(id))?.members ?? []);
  });
  return {
    plan: memberships.plan(recorded.organizations),
    reported: memberships.reported,
    teams,
    models,
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
  const roles = new Map(stored.teamRows.rows.map((row) => [row.entityId, row.role]));
  await memberships.each(roles.keys(), async (id) => {
    const team = stored.teams.found.get(id)?.value;
    if (team === undefined) return memberships.reportMissing(id);
    const { organization_id: organizationId } = team;
    const isKnown = organizationId === undefined || stored.organizations.found.has(organizationId);
    if (!isKnown) return memberships.reportMissing(id);
    const models = organizationId === undefined ? undefined : organizations.models.get(organizationId);
    const desired = teamValues(team, models && { models });
    // LiteLLM does not have its organization: refused, or an error. The organization's report or error says which.
    if (desired === undefined) return;
    const upserted = await upsertTeam(deps, id, { desired, known: organizations.teams.get(id) });
    memberships.reported.push(...upserted.reported);
    if (!upserted.isMissing) memberships.note(id, upserted.members, roles.get(id));
  });
  await memberships.each(memberships.undesired(recorded.teams), async (id) => {
    memberships.note(id, (await deps.litellm.findTeam(id))?.members ?? []);
  });
  return { plan: memberships.plan(recorded.teams), reported: memberships.reported };
}
