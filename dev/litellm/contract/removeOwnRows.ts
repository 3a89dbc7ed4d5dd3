/**
 * Removes what one run of the contract check made. It is the only code of this repository that may delete users, teams and
 * organizations in LiteLLM, it has a client of its own, and it is never deployed. Each row is read right before it is
 * deleted, and must have the run's random prefix in its id and the run's mark in its metadata.
 */
import { z } from 'zod';

import type { OwnRows } from './ownRows.ts';
import type { ReplayedProxy } from './replay.ts';

/** What the run may have made. */
export interface MadeRows {
  /** Hashes. */
  readonly keys: ReadonlySet<string>;
  readonly teams: ReadonlySet<string>;
  readonly organizations: ReadonlySet<string>;
  readonly users: ReadonlySet<string>;
}

const rowSchema = z.object({
  key_alias: z.string().nullish(),
  team_id: z.string().nullish(),
  organization_id: z.string().nullish(),
  user_id: z.string().nullish(),
  metadata: z.record(z.string(), z.unknown()).nullish(),
  teams: z.array(z.unknown()).nullish(),
});

type Row = z.output<typeof rowSchema>;

interface Kind {
  readonly made: keyof MadeRows;
  /** Where the row is read, without its id. */
  readonly read: string;
  /** Finds the row in the answer. */
  readonly rowOf: (answer: unknown) => unknown;
  readonly idOf: (row: Row) => unknown;
  /** Deleting the row would take teams along that the run did not make. */
  readonly hasForeignTeams?: (row: Row) => boolean;
  readonly remove: (id: string) => { readonly method: string; readonly path: string; readonly body: object };
}

const inner = (name: string) => (answer: unknown) =>
  z.object({ [name]: z.unknown() }).safeParse(answer).data?.[name];

/** In an order in which nothing is left behind: a team takes its keys along, an organization its teams. */
const kinds: readonly Kind[] = [
  {
    made: 'keys',
    read: '/key/info?key=',
    rowOf: inner('info'),
    idOf: (row) => row.key_alias,
    remove: (id) => ({ method: 'POST', path: '/key/delete', body: { keys: [id] } }),
  },
  {
    made: 'teams',
    read: '/team/info?team_id=',
    rowOf: inner('team_info'),
    idOf: (row) => row.team_id,
    remove: (id) => ({ method: 'POST', path: '/team/delete', body: { team_ids: [id] } }),
  },
  {
    made: 'organizations',
    read: '/organization/info?organization_id=',
    rowOf: (answer) => answer,
    idOf: (row) => row.organization_id,
    // The run's own teams are deleted before.
    hasForeignTeams: (row) => (row.teams ?? []).length > 0,
    remove: (id) => ({ method: 'DELETE', path: '/organization/delete', body: { organization_ids: [id] } }),
  },
  {
    made: 'users',
    read: '/user/info?user_id=',
    rowOf: inner('user_info'),
    idOf: (row) => row.user_id,
    remove: (id) => ({ method: 'POST', path: '/user/delete', body: { user_ids: [id] } }),
  },
];

/** Removes the run's rows. Returns the ids of those that are still there, each with the reason. Never throws. */
export async function removeOwnRows(
  proxy: ReplayedProxy,
  own: OwnRows,
  made: MadeRows,
): Promise<readonly string[]> {
  const left: string[] = [];
  for (const kind of kinds) {
    for (const id of made[kind.made]) {
      const reason = await removeOne(proxy, own, { kind, id }).catch((error: unknown) => String(error));
      if (reason !== undefined) left.push(`${kind.made} ${id}: ${reason}`);
    }
  }
  return left;
}

async function removeOne(
  proxy: ReplayedProxy,
  own: OwnRows,
  { kind, id }: { readonly kind: Kind; readonly id: string },
): Promise<string | undefined> {
  const read = await call(proxy, { method: 'GET', path: kind.read + encodeURIComponent(id) });
  if (read.status === 404) return undefined;
  if (read.status !== 200) return `reading it was answered with ${read.status}`;
  const row = rowSchema.safeParse(kind.rowOf(read.body)).data;
  // LiteLLM 1.80 answers 200 about a user who does not exist.
  if (row === undefined || kind.idOf(row) === undefined) return undefined;
  if (!own.isOwn(kind.idOf(row), row.metadata)) return 'it lacks the mark of this run';
  if (kind.hasForeignTeams?.(row) === true) return 'it has teams that this run did not make';
  const { status } = await call(proxy, kind.remove(id));
  return status === 200 || status === 404 ? undefined : `deleting it was answered with ${status}`;
}

async function call(
  { url, masterKey }: ReplayedProxy,
  { method, path, body }: { readonly method: string; readonly path: string; readonly body?: object },
): Promise<{ readonly status: number; readonly body: unknown }> {
  const response = await fetch(url + path, {
    method,
    redirect: 'manual',
    headers: { authorization: `Bearer ${masterKey}`, 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const answer: unknown = await response.json().catch(() => undefined);
  return { status: response.status, body: answer };
}
