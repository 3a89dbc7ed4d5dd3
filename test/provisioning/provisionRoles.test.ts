import { describe, expect, it } from 'vitest';
import type { AssignedGroup } from '../../shared/model/assignedGroups.ts';
import {
  editRow,
  dropColumn,
  findRow,
  guardRow,
  indexRow,
  organizationMembershipRow,
  organizationRow,
  teamMembershipRow,
  userRow,
} from '../support/handEdits.ts';
import type { MessageOptions, World } from '../support/world.ts';
import {
  ALICE,
  BOB,
  PRODUCTION_TEAM,
  membershipsOf,
  message,
  readListAgain,
  readyWorld,
  sampleRules,
} from '../support/world.ts';

const GROUP = PRODUCTION_TEAM.id;
const CAROL = 'cccccccc-0000-4000-8000-000000000003';
const OTHER: AssignedGroup = { id: 'other', displayName: 'Other' };

async function roleOf(world: World, userId = ALICE): Promise<unknown> {
  return (await findRow(world.tables, userRow(userId)))?.['user_role'];
}

async function organizationRoleOf(world: World, userId = ALICE, id = GROUP): Promise<unknown> {
  return (await findRow(world.tables, organizationMembershipRow(userId, id)))?.['user_role'];
}

async function reportedOf(world: World, userId = ALICE): Promise<unknown> {
  return (await world.store.users.findWithOutcome(userId)).record?.run?.report?.reported;
}

/** Second by second, one sign-in after another. */
async function signIns(world: World, ...steps: readonly MessageOptions[]): Promise<void> {
  for (const [index, step] of steps.entries())
    await world.provision(message({ second: index * 60, ...step }));
}

describe('the global role', () => {
  it.each([
    { rule: 'goes up', from: [], to: ['proxy_admin'], role: 'proxy_admin' },
    { rule: 'goes down', from: ['proxy_admin'], to: [], role: 'internal_user_viewer' },
    {
      rule: 'goes down to another app role',
      from: ['proxy_admin'],
      to: ['internal_user'],
      role: 'internal_user',
    },
  ])('$rule with what Entra gives', async ({ from, to, role }) => {
    const world = await readyWorld();
    await signIns(world, { appRoles: from }, { appRoles: to });
    expect(await roleOf(world)).toBe(role);
  });

  it('stays where a person edited it by hand, also when Entra’s changes', async () => {
    const world = await readyWorld();
    await signIns(world, { appRoles: ['internal_user'] });
    await editRow(world.tables, userRow(ALICE), { user_role: 'proxy_admin_viewer' });
    await signIns(world, { second: 60, appRoles: ['proxy_admin'] }, { second: 120 });
    expect(await roleOf(world)).toBe('proxy_admin_viewer');
  });

  it('stays without one where a person took it away', async () => {
    const world = await readyWorld();
    await signIns(world, { appRoles: ['proxy_admin'] });
    await dropColumn(world.tables, userRow(ALICE), 'user_role');
    await signIns(world, { second: 60, appRoles: ['proxy_admin'], name: 'Renamed' });
    expect(await roleOf(world)).toBeUndefined();
  });

  it('is Entra’s again once a person puts back what the system wrote', async () => {
    const world = await readyWorld();
    await signIns(world, { appRoles: ['internal_user'] });
    await editRow(world.tables, userRow(ALICE), { user_role: 'proxy_admin' });
    await signIns(world, { second: 60, name: 'Renamed' });
    await editRow(world.tables, userRow(ALICE), { user_role: 'internal_user' });
    await signIns(world, { second: 120, appRoles: ['proxy_admin_viewer'] });
    expect(await roleOf(world)).toBe('proxy_admin_viewer');
  });

  it('is lowered by the claim already, before anything else, and a crash after it leaves less', async () => {
    const world = await readyWorld();
    await signIns(world, { appRoles: ['proxy_admin'] });
    const dying = world.through(
      world.tables.view(({ phase, kind }) => {
        if (phase === 'after' && kind !== 'find' && kind !== 'readPage') throw new Error('crash');
      }),
    );
    await dying.provision(message({ second: 60 })).catch(() => undefined);
    expect(await roleOf(world)).toBe('internal_user_viewer');
  });

  it('is raised by the finish only', async () => {
    const world = await readyWorld();
    await signIns(world, {});
    const dying = world.through(
      world.tables.view(({ phase, kind }) => {
        if (phase === 'before' && kind === 'transact') throw new Error('crash');
      }),
    );
    await dying
      .provision(message({ second: 60, appRoles: ['proxy_admin', 'org_admin'] }))
      .catch(() => undefined);
    expect(await roleOf(world)).toBe('internal_user_viewer');
  });

  it('is proxy_admin only for PROXY_ADMIN_ID', async () => {
    const world = await readyWorld({ rules: sampleRules({ proxyAdminId: ALICE }) });
    await signIns(world, { appRoles: ['internal_user'] }, { userId: BOB, appRoles: ['internal_user'] });
    expect([await roleOf(world), await roleOf(world, BOB)]).toEqual(['proxy_admin', 'internal_user']);
  });

  it('of PROXY_ADMIN_ID holds even against a hand edit', async () => {
    const world = await readyWorld({ rules: sampleRules({ proxyAdminId: ALICE }) });
    await signIns(world, {});
    await editRow(world.tables, userRow(ALICE), { user_role: 'internal_user' });
    await signIns(world, { second: 60, name: 'Alice A.' });
    expect(await roleOf(world)).toBe('proxy_admin');
  });

  it('comes from a mapped group while the person is in it', async () => {
    const rules = sampleRules({ roleMappings: new Map([[GROUP, 'proxy_admin_viewer']]) });
    const world = await readyWorld({ rules });
    await signIns(world, {});
    expect(await roleOf(world)).toBe('proxy_admin_viewer');
    await signIns(world, { second: 60, groups: [] });
    expect(await roleOf(world)).toBe('internal_user_viewer');
  });

  it('is not lowered further than a mapped group explains that is not yet known', async () => {
    const roleMappings = new Map([['late', 'internal_user'] as const]);
    const world = await readyWorld({ rules: sampleRules({ roleMappings }) });
    await signIns(world, { appRoles: ['proxy_admin'] }, { groups: [GROUP, 'late'] });
    expect(await roleOf(world)).toBe('internal_user');
  });

  it('is an app role’s even while a mapped group is not yet known', async () => {
    const roleMappings = new Map([['late', 'proxy_admin'] as const]);
    const world = await readyWorld({ rules: sampleRules({ roleMappings }) });
    await signIns(
      world,
      { appRoles: ['proxy_admin'] },
      { appRoles: ['internal_user'], groups: [GROUP, 'late'] },
    );
    expect(await roleOf(world)).toBe('internal_user');
  });
});

describe('the role in an organization', () => {
  it('is org_admin with the app role, internal_user without it, down as well as up', async () => {
    const world = await readyWorld();
    await signIns(world, { userId: BOB, appRoles: ['org_admin'] }, {});
    const seen: unknown[] = [await organizationRoleOf(world)];
    for (const [index, appRoles] of [['org_admin'], []].entries()) {
      await signIns(world, { second: 100 + index, appRoles });
      seen.push(await organizationRoleOf(world));
    }
    expect(seen).toEqual(['internal_user', 'org_admin', 'internal_user']);
  });

  it('stays where a person edited it by hand', async () => {
    const world = await readyWorld();
    await signIns(world, {});
    await editRow(world.tables, organizationMembershipRow(ALICE, GROUP), {
      user_role: 'internal_user_viewer',
    });
    await signIns(world, { second: 60, appRoles: ['org_admin'] });
    expect(await organizationRoleOf(world)).toBe('internal_user_viewer');
  });

  it('stays on a membership that a person granted', async () => {
    const world = await readyWorld();
    await editRow(world.tables, organizationMembershipRow(ALICE, GROUP), {
      user_role: 'internal_user',
      grant_source: 'manual',
    });
    await signIns(world, { appRoles: ['org_admin'] });
    expect(await organizationRoleOf(world)).toBe('internal_user');
  });

  it('goes down also with the flag off, which leaves what exists', async () => {
    const before = await readyWorld();
    await signIns(before, { userId: BOB, appRoles: ['org_admin'] }, { appRoles: ['org_admin'] });
    const world = await readyWorld({ rules: sampleRules({ groupsAlsoCreateOrgs: false }), on: before });
    await signIns(world, { second: 200 });
    expect(await organizationRoleOf(world)).toBe('internal_user');
    await signIns(world, { second: 250, appRoles: ['org_admin'] });
    expect(await organizationRoleOf(world)).toBe('internal_user');
  });

  it('goes down also where the organization cannot be read', async () => {
    const world = await readyWorld();
    await signIns(world, { userId: BOB, appRoles: ['org_admin'] }, { appRoles: ['org_admin'] });
    await editRow(world.tables, organizationRow(GROUP), { models: 'gpt-4' });
    await world.refresh();
    await signIns(world, { second: 200 });
    expect(await organizationRoleOf(world)).toBe('internal_user');
  });

  it('writes the new role into the index, before the membership', async () => {
    const world = await readyWorld();
    await signIns(world, {}, { appRoles: ['org_admin'] });
    expect(await findRow(world.tables, indexRow('organizationMembers', GROUP, ALICE))).toMatchObject({
      user_role: 'org_admin',
    });
  });
});

describe('the role in a team', () => {
  it('is user, and admin stays where a person made it so', async () => {
    const world = await readyWorld();
    await signIns(world, { appRoles: ['proxy_admin', 'org_admin'] });
    expect(await findRow(world.tables, teamMembershipRow(ALICE, GROUP))).toMatchObject({ role: 'user' });
    await editRow(world.tables, teamMembershipRow(ALICE, GROUP), { role: 'admin' });
    await signIns(world, { second: 60 });
    expect(await findRow(world.tables, teamMembershipRow(ALICE, GROUP))).toMatchObject({ role: 'admin' });
  });
});

describe('the last org_admin of an organization', () => {
  const kept = [{ kind: 'organization', id: GROUP, code: 'last_org_admin' }];

  it.each([
    { what: 'removed', groups: [] },
    { what: 'demoted', groups: [GROUP] },
  ])('is not $what, and it is reported', async ({ groups }) => {
    const world = await readyWorld();
    await signIns(world, { appRoles: ['org_admin'] }, { userId: BOB }, { groups });
    expect(await organizationRoleOf(world)).toBe('org_admin');
    expect(await reportedOf(world)).toEqual(kept);
  });

  it('loses everything else that they should lose', async () => {
    const world = await readyWorld({ assigned: [PRODUCTION_TEAM, OTHER] });
    await signIns(
      world,
      { userId: BOB, appRoles: ['org_admin'], groups: ['other'] },
      { appRoles: ['org_admin'], groups: [GROUP, 'other'] },
      { groups: [] },
    );
    expect(await membershipsOf(world, ALICE)).toEqual(['organization:entra-group-123 org_admin']);
  });

  it('goes once there is another, at the next run', async () => {
    const world = await readyWorld();
    await signIns(
      world,
      { appRoles: ['org_admin'] },
      { groups: [] },
      { userId: BOB, appRoles: ['org_admin'] },
      { groups: [] },
    );
    expect(await membershipsOf(world, ALICE)).toEqual([]);
    expect(await reportedOf(world)).toEqual([]);
  });

  it('may go while another one remains', async () => {
    const world = await readyWorld();
    await signIns(
      world,
      { appRoles: ['org_admin'] },
      { userId: BOB, appRoles: ['org_admin'] },
      { groups: [] },
    );
    expect(await membershipsOf(world, ALICE)).toEqual([]);
  });

  it('does not count a person whom only the index still calls an administrator', async () => {
    const world = await readyWorld();
    await signIns(world, { appRoles: ['org_admin'] });
    await editRow(world.tables, indexRow('organizationMembers', GROUP, BOB), { user_role: 'org_admin' });
    await signIns(world, { second: 60, groups: [] });
    expect(await reportedOf(world)).toEqual(kept);
  });

  it('may go as soon as a hand edit has made an administrator of a member', async () => {
    const world = await readyWorld();
    await signIns(world, { appRoles: ['org_admin'] }, { userId: BOB });
    await editRow(world.tables, organizationMembershipRow(BOB, GROUP), { user_role: 'org_admin' });
    await signIns(world, { second: 120, groups: [] });
    expect(await membershipsOf(world, ALICE)).toEqual([]);
  });

  it('may go while another remains whose index row an older run has overwritten', async () => {
    const world = await readyWorld();
    await signIns(world, { appRoles: ['org_admin'] }, { userId: BOB, appRoles: ['org_admin'] });
    await editRow(world.tables, indexRow('organizationMembers', GROUP, BOB), { user_role: 'internal_user' });
    await signIns(world, { second: 120, groups: [] });
    expect(await membershipsOf(world, ALICE)).toEqual([]);
  });

  it('asks for 16 at once, those whom the index calls administrators first, and for 1,000 in all', async () => {
    const world = await readyWorld();
    await signIns(world, { appRoles: ['org_admin'] });
    for (let index = 0; index < 1_100; index += 1) {
      const row = indexRow('organizationMembers', GROUP, `member-${String(index).padStart(4, '0')}`);
      await editRow(world.tables, row, { user_role: index === 1_099 ? 'org_admin' : 'internal_user' });
    }
    const asked: string[] = [];
    let [underWay, most] = [0, 0];
    const tables = world.tables.view(async (moment) => {
      if (moment.kind !== 'find' || !moment.table.endsWith('OrganizationMembership')) return;
      underWay += moment.phase === 'before' ? 1 : -1;
      most = Math.max(most, underWay);
      if (moment.phase === 'before') asked.push(moment.key.partitionKey);
      await Promise.resolve();
    });
    await world.through(tables).provision(message({ second: 60, groups: [] }));
    expect(await reportedOf(world)).toEqual(kept);
    expect([asked.length, asked[0], most]).toEqual([1_000, 'member-1099', 16]);
  });

  it('costs no request for a person who is not an administrator', async () => {
    const world = await readyWorld();
    await signIns(world, {});
    await readListAgain(world);
    world.tables.forgetRequests();
    await signIns(world, { second: 60, groups: [] });
    expect(world.tables.requests().filter((request) => request.kind === 'readPage')).toHaveLength(2);
  });

  it('is kept when two leave one after the other, and there it ends', async () => {
    const world = await readyWorld();
    await signIns(
      world,
      { appRoles: ['org_admin'] },
      { userId: BOB, appRoles: ['org_admin'] },
      { groups: [] },
      { userId: BOB, groups: [] },
    );
    expect([await organizationRoleOf(world), await organizationRoleOf(world, BOB)]).toEqual([
      undefined,
      'org_admin',
    ]);
  });

  /** Lets Bob's whole run happen inside one request of Alice's, at every request in turn. */
  it('is kept when two leave at once, wherever the one run falls into the other', async () => {
    let isThrough = false;
    for (let at = 0; !isThrough; at += 1) {
      const world = await readyWorld();
      await signIns(world, { appRoles: ['org_admin'] }, { userId: BOB, appRoles: ['org_admin'] });
      let request = 0;
      const tables = world.tables.view(async ({ phase }) => {
        if (phase !== 'before') return;
        request += 1;
        if (request === at + 1) await world.provision(message({ userId: BOB, second: 200, groups: [] }));
      });
      await world.through(tables).provision(message({ second: 200, groups: [] }));
      isThrough = request <= at;
      if (isThrough) await world.provision(message({ userId: BOB, second: 200, groups: [] }));
      const roles = [await organizationRoleOf(world), await organizationRoleOf(world, BOB)];
      expect(
        roles.filter((role) => role === 'org_admin'),
        `Bob at Alice's request ${at}`,
      ).toHaveLength(1);
      expect(at).toBeLessThan(50);
    }
  });

  it('does not count a person whose run is still removing the role', async () => {
    const world = await readyWorld();
    await signIns(world, { appRoles: ['org_admin'] }, { userId: BOB, appRoles: ['org_admin'] });
    const dying = world.through(
      world.tables.view(({ phase, kind }) => {
        if (phase === 'before' && kind === 'transact') throw new Error('crash');
      }),
    );
    await dying.provision(message({ second: 200, groups: [] })).catch(() => undefined);
    await signIns(world, { userId: BOB, second: 201, groups: [] });
    expect(await organizationRoleOf(world, BOB)).toBe('org_admin');
    expect(await reportedOf(world, BOB)).toEqual(kept);
  });

  it('may go again when a dead run’s person stays after all', async () => {
    const world = await readyWorld();
    await signIns(world, { appRoles: ['org_admin'] }, { userId: BOB, appRoles: ['org_admin'] });
    const dying = world.through(
      world.tables.view(({ phase, kind }) => {
        if (phase === 'before' && kind === 'transact') throw new Error('crash');
      }),
    );
    await dying.provision(message({ second: 200, groups: [] })).catch(() => undefined);
    await signIns(world, { second: 201, appRoles: ['org_admin'] }, { userId: BOB, second: 202, groups: [] });
    expect([await organizationRoleOf(world), await organizationRoleOf(world, BOB)]).toEqual([
      'org_admin',
      undefined,
    ]);
  });

  it('stays where the row of another who leaves cannot be read, and the report does not say whose', async () => {
    const world = await readyWorld();
    const all = [ALICE, BOB, CAROL];
    await signIns(world, ...all.map((userId) => ({ userId, appRoles: ['org_admin'] })));
    await signIns(world, { userId: BOB, second: 200, groups: [] });
    await editRow(world.tables, userRow(BOB), { run_state: 'almost' });
    await signIns(world, { second: 210, groups: [] });
    expect(await reportedOf(world)).toEqual([
      { kind: 'organization', id: GROUP, code: 'row_unreadable', detail: 'LiteLLMUserTable: run_state' },
    ]);
  });

  it('stays where the guard cannot be read, which is reported and withholds only this organization', async () => {
    const world = await readyWorld({ assigned: [PRODUCTION_TEAM, OTHER] });
    const groups = [GROUP, 'other'];
    await signIns(
      world,
      { userId: CAROL, appRoles: ['org_admin'], groups },
      { userId: BOB, appRoles: ['org_admin'], groups },
      { appRoles: ['org_admin'], groups },
    );
    await signIns(world, { userId: CAROL, second: 200, groups: [] });
    await editRow(world.tables, guardRow(GROUP), { leaving: 'nobody' });
    await signIns(world, { second: 210, groups: [] });
    expect(await membershipsOf(world, ALICE)).toEqual(['organization:entra-group-123 org_admin']);
    expect(await reportedOf(world)).toEqual([
      {
        kind: 'organization',
        id: GROUP,
        code: 'row_unreadable',
        detail: 'LiteLLMOrganizationMembers: leaving',
      },
    ]);
  });
});
