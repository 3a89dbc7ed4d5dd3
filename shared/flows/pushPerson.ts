/** One person: desired (our store, the truth) minus actual (what the proxy answers now), then apply. */
import type { Organization, OrganizationRole, Team, TeamRole } from '../domain/entities.ts';
import { planMembershipPush } from '../domain/membershipPush.ts';
import {
  type PushedMembership,
  type PushOutcome,
  type PushReport,
  PUSH_REPORT_LIMIT,
} from '../domain/pushed.ts';
import { organizationValues, teamValues, userValues } from '../domain/pushValues.ts';
import type { ProxyMember, ProxyTeam, PushedPerson } from '../proxyPorts.ts';
import type { EntityRead, MembershipPartition } from '../storePorts.ts';
import { ensureOrganization, ensureTeam, ensureUser, refusalOf } from './ensureInProxy.ts';
import { inBatches } from './inBatches.ts';
import { pushMemberships } from './pushMemberships.ts';
import type { ProxyChanges, PushDeps } from './pushRun.ts';
import { type PushLease, withPushLease } from './withPushLease.ts';

export interface PushResult {
  readonly status: 'done' | 'nothing';
  readonly changes: ProxyChanges;
  readonly reported: readonly PushReport[];
}

/** Entities asked for at once: enough to hide latency, few enough for a proxy that also serves models. */
const PARALLEL_READS = 8;

const NO_CHANGES: ProxyChanges = { added: 0, changed: 0, removed: 0 };

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
  readonly reported: PushReport[];
}

interface Person {
  readonly userId: string;
  readonly recorded: PushedPerson;
  readonly here: Here;
}

async function readHere(deps: PushDeps, userId: string): Promise<Here> {
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

function roleIn(members: readonly ProxyMember[], userId: string): string | undefined {
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
  recorded: ReadonlyMap<string, PushedMembership>,
): string[] {
  return [...recorded.keys()].filter((id) => !there.desired.has(id) && !there.held.has(id));
}

interface EnsuredOrganizations {
  readonly there: There<OrganizationRole>;
  /** Teams that the answers carried. */
  readonly teams: ReadonlyMap<string, ProxyTeam>;
  /** Organizations that the proxy refused to make: no team can be made inside them. */
  readonly missing: ReadonlySet<string>;
}

async function ensureOrganizations(
  deps: PushDeps,
  { userId, here, recorded }: Person,
): Promise<EnsuredOrganizations> {
  const there = createThere(here.organizationRows);
  const roles = new Map(here.organizationRows.rows.map((row) => [row.entityId, row.role]));
  const teams = new Map<string, ProxyTeam>();
  const missing = new Set<string>();
  // Those of the person's teams too: a team can only be made inside an organization that is there.
  const ids = new Set([...roles.keys(), ...here.organizations.found.keys()]);
  await inBatches([...ids], PARALLEL_READS, async (id) => {
    const organization = here.organizations.found.get(id)?.value;
    if (organization === undefined) return holdMissing(there, 'organization', id);
    const ensured = await ensureOrganization(deps, id, organizationValues(organization));
    there.reported.push(...ensured.reported);
    for (const [teamId, team] of ensured.teams) teams.set(teamId, team);
    const role = roles.get(id);
    if (ensured.isMissing) {
      missing.add(id);
      there.held.add(id);
    } else if (role !== undefined) there.desired.set(id, role);
    there.actual.set(id, roleIn(ensured.members, userId));
  });
  await inBatches(othersOf(there, recorded.organizations), PARALLEL_READS, async (id) => {
    there.actual.set(id, roleIn((await deps.proxy.findOrganization(id))?.members ?? [], userId));
  });
  return { there, teams, missing };
}

async function ensureTeams(
  deps: PushDeps,
  { userId, here, recorded }: Person,
  organizations: EnsuredOrganizations,
): Promise<There<TeamRole>> {
  const there = createThere(here.teamRows);
  await inBatches(here.teamRows.rows, PARALLEL_READS, async ({ entityId: id, role }) => {
    const team = here.teams.found.get(id)?.value;
    if (team === undefined) return holdMissing(there, 'team', id);
    const organization =
      team.organization_id === undefined
        ? undefined
        : here.organizations.found.get(team.organization_id)?.value;
    const desired = teamValues(team, organization);
    if (desired === undefined) return holdMissing(there, 'team', id);
    if (organizations.missing.has(team.organization_id ?? '')) {
      there.held.add(id);
      return;
    }
    const known = organizations.teams.get(id);
    const ensured = await ensureTeam(deps, id, { desired, known });
    there.reported.push(...ensured.reported);
    if (ensured.isMissing) there.held.add(id);
    else there.desired.set(id, role);
    there.actual.set(id, roleIn(ensured.members, userId));
  });
  await inBatches(othersOf(there, recorded.teams), PARALLEL_READS, async (id) => {
    there.actual.set(id, roleIn((await deps.proxy.findTeam(id))?.members ?? [], userId));
  });
  return there;
}

async function pushUnderLease(deps: PushDeps, userId: string, lease: PushLease): Promise<PushResult> {
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
  const person: Person = { userId, recorded, here };
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
  const pushed = await pushMemberships(
    deps,
    { userId, lease },
    {
      organizations: planMembershipPush({ ...organizations.there, recorded: recorded.organizations }),
      teams: planMembershipPush({ ...teams, recorded: recorded.teams }),
    },
  );
  const reported = [
    ...organizations.there.reported,
    ...ensuredUser.reported,
    ...teams.reported,
    ...pushed.reported,
  ];
  const refusals = reported.filter(({ code }) => code === 'refused');
  await recordEnd({ deps, lease }, recorded.outcome, {
    ...(refusals.length === 0
      ? { status: 'done' as const }
      : { status: 'failed' as const, reason: 'litellm_refused' }),
    reported: reported.slice(0, PUSH_REPORT_LIMIT),
  });
  if (refusals.length > 0) throw refusalOf(refusals);
  return { status: 'done', changes: pushed.changes, reported };
}

/** Of what is done only where it says something new: a push that finds everything right writes nothing but the lease. */
async function recordEnd(
  { deps, lease }: { readonly deps: PushDeps; readonly lease: PushLease },
  last: PushOutcome | undefined,
  end: Pick<PushOutcome, 'status' | 'reason' | 'reported'>,
): Promise<void> {
  const isSame =
    end.status === 'done' &&
    last?.status === end.status &&
    JSON.stringify(last.reported) === JSON.stringify(end.reported);
  if (isSame) return;
  const outcome: PushOutcome = { ...end, attempts: 1, updatedAt: deps.clock.now().toISOString() };
  await lease.write(async (held) => deps.record.writePerson(held, { outcome }));
}

/**
 * Brings one person to what is provisioned here: organizations, the user, teams, then memberships. Safe to repeat and to break
 * off anywhere. With G teams, nothing new in the proxy but memberships: 1 request for the user, and for each organization and each
 * team 1 to look (a team inside an organization that lists it costs none) and 1 to add; a repeat has no write.
 * Throws `push_overtaken` and the proxy's retryable errors (try again later), and, after all else is done, `litellm_refused` and
 * `litellm_email_taken` (final); and what the store throws.
 */
export async function pushPerson(deps: PushDeps, userId: string): Promise<PushResult> {
  return withPushLease(deps, { kind: 'user', id: userId }, async (lease) =>
    pushUnderLease(deps, userId, lease),
  );
}
