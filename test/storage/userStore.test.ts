import { describe, expect, it } from 'vitest';
import { UserStore } from '../../shared/storage/userStore.ts';
import type { Properties } from '../../shared/model/tables.ts';
import type { RunReport } from '../../shared/model/userRecord.ts';
import { deleteRow, editRow, findRow, requestsOf, tally, userRow } from '../support/handEdits.ts';
import type { MemoryTables } from '../support/memoryTables.ts';
import { createMemoryTables } from '../support/memoryTables.ts';
import { ALICE } from '../support/world.ts';

const AT = '2026-11-23T09:00:00.000Z';
const EARLIER = new Date('2026-11-23T08:00:00.000Z');
const LATER = new Date('2026-11-23T10:00:00.000Z');

const REPORT: RunReport = {
  groups_seen: 3,
  groups_counted: 2,
  granted: 2,
  changed: 0,
  removed: 1,
  reported: [
    { kind: 'team', id: 'a', code: 'models_kept' },
    { kind: 'organization', id: 'b', code: 'row_unreadable', detail: 'LiteLLMOrganizationTable: models' },
  ],
  reported_more: 4,
};

interface Stored {
  readonly tables: MemoryTables;
  readonly users: UserStore;
}

/** Creates the row of a user after a finished run, with edited columns. */
async function stored(columns: Properties = {}): Promise<Stored> {
  const tables = createMemoryTables();
  const users = new UserStore(tables);
  await users.create(ALICE, {
    tenant_id: 'tenant',
    user_role: 'internal_user',
    user_role_written: 'internal_user',
    created_at: AT,
    updated_at: AT,
    run: {
      observation: { id: 'observation', observed_at: AT },
      state: 'applied',
      claimId: 'claim',
      digest: 'digest',
      digestAt: AT,
      finishedAt: AT,
      report: REPORT,
    },
  });
  await editRow(tables, userRow(ALICE), columns);
  return { tables, users };
}

describe('a person’s row', () => {
  it('contains the report that was written', async () => {
    const { users } = await stored();
    expect((await users.find(ALICE))?.run?.report).toStrictEqual(REPORT);
  });

  it.each<[string, string | number]>([
    ['text that is not JSON', 'not { JSON'],
    ['a list', '[]'],
    ['a number', 7],
    ['a missing count', JSON.stringify({ ...REPORT, removed: undefined })],
    ['a text instead of a list of reports', JSON.stringify({ ...REPORT, reported: 'nothing' })],
    ['an unknown code', JSON.stringify({ ...REPORT, reported: [{ kind: 'team', id: 'a', code: 'x' }] })],
  ])(
    'has no report if the column cannot be read (%s), and the rest stays readable',
    async (_what, report) => {
      const { users } = await stored({ run_report: report });
      const run = (await users.find(ALICE))?.run;
      expect(run).not.toHaveProperty('report');
      expect(run).toMatchObject({ state: 'applied', digest: 'digest' });
    },
  );

  it.each(['claim_id', 'digest', 'digest_at', 'finished_at', 'created_at', 'updated_at', 'tenant_id'])(
    'stays readable if %s, which decides nothing, cannot be read',
    async (column) => {
      const { users } = await stored({ [column]: 7 });
      expect(await users.find(ALICE)).toMatchObject({
        isNew: false,
        run: { observation: { id: 'observation', observed_at: AT }, state: 'applied', report: REPORT },
      });
    },
  );

  it('treats a field as edited by hand, and names it, if the last written value cannot be read', async () => {
    const { users } = await stored({ user_role_written: 7 });
    expect(await users.find(ALICE)).toMatchObject({
      fields: { user_role: { current: 'internal_user', written: undefined } },
      unreadable: { table: 'LiteLLMUserTable', columns: ['user_role_written'] },
    });
  });

  it.each<[string, string | number]>([
    ['observed_at', 7],
    ['observation_id', 7],
    ['run_state', 'almost'],
    ['sessions_valid_from', 7],
  ])('cannot be read if %s, which decides, cannot be read', async (column, value) => {
    const { users } = await stored({ [column]: value });
    await expect(users.find(ALICE)).rejects.toMatchObject({
      code: 'row_unreadable',
      details: { columns: [column] },
    });
  });
});

describe('the end of a person’s sessions', () => {
  async function endOf({ tables }: Stored): Promise<unknown> {
    return (await findRow(tables, userRow(ALICE)))?.['sessions_valid_from'];
  }

  it('only moves forward, in any order of the sign-outs', async () => {
    const world = await stored();
    await world.users.endSessions(ALICE, EARLIER);
    await world.users.endSessions(ALICE, LATER);
    const requests = await requestsOf(world.tables, async () => world.users.endSessions(ALICE, EARLIER));
    expect(await endOf(world)).toBe(LATER.toISOString());
    expect(tally(requests)).toEqual({ 'find LiteLLMUserTable': 1 });
  });

  it('is overwritten if it cannot be read', async () => {
    const world = await stored({ sessions_valid_from: 'yesterday' });
    await world.users.endSessions(ALICE, LATER);
    expect(await endOf(world)).toBe(LATER.toISOString());
  });

  it.each([{ row: 'exists' }, { row: 'does not exist yet' }])(
    'is not moved back by a sign-out that read the row before a newer one wrote it (the row $row)',
    async ({ row }) => {
      const world = await stored();
      if (row === 'is not there yet') await deleteRow(world.tables, userRow(ALICE));
      let isDone = false;
      const slow = new UserStore(
        world.tables.view(async ({ phase, kind }) => {
          if (phase !== 'before' || kind !== 'write' || isDone) return;
          isDone = true;
          await world.users.endSessions(ALICE, LATER);
        }),
      );
      await slow.endSessions(ALICE, EARLIER);
      expect(await endOf(world)).toBe(LATER.toISOString());
    },
  );

  it('throws after a few rounds if another writer keeps changing the row', async () => {
    const world = await stored();
    let edits = 0;
    const contended = new UserStore(
      world.tables.view(async ({ phase, kind }) => {
        if (phase !== 'before' || kind !== 'write') return;
        edits += 1;
        await editRow(world.tables, userRow(ALICE), { max_budget: edits });
      }),
    );
    await expect(contended.endSessions(ALICE, LATER)).rejects.toMatchObject({
      code: 'storage_contention',
      retryable: true,
    });
    expect(edits).toBe(5);
  });
});
