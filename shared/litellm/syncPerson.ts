/** One person: desired (our store, the truth) minus actual (what the proxy answers now), then apply. */
import type { SyncedPerson } from '../storage/syncRecord.ts';
import type { EntityRead } from '../storage/entityStore.ts';
import type { MembershipPartition } from '../storage/membershipStore.ts';
import { chunksOf } from '../platform/chunksOf.ts';
import type { Organization, OrganizationRole, Team, TeamRole } from '../model/entities.ts';
import { planMembershipSync } from './planMemberships.ts';
import {
  type SyncedMembership,
  type SyncOutcome,
  type SyncReport,
  SYNC_REPORT_LIMIT,
} from '../model/synced.ts';
import { organizationValues, teamValues, userValues } from '../model/litellmValues.ts';
import { AppError } from '../model/errors.ts';
import type { LitellmMember, LitellmTeam } from '../model/litellmPorts.ts';
import { ensureOrganization, ensureTeam, ensureUser, refusalOf } from './ensureInLitellm.ts';
import { syncMemberships } from './syncMemberships.ts';
import { type SyncChanges, type SyncDeps, Troubles } from './syncDeps.ts';
import { type SyncLease, withLease } from './withLease.ts';

export interface PersonSyncResult {
  readonly status: 'done' | 'nothing';
  readonly changes: SyncChanges;
  readonly reported: readonly SyncReport[];
}

/** Entities asked for at once: enough to hide latency, few enough for a proxy that also serves models. */
const PARALLEL_READS = 8;

const NO_CHANGES: SyncChanges = { added: 0, changed: 0, removed: 0 };

/** What our store says of one person. */
interface Here {
  readonly organizationRows: MembershipPartition<OrganizationRole>;
  readonly teamRows: MembershipPartition<TeamRole>;
  readonly organizations: EntityRead<Organization>;
  readonly teams: EntityRead<Team>;
}

/** What the proxy says of what the person is in, or was put into. */
interface There<Role extends string> {
  readonly desired: Map<string, Role>;
  readonly held: Set<string>;
  /** The person's role in each. */
  readonly actual: Map<string, string | undefined>;
  readonly reported: SyncReport[];
}

interface Person {
  readonly userId: string;
  readonly recorded: SyncedPerson;
  readonly here: Here;
  readonly lease: SyncLease;
  readonly troubles: Troubles;
}

/** Some at a time, with the lease kept in between; what one of them answers does not stop the others. */
async function forEach<T>(
  { lease, troubles }: Person,
  items: readonly T[],
  run: (item: T) => Promise<void>,
): Promise<void> {
  for (const chunk of chunksOf(items, PARALLEL_READS)) {
    await lease.keep();
    await Promise.all(chunk.map(async (item) => run(item).catch((error: unknown) => troubles.keep(error))));
  }
}

async function readHere(deps: SyncDeps, userId: string): Promise<Here> {
  const { store } = deps;
  const [organizationRows, teamRows] = await Promise.all([
    store.organizationMemberships.read(userId),
    store.teamMemberships.read(userId),
  ]);
  const teams = await store.entities.readTeams(teamRows.rows.map((row) => row.entityId));
  const ids = new Set(organizationRows.rows.map((row) => row.entityId));
  for (const { value } of teams.found.values()) {
    if (value.organization_id !== undefined) ids.add(value.organization_id);
  }
  const organizations = await store.entities.readOrganizations([...ids]);
  return { organizationRows, teamRows, organizations, teams };
}

function createThere<Role extends string>(rows: MembershipPartition<Role>): There<Role> {
  return {
    desired: new Map(),
    held: new Set(rows.unreadable.map((row) => row.id)),
    actual: new Map(),
    reported: [],
  };
}

function roleIn(members: readonly LitellmMember[], userId: string): string | undefined {
  return members.find((member) => member.userId === userId)?.role;
}

/** Nothing is known of it here, so nothing of it is changed there. */
function holdMissing<Role extends string>(
  there: There<Role>,
  kind: 'organization' | 'team',
  id: string,
): void {
  there.held.add(id);
  there.reported.push({ kind, id, code: 'row_missing' });
}

/** Recorded and no longer desired: what the proxy has of it decides whether there is something to remove. */
function othersOf<Role extends string>(
  there: There<Role>,
  recorded: ReadonlyMap<string, SyncedMembership>,
): string[] {
  return [...recorded.keys()].filter((id) => !there.desired.has(id) && !there.held.has(id));
}

interface EnsuredOrganizations {
  readonly there: There<OrganizationRole>;
  /** Teams that the answers carried. */
  readonly teams: ReadonlyMap<string, LitellmTeam>;
  /** Those that are there, with the models that they have there, which their teams follow. */
  readonly models: ReadonlyMap<string, readonly string[]>;
}

async function ensureOrganizations(deps: SyncDeps, person: Person): Promise<EnsuredOrganizations> {
  const { userId, here, recorded } = person;
  const there = createThere(here.organizationRows);
  const roles = new Map(here.organizationRows.rows.map((row) => [row.entityId, row.role]));
  const teams = new Map<string, LitellmTeam>();
  const models = new Map<string, readonly string[]>();
  // Those of the person's teams too: a team can only be made inside an organization that is there.
  const ids = new Set([...roles.keys(), ...here.organizations.found.keys()]);
  await forEach(person, [...ids], async (id) => {
    const organization = here.organizations.found.get(id)?.value;
    if (organization === undefined) return holdMissing(there, 'organization', id);
    // Until it is known what the proxy has of it; what is held for another reason stays held.
    const wasHeld = there.held.has(id);
    there.held.add(id);
    const ensured = await ensureOrganization(deps, id, organizationValues(organization));
    there.reported.push(...ensured.reported);
    for (const [teamId, team] of ensured.teams) teams.set(teamId, team);
    const role = roles.get(id);
    there.actual.set(id, roleIn(ensured.members, userId));
    if (ensured.isMissing) return;
    models.set(id, ensured.values.models ?? []);
    if (wasHeld) return;
    there.held.delete(id);
    if (role !== undefined) there.desired.set(id, role);
  });
  await forEach(person, othersOf(there, recorded.organizations), async (id) => {
    there.held.add(id);
    there.actual.set(id, roleIn((await deps.proxy.findOrganization(id))?.members ?? [], userId));
    there.held.delete(id);
  });
  return { there, teams, models };
}

async function ensureTeams(
  deps: SyncDeps,
  person: Person,
  organizations: EnsuredOrganizations,
): Promise<There<TeamRole>> {
  const { userId, here, recorded } = person;
  const there = createThere(here.teamRows);
  await forEach(person, here.teamRows.rows, async ({ entityId: id, role }) => {
    const team = here.teams.found.get(id)?.value;
    if (team === undefined) return holdMissing(there, 'team', id);
    const { organization_id: organizationId } = team;
    const isKnown = organizationId === undefined || here.organizations.found.has(organizationId);
    if (!isKnown) return holdMissing(there, 'team', id);
    there.held.add(id);
    const models = organizationId === undefined ? undefined : organizations.models.get(organizationId);
    const desired = teamValues(team, models && { models });
    // Its organization is not there: refused, or in trouble, which is told of the organization.
    if (desired === undefined) return;
    const ensured = await ensureTeam(deps, id, { desired, known: organizations.teams.get(id) });
    there.reported.push(...ensured.reported);
    there.actual.set(id, roleIn(ensured.members, userId));
    if (ensured.isMissing) return;
    there.held.delete(id);
    there.desired.set(id, role);
  });
  await forEach(person, othersOf(there, recorded.teams), async (id) => {
    there.held.add(id);
    there.actual.set(id, roleIn((await deps.proxy.findTeam(id))?.members ?? [], userId));
    there.held.delete(id);
  });
  return there;
}

interface Sync {
  readonly userId: string;
  readonly lease: SyncLease;
  /** Also of a run that has not finished: it has died. */
  readonly takesUnfinished: boolean;
}

async function syncUnderLease(deps: SyncDeps, sync: Sync): Promise<PersonSyncResult> {
  const { userId, lease } = sync;
  const [user, recorded, here] = await Promise.all([
    deps.store.users.find(userId),
    deps.record.readPerson(userId),
    readHere(deps, userId),
  ]);
  // Unknown is not empty: without the person's row nobody can say what they should have.
  if (user?.run === undefined) {
    return {
      status: 'nothing',
      changes: NO_CHANGES,
      reported: [{ kind: 'user', id: userId, code: 'row_missing' }],
    };
  }
  // What the finish writes (budget, models, email, a higher role) is still to come, and a half-empty user has no limits.
  if (user.run.state === 'applying' && user.run.report === undefined && !sync.takesUnfinished) {
    throw new AppError('sync_overtaken', 'The provisioning of this person has not finished.', {
      retryable: true,
    });
  }
  const troubles = new Troubles();
  const person: Person = { userId, recorded, here, lease, troubles };
  const organizations = await ensureOrganizations(deps, person);
  const desired = userValues(user.user);
  const ensuredUser = await ensureUser(deps, lease, { userId, desired, recorded: recorded.user });
  if (ensuredUser.isMissing) {
    // Without the user nothing follows: LiteLLM would make one, half empty, for the first membership.
    const { reported } = ensuredUser;
    await recordEnd({ deps, lease }, recorded.outcome, {
      status: 'failed',
      reason: 'litellm_refused',
      reported,
    });
    throw refusalOf(reported);
  }
  const teams = await ensureTeams(deps, person, organizations);
  const pushed = await syncMemberships(
    deps,
    { userId, lease, recorded, troubles },
    {
      organizations: planMembershipSync({ ...organizations.there, recorded: recorded.organizations }),
      teams: planMembershipSync({ ...teams, recorded: recorded.teams }),
    },
  );
  const reported = [
    ...organizations.there.reported,
    ...ensuredUser.reported,
    ...teams.reported,
    ...pushed.reported,
  ];
  // The message waits and comes back for them; all else is done.
  troubles.throwKept();
  const refusals = reported.filter(({ code }) => code === 'refused');
  await recordEnd({ deps, lease }, recorded.outcome, {
    ...(refusals.length === 0
      ? { status: 'done' as const }
      : { status: 'failed' as const, reason: 'litellm_refused' }),
    reported: reported.slice(0, SYNC_REPORT_LIMIT),
  });
  // Of a refused organization or team its own message tells the operator, once for all who are in it.
  if (pushed.reported.some(({ code }) => code === 'refused')) throw refusalOf(refusals);
  return { status: 'done', changes: pushed.changes, reported };
}

/** Of what is done only where it says something new: a push that finds everything right writes nothing but the lease. */
async function recordEnd(
  { deps, lease }: { readonly deps: SyncDeps; readonly lease: SyncLease },
  last: SyncOutcome | undefined,
  end: Pick<SyncOutcome, 'status' | 'reason' | 'reported'>,
): Promise<void> {
  const isSame =
    end.status === 'done' &&
    last?.status === end.status &&
    JSON.stringify(last.reported) === JSON.stringify(end.reported);
  if (isSame) return;
  const outcome: SyncOutcome = { ...end, attempts: 1, updatedAt: deps.clock.now().toISOString() };
  await lease.write(async (held) => deps.record.writePerson(held, { outcome }));
}

/**
 * Brings one person to what is provisioned here: organizations, the user, teams, then memberships. Safe to repeat and to break
 * off anywhere. With G teams, nothing new in the proxy but memberships: 1 request for the user, and for each organization and each
 * team 1 to look (a team inside an organization that lists it costs none) and 1 to add; a repeat has no write.
 * Throws `sync_overtaken` and the proxy's retryable errors (try again later), and, after all else is done, `litellm_refused` and
 * `litellm_email_taken` (final); and what the store throws.
 */
export async function syncPerson(
  deps: SyncDeps,
  userId: string,
  { takesUnfinished = false }: { readonly takesUnfinished?: boolean } = {},
): Promise<PersonSyncResult> {
  return withLease(deps, { kind: 'user', id: userId }, async (lease) =>
    syncUnderLease(deps, { userId, lease, takesUnfinished }),
  );
}
