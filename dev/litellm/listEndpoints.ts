/** `/v2/team/list`, `/team/list` and `/user/list`: the newest first, where nothing else is asked for. */
import { detailError } from './apiError.ts';
import { parseQuery } from './call.ts';
import type { Endpoint } from './call.ts';
import { oldTeamListSchema, teamListSchema, userListSchema } from './requestSchemas.ts';
import { renderTeamParts } from './teamEndpoints.ts';

interface Page<Row> {
  readonly rows: Row[];
  readonly total: number;
  readonly page: number;
  readonly page_size: number;
  readonly total_pages: number;
}

interface Paging {
  readonly page: number;
  readonly page_size: number;
  readonly sort_by?: string | undefined;
  readonly sort_order: 'asc' | 'desc';
}

/** Rows come in the order in which they were made. */
function takePage<Row extends object>(rows: Row[], paging: Paging): Page<Row> {
  const { page, page_size: size, sort_by: column } = paging;
  const sorted = column === undefined ? rows.toReversed() : sortBy(rows, column, paging.sort_order);
  return {
    rows: sorted.slice((page - 1) * size, page * size),
    total: rows.length,
    page,
    page_size: size,
    total_pages: Math.ceil(rows.length / size),
  };
}

function sortBy<Row extends object>(rows: readonly Row[], column: string, order: 'asc' | 'desc'): Row[] {
  if (rows[0] !== undefined && !(column in rows[0])) throw detailError(400, `Invalid sort column: ${column}`);
  const keyed = rows.map((row) => ({ row, key: readColumn(row, column) }));
  const direction = order === 'asc' ? 1 : -1;
  return keyed
    .toSorted((left, right) => (left.key < right.key ? -direction : left.key > right.key ? direction : 0))
    .map(({ row }) => row);
}

function readColumn(row: object, column: string): string | number {
  const value: unknown = Object.entries(row).find(([name]) => name === column)?.[1];
  return typeof value === 'string' || typeof value === 'number' ? value : '';
}

const includes = (text: string | null, part: string): boolean =>
  text?.toLowerCase().includes(part.toLowerCase()) === true;

/** 422 for more than 100 a page; 404 for an unknown `user_id`. */
export const listTeams: Endpoint = (call) => {
  const { store } = call;
  const query = parseQuery(call, teamListSchema);
  const { team_id: id, organization_id: organizationId, team_alias: alias, user_id: userId } = query;
  const user = store.users.get(userId ?? '');
  if (userId !== undefined && user === undefined)
    throw detailError(404, `User not found, passed user_id=${userId}`);
  const matching = [...store.teams.values()]
    .filter((team) => id === undefined || team.team_id === id)
    .filter((team) => organizationId === undefined || team.organization_id === organizationId)
    .filter((team) => alias === undefined || includes(team.team_alias, alias))
    .filter((team) => user === undefined || user.teams.includes(team.team_id));
  const { rows, ...paging } = takePage(matching, query);
  return {
    teams: rows.map((team) => ({ ...team, members_count: team.members_with_roles.length })),
    ...paging,
  };
};

/** Everything in one answer, with all keys. */
export const listTeamsV1: Endpoint = (call) => {
  const { organization_id: organizationId, user_id: userId } = parseQuery(call, oldTeamListSchema);
  return [...call.store.teams.values()]
    .filter((team) => organizationId === undefined || team.organization_id === organizationId)
    .filter(
      (team) => userId === undefined || team.members_with_roles.some((member) => member.user_id === userId),
    )
    .map((team) => ({ ...team, ...renderTeamParts(call, team) }));
};

/** One value in `user_ids` is looked for anywhere in the ids; several, and `sso_user_ids`, are compared exactly. */
export const listUsers: Endpoint = (call) => {
  const { store } = call;
  const query = parseQuery(call, userListSchema);
  const ids = splitList(query.user_ids);
  const ssoIds = splitList(query.sso_user_ids);
  const { role, user_email: email, team } = query;
  const matching = [...store.users.values()]
    .filter((user) => role === undefined || user.user_role === role)
    .filter((user) => ids === undefined || matchesIds(user.user_id, ids))
    .filter((user) => ssoIds === undefined || ssoIds.includes(user.sso_user_id ?? ''))
    .filter((user) => email === undefined || includes(user.user_email, email))
    .filter((user) => team === undefined || user.teams.includes(team));
  const { rows, ...paging } = takePage(matching, query);
  const counts = new Map<string, number>();
  for (const { user_id: owner } of store.keys.values()) {
    if (owner !== null) counts.set(owner, (counts.get(owner) ?? 0) + 1);
  }
  return { users: rows.map((user) => ({ ...user, key_count: counts.get(user.user_id) ?? 0 })), ...paging };
};

const splitList = (list: string | undefined): readonly string[] | undefined =>
  list?.split(',').map((entry) => entry.trim());

const matchesIds = (userId: string, ids: readonly string[]): boolean =>
  ids.length === 1 ? includes(userId, ids[0] ?? '') : ids.includes(userId);
