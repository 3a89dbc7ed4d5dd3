/** Whether a person may use LiteLLM at all. Pure. */
import { GLOBAL_ROLES } from '../model/entities.ts';
import { isClosed, type UserRecord } from '../model/userRecord.ts';
import type { StoredPerson } from './readPerson.ts';

/**
 * - `open`: the person has access, or may have it.
 * - `closed`: the account is closed, so nothing else counts.
 * - `no_access`: no membership and only the lowest role. LiteLLM may still have a membership that an administrator added.
 */
export type Standing = 'open' | 'closed' | 'no_access';

const LOWEST_ROLE = GLOBAL_ROLES[GLOBAL_ROLES.length - 1];

/** Reports of a run that say that the person may have more than the rows show. */
const MAY_HAVE_MORE: ReadonlySet<string> = new Set(['group_not_yet_known', 'row_unreadable', 'row_missing']);

/** Returns whether the person's row alone leaves open that there is no access. */
export function mayHaveNoAccess({ run, unreadable, user }: UserRecord): boolean {
  return run?.state === 'applied' && unreadable === undefined && user.user_role === LOWEST_ROLE;
}

/** Returns the standing by the store's rows. Whatever is unreadable, unknown or unfinished counts as access. */
export function standingOf({
  user,
  teamRows,
  organizationRows,
}: Pick<StoredPerson, 'user' | 'teamRows' | 'organizationRows'>): Standing {
  if (user === undefined) return 'open';
  if (isClosed(user)) return 'closed';
  if (!mayHaveNoAccess(user)) return 'open';
  const rows = [teamRows, organizationRows].flatMap((each) => [...each.rows, ...each.unreadable]);
  if (rows.length > 0) return 'open';
  const { reported = [], reported_more: more = 0 } = user.run?.report ?? {};
  return more > 0 || reported.some(({ code }) => MAY_HAVE_MORE.has(code)) ? 'open' : 'no_access';
}

/** Returns the person without anything that the store gives: in LiteLLM, what this product gave goes. */
export function withoutMemberships(stored: StoredPerson): StoredPerson {
  const none = { rows: [], unreadable: [] };
  const noEntities = { found: new Map(), unreadable: new Map() };
  return {
    ...stored,
    teamRows: { ...stored.teamRows, ...none },
    organizationRows: { ...stored.organizationRows, ...none },
    teams: noEntities,
    organizations: noEntities,
  };
}
