/**
 * Storage for the guard rows that protect an organization's last administrator (docs/domain.md, "Removal"). A run that removes an
 * `org_admin` first checks that another administrator remains, and then moves the guard row under its ETag. So two concurrent
 * runs cannot each count the other's person as the remaining administrator. The row lists the people who are losing the role, and
 * a listed person does not count as remaining.
 */
import * as z from 'zod/mini';
import { AppError } from '../model/errors.ts';
import type { ObservationKey } from '../model/observation.ts';
import { json, readColumns } from './tables/columns.ts';
import {
  guardKey,
  ORGANIZATION_MEMBERSHIPS,
  type MembershipKind,
  memberRange,
  parseMemberKey,
} from './membershipKinds.ts';
import { TABLES, HASH_PARTITIONS } from './tables/tableNames.ts';
import type { StoredRow, Tables } from '../model/tables.ts';
import { inParallel } from '../platform/inParallel.ts';

const leavingList = z.array(
  z.object({ userId: z.string(), observation: z.object({ id: z.string(), observed_at: z.string() }) }),
);

const guardColumns = z.object({ leaving: json(leavingList) });

/** Throws for an unreadable guard. Treating it as empty could remove an organization's last administrator. */
function parseLeaving(guard: StoredRow): readonly Leaving[] {
  const reading = readColumns(guardColumns, guard.properties);
  if (reading.ok) return reading.value.leaving;
  throw new AppError(
    'row_unreadable',
    'The guard of an organization cannot be read. Delete the row to start again.',
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

/** A person who is losing `org_admin` in the run of this observation. */
export interface Leaving {
  readonly userId: string;
  readonly observation: ObservationKey;
}

/**
 * An organization's guard row, and the people whom its index lists. The index may be out of date, so the caller has to check each
 * listed administrator.
 */
export interface AdminGuard {
  readonly etag: string | undefined;
  readonly leaving: readonly Leaving[];
  readonly hintedAdmins: readonly string[];
  readonly otherMembers: readonly string[];
}

/** The store of the guards. */
export class OrganizationGuards {
  readonly #tables: Tables;

  constructor(tables: Tables) {
    this.#tables = tables;
  }

  /**
   * Reads the guard and the organization's index at the same time: one request for the guard and one for each index partition.
   * Read the guard before any person's membership: {@link moveGuard} only detects people who begin to leave after this read.
   * Throws `row_unreadable` if the guard cannot be read.
   */
  async readGuard(organizationId: string): Promise<AdminGuard> {
    // The two reads may run at the same time, because the caller checks every listed person later. Another run that begins to
    // remove an administrator after this read moves the guard, and then this run's own move is refused.
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

  /** Replaces the list of leaving administrators. Returns `false` if another run has moved the guard since it was read. */
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

/** An index row and the person it lists. */
export interface MemberRow {
  readonly userId: string;
  readonly row: StoredRow;
}

/**
 * Reads everyone whom the index lists as a member of one team or organization. It queries all partitions at the same time, with
 * one request a page of 1,000 rows. The result isn't a snapshot and may list too many people, so the caller has to check each
 * person.
 */
export async function readMembers(
  tables: Tables,
  kind: Pick<MembershipKind<string>, 'indexTable'>,
  entityId: string,
): Promise<readonly MemberRow[]> {
  const parts = await inParallel(HASH_PARTITIONS, HASH_PARTITIONS.length, async (partitionKey) =>
    tables.read(kind.indexTable, { partitionKey, ...memberRange(entityId) }),
  );
  return parts.flat().flatMap((row) => {
    const member = parseMemberKey(row);
    return member === undefined ? [] : [{ userId: member.userId, row }];
  });
}
