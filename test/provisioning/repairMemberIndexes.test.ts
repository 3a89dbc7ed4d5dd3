import { MemberIndex } from '../../shared/storage/memberIndex.ts';
import { ORGANIZATION_MEMBERSHIPS, TEAM_MEMBERSHIPS } from '../../shared/storage/membershipKinds.ts';
import { describe, expect, it } from 'vitest';
import { TABLES } from '../../shared/storage/tables/tableNames.ts';
import { MINIMUM_AGE_MS, repairMemberIndexes } from '../../shared/provisioning/repairMemberIndexes.ts';
import { editRow, findRow, indexRow, organizationMembershipRow } from '../support/handEdits.ts';
import type { World } from '../support/world.ts';
import { ALICE, BOB, createWorld, message, PRODUCTION_TEAM } from '../support/world.ts';

const GROUP = PRODUCTION_TEAM.id;

function indexRows(world: World, table: string): readonly string[] {
  return (world.tables.dump()[table] ?? []).map((row) => row.rowKey);
}

async function reconcile(world: World) {
  return repairMemberIndexes({ store: world.store, clock: world.clock });
}

async function provisioned(): Promise<World> {
  const world = createWorld();
  await world.refresh();
  await world.provision(message());
  return world;
}

/** A row that a crash left behind: named by the index, not by the truth. */
async function leaveStaleRow(world: World, userId: string): Promise<void> {
  await world.tables.write(TABLES.teamMembers, {
    kind: 'upsert',
    key: indexRow('teamMembers', GROUP, userId).key,
    properties: { user_id: userId, team_id: GROUP, updated_at: world.clock.now().toISOString() },
  });
}

async function hintedAdmins(world: World): Promise<readonly string[]> {
  return (await world.store.organizationGuards.readGuard(GROUP)).hintedAdmins;
}

/** What the index write of an older run does that comes after a newer run's, before its transaction is refused. */
async function leaveOldRole(world: World): Promise<void> {
  await editRow(world.tables, indexRow('organizationMembers', GROUP, ALICE), {
    user_role: 'internal_user',
    updated_at: world.clock.now().toISOString(),
  });
}

describe('repairMemberIndexes', () => {
  it('keeps what the truth confirms', async () => {
    const world = await provisioned();
    world.clock.advance(MINIMUM_AGE_MS + 1);
    await expect(reconcile(world)).resolves.toEqual({
      checked: 2,
      removed: 0,
      corrected: 0,
      added: 0,
    });
    expect(indexRows(world, TABLES.teamMembers)).toEqual([`entra-group-123:${ALICE}`]);
  });

  it('removes a row whose membership is gone', async () => {
    const world = await provisioned();
    await leaveStaleRow(world, BOB);
    world.clock.advance(MINIMUM_AGE_MS + 1);
    await expect(reconcile(world)).resolves.toMatchObject({ removed: 1 });
    expect(indexRows(world, TABLES.teamMembers)).toEqual([`entra-group-123:${ALICE}`]);
  });

  it('leaves a young row alone: its membership may be on its way', async () => {
    const world = await provisioned();
    await leaveStaleRow(world, BOB);
    world.clock.advance(MINIMUM_AGE_MS - 1);
    await expect(reconcile(world)).resolves.toMatchObject({ removed: 0 });
    expect(indexRows(world, TABLES.teamMembers)).toContain(`entra-group-123:${BOB}`);
  });

  it('keeps a row that a grant rewrites between the check and the removal', async () => {
    const world = await provisioned();
    await leaveStaleRow(world, BOB);
    world.clock.advance(MINIMUM_AGE_MS + 1);
    class RacingIndex extends MemberIndex {
      override async findRole(userId: string, entityId: string): Promise<string | undefined> {
        const role = await super.findRole(userId, entityId);
        if (userId === BOB) await world.provision(message({ userId: BOB, second: 3600 }));
        return role;
      }
    }
    const racing = new RacingIndex(world.tables, TEAM_MEMBERSHIPS);
    const result = await repairMemberIndexes({ store: { memberIndexes: [racing] }, clock: world.clock });
    expect(result.removed).toBe(0);
    expect(indexRows(world, TABLES.teamMembers)).toContain(`entra-group-123:${BOB}`);
  });

  it('names a membership that a person made by hand', async () => {
    const world = await provisioned();
    await world.tables.write(TABLES.organizationMemberships, {
      kind: 'create',
      key: { partitionKey: BOB, rowKey: 'entra-group-123' },
      properties: {
        user_id: BOB,
        organization_id: 'entra-group-123',
        user_role: 'org_admin',
        grant_source: 'manual',
      },
    });
    await expect(reconcile(world)).resolves.toMatchObject({ added: 1 });
    expect((await world.store.organizationGuards.readGuard('entra-group-123')).hintedAdmins).toEqual([BOB]);
  });

  it('names the administrator whom a hand edit made of a member', async () => {
    const world = await provisioned();
    await editRow(world.tables, organizationMembershipRow(ALICE, GROUP), { user_role: 'org_admin' });
    await expect(reconcile(world)).resolves.toMatchObject({ added: 1 });
    await expect(hintedAdmins(world)).resolves.toEqual([ALICE]);
  });

  it('corrects a role that a late write of a refused run left behind', async () => {
    const world = createWorld();
    await world.refresh();
    await world.provision(message({ appRoles: ['org_admin'] }));
    await leaveOldRole(world);
    world.clock.advance(MINIMUM_AGE_MS + 1);
    await expect(reconcile(world)).resolves.toEqual({ checked: 2, removed: 0, corrected: 1, added: 0 });
    await expect(hintedAdmins(world)).resolves.toEqual([ALICE]);
    world.clock.advance(MINIMUM_AGE_MS + 1);
    await expect(reconcile(world)).resolves.toMatchObject({ corrected: 0 });
  });

  it('does not correct a young row, or one that a grant rewrites meanwhile', async () => {
    const world = createWorld();
    await world.refresh();
    await world.provision(message({ appRoles: ['org_admin'] }));
    await leaveOldRole(world);
    world.clock.advance(MINIMUM_AGE_MS - 1);
    await expect(reconcile(world)).resolves.toMatchObject({ corrected: 0 });
    world.clock.advance(2);
    class RacingIndex extends MemberIndex {
      override async findRole(userId: string, entityId: string): Promise<string | undefined> {
        const role = await super.findRole(userId, entityId);
        await leaveOldRole(world);
        return role;
      }
    }
    const racing = [TEAM_MEMBERSHIPS, ORGANIZATION_MEMBERSHIPS].map(
      (kind) => new RacingIndex(world.tables, kind),
    );
    const deps = { store: { memberIndexes: racing }, clock: world.clock };
    await expect(repairMemberIndexes(deps)).resolves.toMatchObject({ corrected: 0 });
    await expect(hintedAdmins(world)).resolves.toEqual([]);
  });

  it('keeps a row whose membership has an unreadable role', async () => {
    const world = await provisioned();
    const broken = { user_role: 'queen', user_role_written: 'queen' };
    await editRow(world.tables, organizationMembershipRow(ALICE, GROUP), broken);
    world.clock.advance(MINIMUM_AGE_MS + 1);
    await expect(reconcile(world)).resolves.toMatchObject({ removed: 0, corrected: 0 });
    const row = indexRow('organizationMembers', GROUP, ALICE);
    await expect(findRow(world.tables, row)).resolves.toMatchObject({ user_role: 'internal_user' });
  });

  it('leaves the guard row alone', async () => {
    const world = await provisioned();
    await world.store.organizationGuards.moveGuard('entra-group-123', undefined, []);
    world.clock.advance(MINIMUM_AGE_MS + 1);
    await expect(reconcile(world)).resolves.toMatchObject({ checked: 2, removed: 0 });
    expect(indexRows(world, TABLES.organizationMembers)).toContain('_guard');
  });
});
