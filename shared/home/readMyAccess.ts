/** What a signed-in person can use, and why: the home page and `GET /api/me`. */
import { reportUnreadable } from '../model/handEdits.ts';
import type { SyncedPerson, SyncRecord } from '../storage/syncRecord.ts';
import type { EntityRead } from '../storage/entityStore.ts';
import type { ActualMembership } from '../storage/membershipStore.ts';
import type { PersonMemberships } from '../storage/personMemberships.ts';
import type { Store } from '../storage/store.ts';
import type {
  MyAccess,
  OrganizationAccess,
  ProvisioningProgress,
  Reported,
  TeamAccess,
  UserAccess,
} from '../model/access.ts';
import { organizationAccess, teamAccess } from './effectiveAccess.ts';
import type { ProxyReport } from '../model/litellmProxy.ts';
import type { TeamRole } from '../model/entities.ts';
import { newestObservation, progressOf } from '../model/progress.ts';
import { compareObservations } from '../model/observation.ts';
import type { UserRecord } from '../model/userRecord.ts';
import { listRestingKeys } from './listRestingKeys.ts';
import { findPresences, type Presences, unknownPresences } from './litellmPresence.ts';
import { AppError, type ErrorCode } from '../model/errors.ts';
import { type Session, requireLiveSession } from '../session/session.ts';

export interface AccessDeps {
  readonly store: Pick<Store, 'users' | 'readMemberships'>;
  /** Absent: no LiteLLM proxy is connected. */
  readonly syncRecord?: Pick<SyncRecord, 'readPerson'>;
  /** Reads what the last check of the proxy found, without asking the proxy. */
  findProxyReport?(this: void): Promise<ProxyReport | undefined>;
}

/** Returns whether the row knows less of the person than the sign-in of this session. */
function isBehind(record: UserRecord | undefined, session: Session): boolean {
  const run = record?.run;
  if (run === undefined) return true;
  const order = compareObservations(run.observation, session.observation);
  return order < 0 || (order === 0 && run.state === 'applying');
}

/** The row says who the person is. Until it knows of this sign-in, the sign-in itself says what the row lacks. */
function userAccess(session: Session, record: UserRecord | undefined): UserAccess {
  const user = record?.user;
  const said: Partial<Session> = isBehind(record, session) ? session : {};
  const email = user?.user_email ?? said.email;
  const name = user?.display_name ?? said.displayName;
  return {
    user_id: session.userId,
    // Nothing is granted until the first run has finished, so the lowest role is correct.
    user_role: user?.user_role ?? 'internal_user_viewer',
    models: user?.models ?? [],
    ...(email === undefined ? {} : { user_email: email }),
    ...(name === undefined ? {} : { display_name: name }),
    ...(user?.max_budget === undefined ? {} : { max_budget: user.max_budget }),
    ...(user?.budget_duration === undefined ? {} : { budget_duration: user.budget_duration }),
  };
}

/** What is read for one page. */
interface Rows extends PersonMemberships {
  /** What was written to LiteLLM, or the error code if the record is unreadable. `undefined`: no proxy is connected. */
  readonly recorded: SyncedPerson | ErrorCode | undefined;
}

interface Listed<T> {
  readonly shown: readonly T[];
  readonly reported: readonly Reported[];
}

function withheld<T>(kind: 'organization' | 'team', id: string, read: EntityRead<T>): Reported {
  const row = read.unreadable.get(id);
  return row === undefined ? { kind, id, code: 'row_missing' } : reportUnreadable(kind, id, row);
}

/** Lists the person's own rows that an edit made unreadable. */
function listUnreadable(userId: string, record: UserRecord | undefined, rows: Rows): readonly Reported[] {
  return [
    ...(record?.unreadable === undefined ? [] : [reportUnreadable('user', userId, record.unreadable)]),
    ...rows.organizationRows.unreadable.map((row) => reportUnreadable('organization', row.id, row)),
    ...rows.teamRows.unreadable.map((row) => reportUnreadable('team', row.id, row)),
  ];
}

function listOrganizations(rows: Rows): Listed<OrganizationAccess> {
  const shown: OrganizationAccess[] = [];
  const reported: Reported[] = [];
  for (const { entityId, role } of rows.organizationRows.rows) {
    const organization = rows.organizations.found.get(entityId)?.value;
    if (organization === undefined) reported.push(withheld('organization', entityId, rows.organizations));
    else shown.push(organizationAccess(organization, role));
  }
  return { shown, reported };
}

function listTeam(row: ActualMembership<TeamRole>, rows: Rows): TeamAccess | Reported {
  const team = rows.teams.found.get(row.entityId)?.value;
  if (team === undefined) return withheld('team', row.entityId, rows.teams);
  if (team.organization_id === undefined) return teamAccess(team, row.role, undefined);
  const organization = rows.organizations.found.get(team.organization_id)?.value;
  // Without its organization a team's limits are unknown, and unknown isn't unlimited.
  if (organization === undefined) return withheld('organization', team.organization_id, rows.organizations);
  return teamAccess(team, row.role, organization);
}

function listTeams(rows: Rows): Listed<TeamAccess> {
  const entries = rows.teamRows.rows.map((row) => listTeam(row, rows));
  return {
    shown: entries.flatMap((entry) => ('team_id' in entry ? [entry] : [])),
    reported: entries.flatMap((entry) => ('code' in entry ? [entry] : [])),
  };
}

function byAlias<T>(aliasOf: (item: T) => string, idOf: (item: T) => string): (a: T, b: T) => number {
  return (a, b) => aliasOf(a).localeCompare(aliasOf(b), 'en') || (idOf(a) < idOf(b) ? -1 : 1);
}

function withoutRepeats(reported: readonly Reported[]): readonly Reported[] {
  return [...new Map(reported.map((entry) => [`${entry.kind} ${entry.id} ${entry.code}`, entry])).values()];
}

/**
 * Reads the record of LiteLLM. An unreadable record must not break the page: the person's own rows say what they may
 * use.
 */
async function readRecorded(
  record: AccessDeps['syncRecord'],
  userId: string,
): Promise<SyncedPerson | ErrorCode | undefined> {
  try {
    return await record?.readPerson(userId);
  } catch (error) {
    if (error instanceof AppError) return error.code;
    throw error;
  }
}

function findPresencesIn(rows: Rows, provisioning: ProvisioningProgress): Presences | undefined {
  const { recorded, organizationRows: organizations, teamRows: teams } = rows;
  if (recorded === undefined) return undefined;
  if (typeof recorded === 'string') return unknownPresences(recorded);
  return findPresences({ provisioning, recorded, organizations, teams });
}

async function readRows(deps: AccessDeps, userId: string): Promise<Rows> {
  const [memberships, recorded] = await Promise.all([
    deps.store.readMemberships(userId),
    readRecorded(deps.syncRecord, userId),
  ]);
  return { ...memberships, recorded };
}

function sortOrganizations(
  listed: readonly OrganizationAccess[],
  presences: Presences | undefined,
): readonly OrganizationAccess[] {
  return listed
    .map((one) =>
      presences === undefined
        ? one
        : { ...one, litellm: presences.organization(one.organization_id, one.user_role) },
    )
    .sort(
      byAlias(
        (one) => one.organization_alias,
        (one) => one.organization_id,
      ),
    );
}

function sortTeams(listed: readonly TeamAccess[], presences: Presences | undefined): readonly TeamAccess[] {
  return listed
    .map((one) =>
      presences === undefined ? one : { ...one, litellm: presences.team(one.team_id, one.role) },
    )
    .sort(
      byAlias(
        (one) => one.team_alias,
        (one) => one.team_id,
      ),
    );
}

function restingKeysOf({ recorded, teamRows }: Rows): Pick<MyAccess, 'resting_keys'> {
  if (recorded === undefined || typeof recorded === 'string' || recorded.keys.size === 0) return {};
  const memberOf = new Set([
    ...teamRows.rows.map(({ entityId }) => entityId),
    ...teamRows.unreadable.map(({ id }) => id),
  ]);
  return { resting_keys: listRestingKeys({ ...recorded, memberOf }) };
}

/** Only an administrator of the proxy can do something about its state. */
async function findProxyFor(
  { findProxyReport }: AccessDeps,
  record: UserRecord | undefined,
): Promise<ProxyReport | undefined> {
  return record?.user.user_role === 'proxy_admin' ? findProxyReport?.() : undefined;
}

/**
 * Returns what the person can use now, and whether it is in LiteLLM. Organizations and teams are sorted by alias,
 * then id. An unreadable one is left out and reported. The progress is that of the newest known observation. If the
 * record of LiteLLM is unreadable, only its status is `unknown`, with the reason.
 * Throws `session_missing` or `account_inactive` if the session has ended since, and what the store throws.
 */
export async function readMyAccess(deps: AccessDeps, session: Session): Promise<MyAccess> {
  // Read before the rows, so that the status can only be older than they are. A newer "done" beside older lists
  // would stay on the page, because the page stops asking once it is done.
  const { record, outcome } = await deps.store.users.findWithOutcome(session.userId);
  requireLiveSession(session, record);
  const rows = await readRows(deps, session.userId);
  const proxy = await findProxyFor(deps, record);
  const organizations = listOrganizations(rows);
  const teams = listTeams(rows);
  const progress = progressOf(newestObservation(session.observation, { record, outcome }), {
    record,
    outcome,
  });
  const presences = findPresencesIn(rows, progress);
  const user = userAccess(session, record);
  return {
    user: presences === undefined ? user : { ...user, litellm: presences.user },
    organizations: sortOrganizations(organizations.shown, presences),
    teams: sortTeams(teams.shown, presences),
    provisioning: {
      ...progress,
      reported: withoutRepeats([
        ...progress.reported,
        ...listUnreadable(session.userId, record, rows),
        ...organizations.reported,
        ...teams.reported,
      ]),
    },
    litellm: { ...(presences?.progress ?? { connected: false }), ...(proxy === undefined ? {} : { proxy }) },
    ...restingKeysOf(rows),
  };
}
