/**
 * The guard row of an organization's administrators. A run that takes `org_admin` from somebody first checks that
 * another administrator remains and moves this row under its ETag, so that two runs cannot each see the other as the
 * remaining one (docs/domain.md, "Removal"). The row names who is leaving: somebody named there does not count as remaining.
 */
import * as z from 'zod/mini';
import { AppError } from '../model/errors.ts';
import type { ObservationKey } from '../model/observation.ts';
import { json, readColumns } from './tables/columns.ts';
import { guardKey, ORGANIZATION_MEMBERSHIPS } from './membershipKinds.ts';
import { type MemberRow, readMembers } from './readMembers.ts';
import { TABLES } from './tables/tableNames.ts';
import type { StoredRow, Tables } from '../model/tables.ts';

const leavingList = z.array(
  z.object({ userId: z.string(), observation: z.object({ id: z.string(), observed_at: z.string() }) }),
);

const guardColumns = z.object({ leaving: json(leavingList) });

/** A guard that cannot be read must not look like one that names nobody: that could take the last administrator. */
function parseLeaving(guard: StoredRow): readonly Leaving[] {
  const reading = readColumns(guardColumns, guard.properties);
  if (reading.ok) return reading.value.leaving;
  throw new AppError(
    'row_unreadable',
    'The guard of an organization cannot be read; delete the row to begin anew.',
    {
      details: {
        table: TABLES.organizationMembers,
        partition: guard.partitionKey,
        row: guard.rowKey,
        columns: reading.columns,
      },
    },
  );
}

/** A person whose `org_admin` is being taken by the run of this observation. */
export interface Leaving {
  readonly userId: string;
  readonly observation: ObservationKey;
}

/** An organization's guard row and the people that its index names: as administrators (a hint, to be checked), and else. */
export interface AdminGuard {
  readonly etag: string | undefined;
  readonly leaving: readonly Leaving[];
  readonly hintedAdmins: readonly string[];
  readonly otherMembers: readonly string[];
}

export class OrganizationGuards {
  readonly #tables: Tables;

  constructor(tables: Tables) {
    this.#tables = tables;
  }

  /**
   * The guard, and beside it the index: one request and one for each of its partitions, all at once. Read it before anybody's
   * membership: only who begins to leave after that is sure to refuse {@link moveGuard}. Throws `row_unreadable` for a guard that
   * is no list of who is leaving.
   */
  async readGuard(organizationId: string): Promise<AdminGuard> {
    // Whom the index names is a hint that is checked later. What counts is that the guard is read before anybody's membership:
    // whoever begins to leave after this moves the guard, and this run's own move is refused.
    const [guard, members] = await Promise.all([
      this.#tables.find(TABLES.organizationMembers, guardKey(organizationId)),
      readMembers(this.#tables, ORGANIZATION_MEMBERSHIPS, organizationId),
    ]);
    const isHinted = ({ row }: MemberRow): boolean => row.properties['user_role'] === 'org_admin';
    return {
      etag: guard?.etag,
      leaving: guard === undefined ? [] : parseLeaving(guard),
      hintedAdmins: members.filter(isHinted).map(({ userId }) => userId),
      otherMembers: members.filter((member) => !isHinted(member)).map(({ userId }) => userId),
    };
  }

  /** Replaces the list of leaving administrators under the ETag read; `false` where somebody else moved the guard. */
  async moveGuard(
    organizationId: string,
    etag: string | undefined,
    leaving: readonly Leaving[],
  ): Promise<boolean> {
    const key = guardKey(organizationId);
    const properties = { leaving: JSON.stringify(leaving) };
    const result = await this.#tables.write(
      TABLES.organizationMembers,
      etag === undefined ? { kind: 'create', key, properties } : { kind: 'replace', key, properties, etag },
    );
    return result.done;
  }
}
